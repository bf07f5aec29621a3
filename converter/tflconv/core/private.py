"""Folders in which one process works alone, and locks between processes.

A private folder is locked as long as its process lives; the system takes the lock back when the
process is killed. So whoever gets the lock of such a folder knows that nobody comes back to it, and
deletes it. Numbers of processes would not tell: they are given anew, and mean nothing in another
container. Locks are those of ``flock(2)`` on the folders themselves, so that no lock file is left.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tflconv.errors import TflconvError

PREFIX = ".tflconv~"
"""How the names of private folders begin: hidden, and like no other program's."""


@contextlib.contextmanager
def private_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder in ``parent`` that is deleted after the block.

    After a kill it is deleted by the next process that makes one in ``parent``, or by ``sweep``.

    Args:
        parent: An existing folder.

    Raises:
        OSError: Nothing can be written there.
    """
    sweep_once(parent)
    folder, descriptor = _new(parent)
    try:
        yield folder
    finally:
        _remove(folder)
        os.close(descriptor)


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a private folder in the system's folder for temporary files.

    Raises:
        TflconvError: Nothing can be written there.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(private_folder(Path(tempfile.gettempdir())))
        except OSError as error:
            raise TflconvError(
                f"there is no folder for temporary files: {error.strerror}.",
                hint="Free some space there, or name another folder with TMPDIR.",
            ) from error
        yield folder


@contextlib.contextmanager
def temporary_files() -> Iterator[None]:
    """Keep all temporary files of this process in one private folder during the block.

    TensorFlow and Keras make some, too, which a kill would leave for ever. Where no folder can be
    made, they lie where they would: most commands need none.
    """
    with contextlib.ExitStack() as stack:
        before = tempfile.tempdir
        with contextlib.suppress(TflconvError):
            tempfile.tempdir = str(stack.enter_context(scratch_folder()))
        try:
            yield
        finally:
            tempfile.tempdir = before


def environment() -> dict[str, str]:
    """Return the environment for a program whose temporary files are to lie with those of ours."""
    return os.environ | {"TMPDIR": tempfile.gettempdir()}


@contextlib.contextmanager
def locked(folder: Path, waiting: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Let no other process or thread into a block with the same ``folder``.

    Some network file systems have no locks for folders; there the block runs unlocked.

    Args:
        folder: An existing folder.
        waiting: Is called if another one is in such a block.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            pass
        yield
    finally:
        os.close(descriptor)


def sweep(parent: Path) -> None:
    """Delete the private folders that killed processes left in ``parent``."""
    for folder in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            _delete_if_left(folder)


sweep_once = functools.cache(sweep)
"""``sweep``, for a folder that this process has not swept yet."""


def _remove(folder: Path) -> None:
    """Remove ``folder``, for a second where a child that is just ending still works in it."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)


def _delete_if_left(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(descriptor).st_uid == os.getuid():
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(folder)
    finally:
        os.close(descriptor)


def _new(parent: Path) -> tuple[Path, int]:
    """Make and lock a folder; make another one if it was swept before it was locked."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if folder.is_dir():
            return folder, descriptor
        os.close(descriptor)
