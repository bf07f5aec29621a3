"""Write files and folders atomically, and name their contents by hash."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import secrets
import shutil
import stat
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import platformdirs

from tflconv.core.private import locked, private_folder
from tflconv.core.text import to_json
from tflconv.errors import TflconvError

_WRITE_HINTS: dict[int | None, str] = {
    errno.ENOSPC: "The disk is full: free some space or choose another folder.",
    errno.EDQUOT: "Your disk quota is used up: free some space or choose another folder.",
    errno.EACCES: "Choose a folder you may write to.",
    errno.EPERM: "Choose a folder you may write to.",
    errno.EROFS: "The file system is read-only: choose another folder.",
    errno.ENOTDIR: "A part of the path is a file, not a folder.",
    errno.EEXIST: "A part of the path is a file, not a folder.",
    errno.EISDIR: "Name a file: this is a folder.",
    errno.ELOOP: "Its links lead in a circle: choose another path.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
    errno.ENODEV: "Name a file: this is a device or a pipe.",
    errno.EIO: "The disk does not work: choose another folder.",
}
_NO_FOLDER: dict[int | None, str] = {
    errno.ENOENT: "The folder is not there and cannot be made: choose another one."
}
_CACHE_HINT = "Name a folder for caches that you may write to: TFLCONV_CACHE_DIR=DIR."
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)
"""What renaming a folder raises where something lies already."""


@contextlib.contextmanager
def explain_write_errors(
    target: Path, hints: Mapping[int | None, str] = _WRITE_HINTS
) -> Iterator[None]:
    """Turn an ``OSError`` raised while ``target`` is written into a ``TflconvError``.

    Args:
        target: The path that the message names.
        hints: What to do, by error number; other errors are raised as they are, and so are those
            of files elsewhere.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in hints or not _concerns(error, target):
            raise
        hint = _CACHE_HINT if _is_cached(target) else hints[error.errno]
        raise TflconvError(f"cannot write {target}: {error.strerror}.", hint=hint) from error


def _concerns(error: OSError, target: Path) -> bool:
    """Return whether ``error`` is of ``target``, and not of a file elsewhere that a block reads."""
    if not isinstance(error.filename, (str, bytes)):
        return True
    try:
        named, folder = Path(os.fsdecode(error.filename)).absolute(), target.parent.absolute()
        return named.is_relative_to(folder) or folder.is_relative_to(named)
    except OSError:
        return True  # the current folder is gone


@contextlib.contextmanager
def explain_output_errors(target: Path) -> Iterator[None]:
    """Turn all that prevents ``target`` from being made into a ``TflconvError``.

    Also for a folder that is not there, and for names that the file system or the locale cannot
    spell.

    Args:
        target: The path that the message names.

    Raises:
        TflconvError: It cannot be made.
    """
    try:
        with explain_write_errors(target, _WRITE_HINTS | _NO_FOLDER):
            yield
    except UnicodeEncodeError as error:
        raise TflconvError(
            f"cannot write {str(target)!a}: this locale cannot spell the name.",
            hint="Set PYTHONUTF8=1 or LC_ALL=C.UTF-8, or choose a name of ASCII characters.",
        ) from error
    except ValueError as error:
        raise TflconvError(
            f"cannot write {str(target)!a}: {error}.", hint="Choose another name."
        ) from error


def require_replaceable(target: Path) -> None:
    """Raise ``OSError`` where something that is no file is in the place of ``target``.

    A device or a pipe would be replaced by a file: for root, ``/dev/null`` too.
    """
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        number = errno.EISDIR if stat.S_ISDIR(mode) else errno.ENODEV
        reason = "Is a directory" if stat.S_ISDIR(mode) else "Is no file"
        raise OSError(number, reason)


@contextlib.contextmanager
def replacing_file(target: Path) -> Iterator[Path]:
    """Yield the path of a file to write, which replaces ``target`` when the block succeeds.

    Raises:
        TflconvError: ``target`` cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with replacing_file(Path(folder) / "model.tflite") as temporary:
        ...         _ = temporary.write_bytes(b"content")
        ...     [path.name for path in Path(folder).iterdir()]
        ['model.tflite']
    """
    with explain_write_errors(target):
        with explain_output_errors(target):
            require_replaceable(target)
        with beside(target) as folder:
            draft = folder / target.name
            yield draft
            _replace(draft, target)


@contextlib.contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """Yield a new folder, which replaces ``target`` when the block succeeds.

    Raises:
        TflconvError: ``target`` cannot be written.
    """
    with explain_write_errors(target), beside(target) as folder:
        draft = folder / target.name
        draft.mkdir()
        yield draft
        place_folder(draft, target)


def place_folder(
    draft: Path, target: Path, *, stays: Callable[[Path], bool] = lambda _: False
) -> bool:
    """Give the folder ``draft`` the name ``target``, in one step.

    A folder never takes the name of one that holds something: that is how the system says that
    another process was first. What it placed is then put out of the way under a lock, unless it
    is to stay.

    Args:
        draft: A folder in a private folder beside ``target``.
        target: Its name from now on.
        stays: Whether what lies at ``target`` is to stay; it is asked under the lock.

    Returns:
        Whether ``target`` is now what was ``draft``.

    Raises:
        OSError: Nothing can be written there.
    """
    if _renamed(draft, target):
        return True
    with locked(target.parent):
        while not stays(target):
            put_away(target, draft.parent)
            if _renamed(draft, target):
                return True
    return False


def put_away(path: Path, folder: Path) -> None:
    """Take what lies at ``path`` away in one step.

    A folder in a lower layer of a container cannot be moved: it is deleted where it lies.

    Args:
        path: A file or folder, which may already be gone.
        folder: A private folder beside it.
    """
    try:
        path.rename(folder / f"{path.name}.{secrets.token_hex(4)}")
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.rmtree(path)


def _renamed(draft: Path, target: Path) -> bool:
    try:
        draft.rename(target)
    except OSError as error:
        if error.errno not in _TAKEN:
            raise
        return False
    return True


def _replace(temporary: Path, target: Path) -> None:
    """Move ``temporary`` over ``target``; over one that is mounted by itself, copy its content."""
    try:
        temporary.replace(target)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        shutil.copyfile(temporary, target)


@contextlib.contextmanager
def beside(target: Path) -> Iterator[Path]:
    """Yield a private folder in the folder of ``target``, which is made if it is not there.

    Raises:
        TflconvError: That folder cannot be made or written to.
    """
    with contextlib.ExitStack() as stack:
        with explain_output_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            folder = stack.enter_context(private_folder(target.parent))
        yield folder


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
    return write_text(target, to_json(value) + "\n")


def cache_dir(part: str) -> Path:
    """Return the cache folder for ``part``; ``$TFLCONV_CACHE_DIR`` moves all cache folders."""
    root = os.environ.get("TFLCONV_CACHE_DIR") or platformdirs.user_cache_dir("tflconv")
    return Path(root) / part


def _is_cached(target: Path) -> bool:
    return cache_dir("") in target.parents


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


def gzip_size(path: Path) -> int:
    """Return the bytes of the file at ``path`` as gzip packs it at level 9: those of a download."""
    packer, size = zlib.compressobj(9, zlib.DEFLATED, _GZIP), 0
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            size += len(packer.compress(block))
    return size + len(packer.flush())


_GZIP = 16 + zlib.MAX_WBITS
"""What zlib is told to write a gzip file, whose header then has no name and no time."""


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
