"""Figures that change from step to step: the learning rate, and how fast the average follows."""

from __future__ import annotations

from math import cos, pi

from tflconv.training.config import TrainConfig


def learning_rate(config: TrainConfig, share: float) -> float:
    """The learning rate after ``share`` of all steps: a rise, then half a cosine down to 0."""
    if share < config.warmup_ratio:
        return config.learning_rate * share / config.warmup_ratio
    rest = (share - config.warmup_ratio) / (1 - config.warmup_ratio)
    return config.learning_rate * (1 + cos(pi * rest)) / 2


def kept_share(config: TrainConfig, done: int) -> float:
    """How much of the average a step keeps: less at first, so that the start is soon forgotten."""
    return min(config.ema_decay, (1 + done) / (10 + done))
