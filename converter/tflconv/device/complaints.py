"""The line of a failed program's output that says what went wrong.

Programs repeat what servers and phones say, so that nothing but printable characters is shown.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tflconv.core.private import environment
from tflconv.core.text import clean

NOTHING = "it printed nothing"
_LENGTH = 300


def last_line(output: str) -> str:
    """Return the last line of ``output`` that is not empty.

    Example:
        >>> last_line("W: slow mirror\\nE: no such package\\n\\n")
        'E: no such package'

    """
    lines = output.strip().splitlines()
    return clean(lines[-1], _LENGTH) if lines else NOTHING


def first_error(output: str) -> str:
    """Return the first line of a compiler's ``output`` that reports an error, else the first line.

    Example:
        >>> first_error("a.c: In function 'f':\\na.c:1:1: error: expected ';'")
        "a.c:1:1: error: expected ';'"

    """
    lines = output.strip().splitlines()
    errors = [line for line in lines if "error" in line]
    return clean((errors or lines or [NOTHING])[0], _LENGTH)


def complaint(command: Sequence[str], folder: Path, *, seconds: float) -> str | None:
    """Run a program that downloads something, such as pip or apt-get.

    Args:
        command: The program and its arguments.
        folder: Where to run it.
        seconds: Time that it may take; then it is ended.

    Returns:
        None if it succeeded, else why it did not.

    """
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment(),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return f"it did not end within {seconds:g} s"
    if done.returncode == 0:
        return None
    errors = [line for line in done.stderr.splitlines() if "ERROR" in line]
    return last_line("\n".join(errors) or done.stderr).removeprefix("ERROR: ")
