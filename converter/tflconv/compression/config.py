"""Settings of the techniques."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal

from tflconv.errors import require

Engine = Literal["tflconv", "tfmot"]


@dataclass(frozen=True, kw_only=True)
class QatConfig:
    """Settings of quantization-aware training, which starts from a trained float model.

    Attributes:
        engine: ``tflconv`` (Keras 2 and 3) or ``tfmot`` (Keras 2).
        epochs: Passes over the training pictures.
        batch_size: Pictures per step.
        learning_rate: First learning rate; it falls to 0 along half a cosine.
        ema_decay: Decay of the exponential moving average of ranges; only of ``tflconv``.
        bits: Bits of the weights; ``tfmot`` has 8 only.
        seed: Seed of the order of the pictures.

    Raises:
        UsageError: A setting is out of its limits.

    Example:
        >>> QatConfig(epochs=5).learning_rate
        0.0003
    """

    engine: Engine = "tflconv"
    epochs: int = 3
    batch_size: int = 64
    learning_rate: float = 3e-4
    ema_decay: float = 0.99
    bits: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        require(
            "qat",
            self,
            engine=(self.engine in ("tflconv", "tfmot"), "tflconv or tfmot"),
            epochs=(self.epochs >= 1, "at least 1"),
            batch_size=(self.batch_size >= 1, "at least 1"),
            learning_rate=(0 < self.learning_rate < inf, "positive"),
            ema_decay=(0 <= self.ema_decay < 1, "at least 0 and below 1"),
            bits=(2 <= self.bits <= 8, "2 to 8"),
            seed=(0 <= self.seed < 2**32, "at least 0 and below 2**32"),
        )
        if self.engine == "tfmot":
            require("qat by tfmot", self, bits=(self.bits == 8, "8"))
