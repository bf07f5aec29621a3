"""Label files: one class per line, in the order of the model's outputs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tflconv.core import inputs
from tflconv.core.given import AnyPath
from tflconv.core.text import clean_name
from tflconv.errors import TflconvError


def read_labels(path: Path, count: int | None = None) -> tuple[str, ...]:
    """Read the labels in a text file, one per line.

    Args:
        path: The file, in UTF-8, or in UTF-16 with a byte-order mark.
        count: Number of outputs of the model, if it is to be checked.

    Returns:
        The labels, in their order.

    Raises:
        TflconvError: The file cannot be read, a line is empty, or the number of labels differs.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "labels.txt"
        ...     _ = path.write_text("cat" + chr(10) + "dog")
        ...     read_labels(path)
        ('cat', 'dog')
    """
    try:
        lines = inputs.read_marked_text(path).rstrip("\n").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TflconvError(
            f"cannot read labels from {path}: {inputs.why_unread(error)}.",
            hint="It is a text file with one label per line, in the order of the model's outputs.",
        ) from error
    labels = tuple(map(clean_name, lines))
    for number, label in enumerate(labels, 1):
        if not label:
            raise TflconvError(f"{path}, line {number}: a label is empty.")
    if count is not None and len(labels) != count:
        raise TflconvError(
            f"{path} has {len(labels)} labels; the model has {count} outputs.",
            hint="Write one label per line, in the order of the model's outputs.",
        )
    return labels


def named_labels(labels: AnyPath | Iterable[str] | None) -> tuple[str, ...] | None:
    """Return labels as they are, or those in the file that is named.

    Raises:
        TflconvError: The file cannot be read.

    Example:
        >>> named_labels(["cat", "dog"])
        ('cat', 'dog')
    """
    if labels is None:
        return None
    if isinstance(labels, (str, os.PathLike)):
        return read_labels(Path(labels))
    return tuple(labels)
