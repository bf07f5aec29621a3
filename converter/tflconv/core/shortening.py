"""Text that fits on one line."""

from __future__ import annotations


def shorten(text: str, length: int = 60) -> str:
    """Return ``text`` on one line with at most ``length`` characters, ``…`` for what was cut.

    Example:
        >>> shorten("a name that nobody can read", 10)
        'a name th…'

    """
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
