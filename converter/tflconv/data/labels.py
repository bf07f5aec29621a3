"""Label files: one class per line, in the order of the model's outputs.

Lines may be numbered, ``0 cat`` or ``cat,0``, from 0 or 1 on: then the numbers are the order. JSON
may be a list, or a mapping of names and numbers, as ``class_indices`` of Keras.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from tflconv.core import inputs
from tflconv.core.bounded import read_json
from tflconv.core.given import AnyPath
from tflconv.core.text import clean_name
from tflconv.errors import TflconvError


def read_labels(path: Path, count: int | None = None) -> tuple[str, ...]:
    """Read the labels in a text file, one per line, perhaps numbered, or in JSON.

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
        text = inputs.read_marked_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise TflconvError(
            f"cannot read labels from {path}: {inputs.why_unread(error)}.",
            hint="It is a text file with one label per line, in the order of the model's outputs.",
        ) from error
    lines = _of_json(text) or _unquoted(text.rstrip("\n").splitlines())
    labels = tuple(map(clean_name, _by_number(lines)))
    for number, label in enumerate(labels, 1):
        if not label:
            raise TflconvError(f"{path}, line {number}: a label is empty.")
    if count is not None and len(labels) != count:
        raise TflconvError(
            f"{path} has {len(labels)} labels; the model has {count} outputs.",
            hint="Write one label per line, in the order of the model's outputs.",
        )
    return labels


def _of_json(text: str) -> list[str] | None:
    """The labels in JSON, those of a mapping with their numbers; None for any other text."""
    if text.lstrip()[:1] not in ("[", "{"):
        return None
    try:
        value = read_json(text)
    except (ValueError, RecursionError):  # a line may begin so
        return None
    if isinstance(value, dict):
        # ImageNet's has an identifier before each name
        names = {k: v[-1] if isinstance(v, list) and v else v for k, v in value.items()}
        return [f"{key}\t{each}" for key, each in names.items()]
    return [str(each) for each in value] if isinstance(value, list) else None


def _unquoted(lines: list[str]) -> list[str]:
    quoted = all(len(line) > 1 and line[0] == line[-1] == '"' for line in lines)
    return [line[1:-1] for line in lines] if quoted else lines


def _by_number(lines: list[str]) -> list[str]:
    """The labels by their numbers, if each has one and they go from 0 or 1 on; else as they are."""
    for pattern, number, name in _NUMBERED:
        matches = [pattern.fullmatch(line.strip()) for line in lines]
        by_number = {int(each[number]): each[name] for each in matches if each is not None}
        first = min(by_number, default=-1)
        whole = sorted(by_number) == list(range(first, first + len(lines))) and first in (0, 1)
        if whole and len(lines) > 1 and len({*by_number.values()}) == len(lines):
            return [by_number[place] for place in sorted(by_number)]
    return lines


_NUMBERED = (
    (re.compile(r"(\d{1,6})(?:\s*[,;:=\t]\s*|\s+)(.*\S)"), 1, 2),
    (re.compile(r"(.*\S)\s*[,;:=\t]\s*(\d{1,6})"), 2, 1),
)


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
