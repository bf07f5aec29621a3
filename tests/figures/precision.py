"""What bfloat16 does to a step of training: ``python tests/figures/precision.py``.

Each network takes steps with float32 and with bfloat16 in turns, on random pictures; the table has
the medians. It is the one in ``docs/training-speed.md``.
"""

from __future__ import annotations

import time
from statistics import median

import numpy as np

from tflconv import models
from tflconv.core.tensorflow import keras2
from tflconv.model.normalization import NAMED
from tflconv.training import TrainConfig, precision
from tflconv.training.augmentation import Augmentation
from tflconv.training.config import Precision
from tflconv.training.learner import Learner
from tflconv.training.views import Batch

NETWORKS = {
    "resnet, width 16": ("resnet", {"width": 16}),
    "resnet, width 32": ("resnet", {"width": 32}),
    "squeezenet": ("squeezenet", {}),
    "vit_int8": ("vit_int8", {}),
    "vit": ("vit", {"patch": 4}),
    "mobilenet_v2": ("mobilenet_v2", {}),
    "mobilenet_v3_small": ("mobilenet_v3_small", {}),
}
BOTH: tuple[Precision, ...] = ("float32", "bfloat16")
COUNT, SIZE, CLASSES = 128, (32, 32), 10
WARMUP, STEPS = 2, 8


def main() -> None:
    """Print a row per network."""
    if precision.usable("bfloat16") != "bfloat16":
        raise SystemExit("this computer has no bfloat16 that TensorFlow uses")
    print("| network | ms, float32 | ms, bfloat16 | share |")
    print("|---|---:|---:|---:|")
    for name, (model, options) in NETWORKS.items():
        plain, rounded = (1000 * median(times) for times in _steps(model, options))
        print(f"| {name} | {plain:.0f} | {rounded:.0f} | {rounded / plain:.0%} |", flush=True)


def _steps(model: str, options: dict[str, object]) -> list[list[float]]:
    """Seconds of each step, with float32 and with bfloat16."""
    learners = [_learner(model, options, each) for each in BOTH]
    batch = _batch()
    times: list[list[float]] = [[], []]
    for step in range(WARMUP + STEPS):
        for taken, learner in zip(times, learners, strict=True):
            began = time.perf_counter()
            learner.step(batch, 0.001, 0.99)
            if step >= WARMUP:
                taken.append(time.perf_counter() - began)
    return times


def _learner(model: str, options: dict[str, object], arithmetic: Precision) -> Learner:
    keras2.utils.set_random_seed(0)
    network = models.build(model, (*SIZE, 3), CLASSES, **options)
    return Learner(network, TrainConfig(precision=arithmetic), NAMED["-1..1"])


def _batch() -> Batch:
    draw = np.random.default_rng(0)
    return Batch(
        pixels=draw.integers(0, 256, (COUNT, *SIZE, 3), np.uint8),
        labels=draw.integers(0, CLASSES, COUNT),
        maps=Augmentation(shift=4, flip=True).maps(COUNT, SIZE, draw),
    )


if __name__ == "__main__":
    main()
