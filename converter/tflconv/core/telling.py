"""Warnings of ours: they point at the line that called us, in the words of its language."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_OURS = f"{Path(__file__).parents[1]}/"
_BETWEEN = contextlib.__file__

_SPELLED: ContextVar[Callable[[str], str]] = ContextVar("spelled", default=str)


def warn(message: str) -> None:
    """Issue a warning, in the words of the door through which we were called."""
    warnings.warn(_SPELLED.get()(message), stacklevel=_level())


@contextmanager
def spelling(spelled: Callable[[str], str]) -> Iterator[None]:
    """Spell the warnings of the block by ``spelled``."""
    token = _SPELLED.set(spelled)
    try:
        yield
    finally:
        _SPELLED.reset(token)


def _level() -> int:
    """Return how far above ``warn`` the first line is that is not ours."""
    level, frame = 2, sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename.startswith((_OURS, _BETWEEN)):
        level, frame = level + 1, frame.f_back
    return level
