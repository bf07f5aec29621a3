"""What share of a training goes to its pictures: ``python tests/figures/input_share.py``.

Views are drawn and batches cut by NumPy in the thread that then starts the step; the pictures are
moved within the step. Compared are seconds of processor time, which other work on the computer does
not change much: of this thread for all batches of an epoch, and of all threads for a step.
"""

from __future__ import annotations

import time
from statistics import median
from types import SimpleNamespace
from typing import Any

import numpy as np

from tflconv import models
from tflconv.core.tensorflow import keras2
from tflconv.data import Split
from tflconv.model.normalization import NAMED
from tflconv.training import TrainConfig
from tflconv.training.course import Course
from tflconv.training.learner import Learner

COUNT, SIDE, CLASSES, STEPS = 45_000, 32, 10, 5
ALLOWED = {"shift": 4, "flip": True}
WAYS: dict[str, dict[str, Any]] = {
    "augmentation": {},
    "augmentation, CutMix, erasing": {"cutmix": 1.0, "erasing": 0.25},
}


def main() -> None:
    """Print a row per way to show pictures, for the smallest ResNet of the recorded studies."""
    print("| pictures | ms for a batch of 64 | ms for its step | share |")
    print("|---|---:|---:|---:|")
    for name, settings in WAYS.items():
        course = Course(_pictures(), TrainConfig(**settings))
        began = time.thread_time()
        count = sum(1 for _ in course.batches(1))
        cut = (time.thread_time() - began) / count
        step = _step(course)
        share = cut / (cut + step)
        print(f"| {name} | {1000 * cut:.2f} | {1000 * step:.0f} | {share:.2%} |", flush=True)


def _step(course: Course) -> float:
    keras2.utils.set_random_seed(0)
    network = models.build("resnet", (SIDE, SIDE, 3), CLASSES, width=16, blocks=1)
    learner = Learner(network, course.config, NAMED["-1..1"])
    batch, times = next(course.batches(0)), []
    for _ in range(1 + STEPS):
        began = time.process_time()
        learner.step(batch, 0.001, 0.99)
        times.append(time.process_time() - began)
    return median(times[1:])


def _pictures() -> Any:
    draw = np.random.default_rng(0)
    train = Split(
        images=draw.integers(0, 256, (COUNT, SIDE, SIDE, 3), np.uint8),
        labels=np.arange(COUNT) % CLASSES,
        ids=tuple(map(str, range(COUNT))),
    )
    return SimpleNamespace(train=train, card=SimpleNamespace(augmentation=ALLOWED))


if __name__ == "__main__":
    main()
