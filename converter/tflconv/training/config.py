"""How a model is trained; the defaults are what was measured to work on small pictures."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

from tflconv.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of a training.

    The learning rate rises from 0 over the first ``warmup`` share of all steps and falls to 0
    along half a cosine. ``smoothing`` takes that much of each label and spreads it over all
    classes. ``average`` is how much of the moving average of the weights each step keeps; 0 means
    no average. ``patience`` is how many epochs without a better validation accuracy end the
    training; 0 means never.
    """

    epochs: int = 12
    batch_size: int = 64
    learning_rate: float = 0.002
    warmup: float = 0.1
    weight_decay: float = 0.05
    smoothing: float = 0.1
    average: float = 0.99
    patience: int = 0
    augment: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        self._check("epochs", self.epochs >= 1, "at least 1")
        self._check("batch_size", self.batch_size >= 1, "at least 1")
        self._check("learning_rate", 0 < self.learning_rate < inf, "positive")
        self._check("warmup", 0 <= self.warmup < 1, "at least 0 and below 1")
        self._check("weight_decay", 0 <= self.weight_decay < inf, "at least 0")
        self._check("smoothing", 0 <= self.smoothing < 1, "at least 0 and below 1")
        self._check("average", 0 <= self.average < 1, "at least 0 and below 1")
        self._check("patience", self.patience >= 0, "at least 0")
        self._check("seed", 0 <= self.seed < 2**32, "at least 0 and below 2**32")

    def _check(self, name: str, holds: bool, rule: str) -> None:
        if not holds:
            value: Any = getattr(self, name)
            raise UsageError(f"training: {name} must be {rule}. Received: {name}={value}.")
