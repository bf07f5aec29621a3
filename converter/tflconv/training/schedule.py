"""What changes from step to step: the learning rate, and the decay of the averaged weights.

The learning rate rises linearly during warmup, then falls along half a cosine (Loshchilov and
Hutter 2017, "SGDR"). The EMA decay is ramped up, so that the average soon forgets the weights that
it started from (``num_updates`` of ``tf.train.ExponentialMovingAverage``).
"""

from __future__ import annotations

from math import cos, pi

from tflconv.training.config import TrainConfig


def learning_rate(config: TrainConfig, share: float) -> float:
    """Return the learning rate after a share of all steps: linear warmup, then cosine decay to 0.

    With the peak rate ``r`` and the warmup ratio ``w``, the rate at ``share`` is
    ``r share / w`` during warmup and ``r (1 + cos(pi (share - w) / (1 - w))) / 2`` after it.

    Args:
        config: Settings of the training: ``learning_rate`` and ``warmup_ratio``.
        share: Steps done over steps in all, 0 to 1.

    Returns:
        The learning rate.

    Example:
        >>> config = TrainConfig(learning_rate=0.4, warmup_ratio=0.5)
        >>> [learning_rate(config, share) for share in (0.25, 0.5, 1.0)]
        [0.2, 0.4, 0.0]
    """
    if share < config.warmup_ratio:
        return config.learning_rate * share / config.warmup_ratio
    rest = (share - config.warmup_ratio) / (1 - config.warmup_ratio)
    return config.learning_rate * (1 + cos(pi * rest)) / 2


def ema_decay_at(config: TrainConfig, step: int) -> float:
    """Return the EMA decay of a step: ``min(ema_decay, (1 + step) / (10 + step))``.

    A step moves the averaged weights by ``average = decay * average + (1 - decay) * weights``.

    Args:
        config: Settings of the training: ``ema_decay`` is the limit.
        step: Number of the step, from 0.

    Returns:
        The decay, 0 to below 1.

    Example:
        >>> [ema_decay_at(TrainConfig(ema_decay=0.99), step) for step in (0, 10, 10_000)]
        [0.1, 0.55, 0.99]
    """
    return min(config.ema_decay, (1 + step) / (10 + step))
