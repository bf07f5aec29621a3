"""Counts with their nouns."""

from __future__ import annotations


def plural(count: int, noun: str) -> str:
    """Return a count with its noun, with an ``s`` unless the count is 1.

    Example:
        >>> plural(1, "run"), plural(2, "run")
        ('1 run', '2 runs')
    """
    return f"{count} {noun}" + ("" if count == 1 else "s")
