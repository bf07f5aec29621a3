"""The line of a failed program's output that says what went wrong."""

from __future__ import annotations

NOTHING = "it printed nothing"


def last_line(output: str) -> str:
    """Return the last line of ``output`` that is not empty.

    Example:
        >>> last_line("W: slow mirror\\nE: no such package\\n\\n")
        'E: no such package'

    """
    lines = output.strip().splitlines()
    return lines[-1].strip() if lines else NOTHING


def first_error(output: str) -> str:
    """Return the first line of a compiler's ``output`` that reports an error, else the first line.

    Example:
        >>> first_error("a.c: In function 'f':\\na.c:1:1: error: expected ';'")
        "a.c:1:1: error: expected ';'"

    """
    lines = output.strip().splitlines()
    errors = [line for line in lines if "error" in line]
    return (errors or lines or [NOTHING])[0]
