"""Counts with their nouns."""

from __future__ import annotations


def plural(count: int, noun: str) -> str:
    """Return a count with its noun, with an ``s`` or ``es`` unless the count is 1.

    Example:
        >>> plural(1, "run"), plural(2, "run"), plural(3, "class")
        ('1 run', '2 runs', '3 classes')
    """
    ending = "es" if noun.endswith("s") else "s"
    return f"{count} {noun}" + ("" if count == 1 else ending)
