"""Labels that lie in a ``.tflite`` file whose metadata do not say how it is fed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tflconv.core import telling
from tflconv.core.plural import plural
from tflconv.model.one_score import names_fit
from tflconv.tflite import metadata


def fitting(path: Path, outputs: Sequence[int]) -> tuple[str, ...]:
    """Return the labels in the file at ``path`` if there are as many as outputs.

    Warns of labels that do not fit.

    Args:
        path: A ``.tflite`` file.
        outputs: Number of values of each output.

    Returns:
        The labels; none if there are none, or not as many.
    """
    name, labels = metadata.labels(path)
    if not labels or (len(outputs) == 1 and names_fit(labels, outputs[0])):
        return labels
    telling.warn(
        f"{path} holds {plural(len(labels), 'label')} ({name}), but has outputs of {list(outputs)}"
        " values, so they are not used. Name them with --labels FILE."
    )
    return ()
