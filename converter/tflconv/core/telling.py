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


class Warned:
    """The warnings of a block."""

    def __init__(self, caught: list[warnings.WarningMessage]) -> None:
        self._caught = caught

    @property
    def texts(self) -> tuple[str, ...]:
        """What was said to users, each text once."""
        ours = (each.message for each in self._caught if issubclass(each.category, UserWarning))
        return tuple(dict.fromkeys(map(str, ours)))


@contextmanager
def collecting() -> Iterator[Warned]:
    """Keep the warnings of the block in place of issuing them.

    Yields:
        The warnings so far.

    Example:
        >>> with collecting() as warned:
        ...     warn("noisy")
        >>> warned.texts
        ('noisy',)
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield Warned(caught)


def _level() -> int:
    """Return how far above ``warn`` the first line is that is not ours."""
    level, frame = 2, sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename.startswith((_OURS, _BETWEEN)):
        level, frame = level + 1, frame.f_back
    return level
