"""What a Python function was given: text or ``Path``, one or several."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar, Union, cast

from tflconv.errors import UsageError

Value = TypeVar("Value")

AnyPath = Union[str, "os.PathLike[str]"]
"""A path as people have it."""


def path(value: AnyPath | None) -> Path | None:
    """Return ``value`` as a ``Path``, if it is given at all."""
    return None if value is None else Path(value)


def paths(value: AnyPath | Iterable[AnyPath], what: str) -> tuple[Path, ...]:
    """Return one path or several as a tuple; ``what`` names them in errors.

    Raises:
        UsageError: It is something else, or there are none.

    Example:
        >>> [each.name for each in paths("models/vit.tflite", "files")]
        ['vit.tflite']
    """
    items = (value,) if isinstance(value, (str, os.PathLike)) else _listed(value, what)
    for each in items:
        if not isinstance(each, (str, os.PathLike)):
            raise UsageError(f"{what} must be paths. Received: {type(each).__name__}.")
    if not items:
        raise UsageError(f"{what} must name at least one file.")
    return tuple(Path(each) for each in items)


def names(value: str | Iterable[str], what: str) -> tuple[str, ...]:
    """Return one name or several as a tuple; ``what`` names them in errors.

    Raises:
        UsageError: One is not a text.

    Example:
        >>> names("fp32", "recipes"), names(["fp32", "int8"], "recipes")
        (('fp32',), ('fp32', 'int8'))
    """
    items = (value,) if isinstance(value, str) else _listed(value, what)
    for each in items:
        if not isinstance(each, str):
            raise UsageError(f"{what} must be names. Received: {type(each).__name__}.")
    return items


def several(value: Value | Iterable[Value], kind: type[Value], rule: str) -> tuple[Value, ...]:
    """Return one value of ``kind`` or several as a tuple; ``rule`` says what they must be.

    Raises:
        UsageError: One is of another type.

    Example:
        >>> several(3, int, "numbers"), several([3, 4], int, "numbers")
        ((3,), (3, 4))
    """
    items = (value,) if isinstance(value, kind) or not isinstance(value, Iterable) else (*value,)
    for each in items:
        if not isinstance(each, kind):
            raise UsageError(f"{rule}. Received: {type(each).__name__}.")
    return cast("tuple[Value, ...]", items)


def model(value: Any) -> Any:
    """Return a model as requests take it: a path becomes a ``Path``, a live model stays."""
    return Path(value) if isinstance(value, (str, os.PathLike)) else value


def source(value: Any) -> Any:
    """Return a dataset as requests take it: a path becomes text, samples stay what they are."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _listed(value: Any, what: str) -> tuple[Any, ...]:
    if not isinstance(value, Iterable):
        raise UsageError(f"{what} must be one or several. Received: {type(value).__name__}.")
    return tuple(value)
