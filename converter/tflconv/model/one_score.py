"""Classifiers of two classes that give one score: ``Dense(1, "sigmoid")``, or a logit.

The score speaks for the second class: a probability above 0.5, a logit above 0. As two columns it
is compared and trained like any other classifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tflconv.tflite import outline, reading

CLASSES = 2


def is_probability(file: Path) -> bool:
    """Return whether the outputs of a ``.tflite`` file end in sigmoid."""
    return set(outline.of(reading.read(file)).endings.values()) == {"LOGISTIC"}


def as_two(scores: NDArray[np.float32], *, probability: bool) -> NDArray[np.float32]:
    """Return a score for each of the two classes.

    Args:
        scores: ``[n, 1]``.
        probability: Whether they are probabilities, or else logits.

    Example:
        >>> as_two(np.array([[0.75]], np.float32), probability=True).tolist()
        [[0.25, 0.75]]
    """
    other = 1 - scores if probability else np.zeros_like(scores)
    return np.concatenate([other, scores], axis=1)


def names_fit(labels: Sequence[str], scores: int) -> bool:
    """Return whether ``labels`` can name what a classifier with so many ``scores`` tells apart."""
    return len(labels) == scores or (scores == 1 and len(labels) == CLASSES)
