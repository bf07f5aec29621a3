"""The standard streams of the process: what to do where one is closed, full or not in UTF-8."""

from __future__ import annotations

import codecs
import errno
import io
import os
import stat
import sys
import unicodedata

from tflconv.errors import TflconvError

_LOOKALIKES = {"×": "x", "−": "-", "–": "-", "·": "-", "…": "...", "±": "+-"}
_FULL = (1, 7)
"""Major and minor number of ``/dev/full`` on Linux."""


def prepare() -> None:
    """Make the streams fit for work, and check that results can be printed.

    A closed stream becomes ``/dev/null``: else a file that is opened later gets its number, and
    whatever a library prints is written into it. What an encoding lacks is printed in ASCII.

    Raises:
        TflconvError: Standard output is closed, or its disk is full.
    """
    closed = sys.stdout is None
    for number in range(3):
        _open(number)
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115 - as long as the process
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    codecs.register_error("tflconv", _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="tflconv")
    if closed:
        raise _unwritable("it is closed")
    if _is_full(1):
        raise _unwritable(os.strerror(errno.ENOSPC))


def flush() -> None:
    """Write what waits to be printed.

    Raises:
        OSError: Standard output cannot be written.
    """
    if sys.stdout is not None:
        sys.stdout.flush()


def failure() -> TflconvError | None:
    """Return why standard output cannot be written, or None if it can.

    Afterwards what could not be written is dropped, so that the process ends in peace.
    """
    try:
        flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return _unwritable(error.strerror or str(error))
    return None


def _unwritable(reason: str) -> TflconvError:
    return TflconvError(
        f"cannot write to standard output: {reason}.",
        hint="Send it to a file on a disk with room, or to /dev/null.",
    )


def _open(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one


def _is_full(number: int) -> bool:
    """Return whether nothing more can be written to a file, as far as can be known beforehand."""
    about = os.fstat(number)
    if stat.S_ISCHR(about.st_mode) and sys.platform == "linux":
        return (os.major(about.st_rdev), os.minor(about.st_rdev)) == _FULL
    return stat.S_ISREG(about.st_mode) and os.fstatvfs(number).f_bavail == 0


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """Spell what cannot be encoded in ASCII: as a look-alike, without accents, or as ``?``."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(map(_spelled, text)), error.end


def _spelled(char: str) -> str:
    plain = unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode()
    return _LOOKALIKES.get(char) or plain or "?"
