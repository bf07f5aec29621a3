"""Settings of a training; the defaults were measured to work well on small pictures."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from tflconv.errors import require


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of a training.

    Attributes:
        epochs: Passes over the training split.
        batch_size: Pictures per step.
        learning_rate: Peak learning rate.
        warmup_ratio: Share of all steps over which the learning rate rises from 0 to its peak.
        weight_decay: Weight decay of AdamW.
        label_smoothing: Share of each label that is spread over all classes.
        ema_decay: Decay of the exponential moving average of the weights; 0 for none.
        patience: Epochs without a better validation accuracy that end the training; 0 for never.
        augment: Whether pictures are augmented as their dataset allows.
        seed: Seed of everything drawn at random.

    Raises:
        UsageError: A setting is out of its range.

    Example:
        >>> TrainConfig(epochs=3).batch_size
        64
    """

    epochs: int = 12
    batch_size: int = 64
    learning_rate: float = 0.002
    warmup_ratio: float = 0.1
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    ema_decay: float = 0.99
    patience: int = 0
    augment: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        require(
            "training",
            self,
            epochs=(self.epochs >= 1, "at least 1"),
            batch_size=(self.batch_size >= 1, "at least 1"),
            learning_rate=(0 < self.learning_rate < inf, "positive"),
            warmup_ratio=(0 <= self.warmup_ratio < 1, "at least 0 and below 1"),
            weight_decay=(0 <= self.weight_decay < inf, "at least 0"),
            label_smoothing=(0 <= self.label_smoothing < 1, "at least 0 and below 1"),
            ema_decay=(0 <= self.ema_decay < 1, "at least 0 and below 1"),
            patience=(self.patience >= 0, "at least 0"),
            seed=(0 <= self.seed < 2**32, "at least 0 and below 2**32"),
        )
