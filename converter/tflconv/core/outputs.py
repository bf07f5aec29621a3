"""Try outputs before work begins, so that nothing is computed that cannot be kept.

A trial finds what writing would find at the end: a folder or a device in the way, links in a
circle, names that are too long or cannot be spelled, folders that cannot be made or written to, and
full disks. It leaves nothing behind, and makes no folder.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tflconv.core.files import explain_output_errors, require_replaceable
from tflconv.errors import TflconvError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
_NO_FOLDER = (errno.ENOENT, errno.EACCES, errno.EPERM)
BLOCK = 4096
"""Bytes that are written for a trial: what the smallest file takes on most disks."""


def try_files(*targets: Path) -> None:
    """Check that each of ``targets`` can be written as a file.

    Args:
        targets: The files; they and their folders need not exist.

    Raises:
        TflconvError: One of them cannot be written.

    Example:
        >>> try_files(Path("report.html"), Path("deep/down/report.csv"))
    """
    for target in targets:
        with explain_output_errors(target):
            require_replaceable(target)
            _write_block(_nearest_folder(target.parent))


def try_folder(folder: Path, *names: str) -> None:
    """Check that files can be written into ``folder``.

    Args:
        folder: The folder; it need not exist.
        names: The files in it, as far as they are known.

    Raises:
        TflconvError: The folder cannot be made or written to, or one of the files cannot.
    """
    with explain_output_errors(folder):
        _write_block(_nearest_folder(folder))
    try_files(*(folder / name for name in names))


def try_scratch() -> None:
    """Check that temporary files can be written.

    Raises:
        TflconvError: There is no folder for them, or its disk is full.
    """
    with explain_scratch_errors(_NO_ROOM + _NO_FOLDER):
        _write_block(Path(tempfile.gettempdir()))


@contextlib.contextmanager
def explain_scratch_errors(numbers: tuple[int, ...] = _NO_ROOM) -> Iterator[None]:
    """Turn what prevents temporary files from being written into a ``TflconvError``.

    Args:
        numbers: Numbers of the errors that do.

    Raises:
        TflconvError: They cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in numbers:
            raise
        raise TflconvError(
            f"cannot write temporary files: {error.strerror}.",
            hint="Free some space, or name a folder with room for them: TMPDIR=DIR.",
        ) from error


def _nearest_folder(folder: Path) -> Path:
    """Return ``folder``, or where it would be made: the first folder above it that exists."""
    for place in (folder, *folder.parents):
        try:
            if stat.S_ISDIR(place.stat().st_mode):
                return place
        except FileNotFoundError:
            if not place.is_symlink():  # a link that leads nowhere is in the way
                continue
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


def _write_block(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder) as stream:
        stream.write(bytes(BLOCK))
        stream.flush()
