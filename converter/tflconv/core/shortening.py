"""Shorten text to one line, and show nothing of strangers that a terminal would obey."""

from __future__ import annotations


def shorten(text: str, length: int = 60) -> str:
    """Return ``text`` on one line of at most ``length`` characters; ``…`` marks a cut.

    Example:
        >>> shorten("a name that nobody can read", 10)
        'a name th…'

    """
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def clean(text: str, length: int = 120) -> str:
    """Return ``text`` by a stranger on one line of printable characters.

    Example:
        >>> clean("gone\\r\\n\\x1b[2J away")
        'gone �[2J away'

    """
    return shorten("".join(c if c.isprintable() or c.isspace() else "�" for c in text), length)
