"""Write files and folders atomically, and name their contents by hash."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import platformdirs

from tflconv.errors import TflconvError

_WRITE_HINTS: dict[int | None, str] = {
    errno.ENOSPC: "The disk is full: free some space or choose another folder.",
    errno.EDQUOT: "Your disk quota is used up: free some space or choose another folder.",
    errno.EACCES: "Choose a folder you may write to.",
    errno.EPERM: "Choose a folder you may write to.",
    errno.EROFS: "The file system is read-only: choose another folder.",
    errno.ENOTDIR: "A part of the path is a file, not a folder.",
    errno.EEXIST: "A part of the path is a file, not a folder.",
}
_NO_FOLDER: dict[int | None, str] = {
    errno.ENOENT: "The folder is not there and cannot be made: choose another one."
}
_WRITER = re.compile(r"\..+\.(?P<pid>\d+)~\w+")
"""The name of a temporary file or folder, which contains the process that writes it."""

Temporary = TypeVar("Temporary")


@contextlib.contextmanager
def explain_write_errors(
    target: Path, hints: Mapping[int | None, str] = _WRITE_HINTS
) -> Iterator[None]:
    """Turn an ``OSError`` raised while ``target`` is written into a ``TflconvError``.

    Args:
        target: The path that the message names.
        hints: What to do, by error number; other errors are raised as they are.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in hints:
            raise
        raise TflconvError(
            f"cannot write {target}: {error.strerror}.", hint=hints[error.errno]
        ) from error


@contextlib.contextmanager
def replacing_file(target: Path) -> Iterator[Path]:
    """Yield a temporary file that replaces ``target`` when the block succeeds.

    Raises:
        TflconvError: ``target`` cannot be written.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with replacing_file(Path(folder) / "model.tflite") as temporary:
        ...         _ = temporary.write_bytes(b"content")
        ...     [path.name for path in Path(folder).iterdir()]
        ['model.tflite']
    """
    with explain_write_errors(target):
        handle, name = _beside(target, tempfile.mkstemp)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


def require_writable(target: Path) -> None:
    """Check that ``target`` can be written, before work is spent on its content.

    Raises:
        TflconvError: Its folder cannot be made or written to.
    """
    _beside(target, tempfile.TemporaryFile).close()


@contextlib.contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder that replaces ``target`` when the block succeeds.

    Raises:
        TflconvError: ``target`` cannot be written.
    """
    with explain_write_errors(target):
        temporary = Path(_beside(target, tempfile.mkdtemp))
        try:
            yield temporary
            if target.exists():
                shutil.rmtree(target)
            temporary.replace(target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Delete half-written files below ``folder`` whose processes no longer run."""
    for path in sorted(folder.rglob(".*")):
        writer = _WRITER.fullmatch(path.name)
        if writer is None or _is_running(int(writer["pid"])):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it runs, and belongs to another user
    return True


def _beside(target: Path, make: Callable[..., Temporary]) -> Temporary:
    """Call a function of ``tempfile`` in the folder of ``target``, with a name for ``sweep``."""
    with explain_write_errors(target, _WRITE_HINTS | _NO_FOLDER):
        target.parent.mkdir(parents=True, exist_ok=True)
        return make(prefix=f".{target.name}.{os.getpid()}~", dir=target.parent)


def write_bytes(target: Path, content: bytes) -> Path:
    """Write ``content`` to ``target``, whole or not at all, and return ``target``."""
    with replacing_file(target) as temporary:
        temporary.write_bytes(content)
    return target


def write_text(target: Path, content: str) -> Path:
    """Write ``content`` as UTF-8 to ``target``, whole or not at all, and return ``target``."""
    return write_bytes(target, content.encode())


def write_json(target: Path, value: object) -> Path:
    """Write ``value`` as indented JSON to ``target``, whole or not at all; return ``target``."""
    return write_text(target, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def cache_dir(part: str) -> Path:
    """Return the cache folder for ``part``; ``$TFLCONV_CACHE_DIR`` moves all cache folders."""
    root = os.environ.get("TFLCONV_CACHE_DIR") or platformdirs.user_cache_dir("tflconv")
    return Path(root) / part


def sha256_bytes(content: bytes) -> str:
    """Return the SHA-256 of ``content`` in hex."""
    return hashlib.sha256(content).hexdigest()


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of the content of the file at ``path`` in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def sha256_path(path: Path) -> str:
    """Return the SHA-256 of a file, or of the names and contents of all files in a folder."""
    if path.is_file():
        return sha256_file(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return sha256_json({file.relative_to(path).as_posix(): sha256_file(file) for file in files})


def sha256_json(value: object) -> str:
    """Return the SHA-256 of ``value`` as canonical JSON, which sorts the keys of objects.

    Example:
        >>> sha256_json({"a": 1, "b": 2}) == sha256_json({"b": 2, "a": 1})
        True
    """
    return sha256_bytes(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
