"""Shorten text to one line, and show nothing of strangers that a terminal would obey."""

from __future__ import annotations

from tflconv.core.text import clean


def shorten(text: str, length: int = 60) -> str:
    """Return ``text`` on one line of at most ``length`` characters; ``…`` marks a cut.

    Example:
        >>> shorten("a name that nobody can read", 10)
        'a name th…'

    """
    line = " ".join(clean(text).split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def first_line(error: Exception, length: int = 300) -> str:
    """Return the first line of what ``error`` says, without its end; its kind if it says nothing.

    Example:
        >>> first_line(ValueError("no such axis.\\nTraceback: ..."))
        'no such axis'
        >>> first_line(RuntimeError(""))
        'RuntimeError'
    """
    lines = [line for line in map(str.strip, str(error).splitlines()) if line]
    return lines[0][:length].rstrip(". ") if lines else type(error).__name__
