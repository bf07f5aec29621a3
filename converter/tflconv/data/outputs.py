"""What the outputs of a model stand for: one rule for ``convert``, ``verify`` and ``bench``.

1. Labels that the model has, or the user gives, if the classes of the pictures are among them.
2. Without labels the classes of the pictures, in their order, if there are as many as outputs.
3. Anything else is an error, for a score that is taken for another class is worse than none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tflconv.core import telling
from tflconv.core.plural import plural
from tflconv.data.dataset import Split
from tflconv.errors import UsageError

_SHOWN = 5
_OTHERS = "It was made for other classes: name pictures of those that it tells apart."
_HINT = "Name all outputs with --labels FILE, one per line; classes may be some of them."


def output_names(
    labels: Sequence[str], classes: Sequence[str], count: int, *, model: str, dataset: str
) -> tuple[str, ...]:
    """Return the names of the outputs of a model.

    Warns where the classes of the pictures are taken.

    Args:
        labels: Names that the model has, or the user gives; may be empty.
        classes: Classes of the pictures.
        count: Number of outputs.
        model: Name of the model, for messages.
        dataset: Name of the pictures, for messages.

    Raises:
        UsageError: Neither fits.

    Example:
        >>> output_names(("cat", "dog", "owl"), ("owl", "cat"), 3, model="m", dataset="d")
        ('cat', 'dog', 'owl')
    """
    if not labels and len(classes) == count:
        telling.warn(
            f"{model} does not name its outputs; they are taken to be {listed(classes)} in this"
            " order. Name them with --labels FILE."
        )
        return tuple(classes)
    if not labels:
        raise UsageError(
            f"{model} has {plural(count, 'output')}, but {dataset} has"
            f" {plural(len(classes), 'class')}.",
            hint=_HINT if count > len(classes) else _OTHERS,
        )
    if len(labels) != count:
        raise UsageError(
            f"{model} has {plural(count, 'output')}, but {plural(len(labels), 'label')}.",
            hint=_HINT,
        )
    if strange := [name for name in classes if name not in set(labels)]:
        raise UsageError(
            f"{model} was trained for other classes than those of {dataset}: it knows"
            f" {listed(labels)}, but not {listed(strange)}.",
            hint="If these are names of the same, give --labels FILE with the names of"
            f" {dataset}, one per line, in the order of the outputs.",
        )
    return tuple(labels)


def numbered(split: Split, classes: Sequence[str], outputs: Sequence[str]) -> Split:
    """Return ``split`` with labels that are positions in ``outputs`` instead of ``classes``."""
    if tuple(classes) == tuple(outputs):
        return split
    numbers = np.array([list(outputs).index(name) for name in classes], np.int64)
    return replace(split, labels=numbers[split.labels])


def listed(names: Sequence[str]) -> str:
    """Return the first few of ``names``.

    Example:
        >>> listed("abcdefg")
        'a, b, c, d, e, …'
    """
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
