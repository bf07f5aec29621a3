"""The learning rate and the EMA decay at steps whose figures are worked out by hand."""

from __future__ import annotations

import pytest

from tflconv.training import TrainConfig
from tflconv.training.schedule import ema_decay_at, learning_rate


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.0, 0.0),
        (0.05, 0.1),  # a quarter of the warm-up
        (0.1, 0.2),
        (0.2, 0.4),  # its end
        (0.4, 0.341421),  # 0.4 (1 + cos 45°) / 2
        (0.6, 0.2),
        (0.8, 0.058579),
        (1.0, 0.0),
    ],
)
def test_learning_rate_at_a_share_of_the_steps(share: float, expected: float) -> None:
    config = TrainConfig(learning_rate=0.4, warmup_ratio=0.2)
    assert learning_rate(config, share) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0.4), (0.5, 0.2), (1.0, 0.0)])
def test_without_warm_up_it_falls_from_the_start(share: float, expected: float) -> None:
    config = TrainConfig(learning_rate=0.4, warmup_ratio=0.0)
    assert learning_rate(config, share) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("step", "expected"),
    [(0, 1 / 10), (1, 2 / 11), (9, 10 / 19), (90, 91 / 100), (889, 890 / 899), (891, 0.99)],
)
def test_ema_decay_at_a_step(step: int, expected: float) -> None:
    assert ema_decay_at(TrainConfig(ema_decay=0.99), step) == pytest.approx(expected, rel=1e-9)
