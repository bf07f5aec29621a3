"""Shorten text to one line."""

from __future__ import annotations


def shorten(text: str, length: int = 60) -> str:
    """Return ``text`` on one line of at most ``length`` characters; ``…`` marks a cut.

    Example:
        >>> shorten("a name that nobody can read", 10)
        'a name th…'

    """
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
