"""Reads tar and zip archives from untrusted sources without unpacking them to disk.

Nothing is written, so no member can land outside a folder. Members with such a name (``..``, an
absolute path), links and devices are refused all the same: an archive of pictures has none. Sizes
are bounded before and while reading, so that a small archive with huge content (an archive bomb)
ends with an error and not with full memory.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, NoReturn

from tflconv.core import bounded
from tflconv.data.hidden import is_hidden_path
from tflconv.errors import TflconvError

_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")


@dataclass(frozen=True, kw_only=True)
class ArchiveLimits:
    """Limits of an archive: number of members, bytes of one member, and bytes of all together."""

    count: int = 500_000
    member_bytes: int = 256 << 20
    total_bytes: int = 32 << 30


@dataclass(frozen=True, kw_only=True)
class Member:
    """One regular file of an archive."""

    name: str
    content: bytes


def is_archive(path: Path) -> bool:
    """Return whether a file is a tar or zip archive, by its name."""
    return path.name.lower().endswith(_SUFFIXES)


def members(
    path: Path, limits: ArchiveLimits | None = None, wanted: Callable[[str], bool] | None = None
) -> Iterator[Member]:
    """Yield the regular files of an archive, in its order; hidden ones are left out.

    Args:
        path: A tar or zip archive, of any compression that tar has.
        limits: Sizes beyond which reading stops; by default those of ``ArchiveLimits``.
        wanted: Says by its name whether a file is read; by default all are.

    Raises:
        TflconvError: A member is unsafe or too large, or the archive is damaged.
    """
    with _explained(path):
        for name, read in _entries(path, limits or ArchiveLimits()):
            if wanted is None or wanted(name):
                yield Member(name=name, content=read())


def names(path: Path, limits: ArchiveLimits | None = None) -> list[str]:
    """Return the names of the files that ``members`` yields; raises what it raises."""
    with _explained(path):
        return [name for name, _ in _entries(path, limits or ArchiveLimits())]


_Entry = tuple[str, Callable[[], bytes]]


def _entries(path: Path, limits: ArchiveLimits) -> Iterator[_Entry]:
    """Yield names, and how to read what they name before the next one is asked for."""
    entries = _zip_entries if zipfile.is_zipfile(path) else _tar_entries
    seen: set[str] = set()
    for name, read in entries(path, limits):
        if name in seen:
            _refuse(path, name, "is there twice")
        seen.add(name)
        yield name, read


def _explained(path: Path) -> AbstractContextManager[None]:
    """Turn what the readers of archives raise into a ``TflconvError``."""
    return bounded.explained(path, "the archive", hint="Fetch it again.")


def _tar_entries(path: Path, limits: ArchiveLimits) -> Iterator[_Entry]:
    with _unpacked(path) as plain:
        stream = _Bounded(plain, path, limits)
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            for count, info in enumerate(archive, 1):
                _check(path, info.name, info.size, count, limits)
                if info.isdir():
                    continue
                if not info.isfile():
                    _refuse(path, info.name, "is a link or a device")
                content = archive.extractfile(info)
                if content is not None and not is_hidden_path(info.name.removeprefix("./")):
                    yield info.name.removeprefix("./"), content.read


def _zip_entries(path: Path, limits: ArchiveLimits) -> Iterator[_Entry]:
    with zipfile.ZipFile(path) as archive:
        if sum(info.file_size for info in archive.infolist()) > limits.total_bytes:
            _refuse_bomb(path, limits)
        for count, info in enumerate(archive.infolist(), 1):
            _check(path, info.filename, info.file_size, count, limits)
            if stat.S_ISLNK(info.external_attr >> 16):
                _refuse(path, info.filename, "is a link")
            if info.flag_bits & 1:
                _refuse(path, info.filename, "is encrypted")
            name = _as_posix(info.filename)
            if not name.endswith("/") and not is_hidden_path(name):
                yield name, partial(archive.read, info)


def _as_posix(name: str) -> str:
    """``name`` with slashes, which some programs of Windows leave out of zip archives."""
    return name if "/" in name else name.replace("\\", "/")


def _check(path: Path, name: str, size: int, count: int, limits: ArchiveLimits) -> None:
    if name.startswith(("/", "\\")) or ":" in name.split("/")[0]:
        _refuse(path, name, "has an absolute path")
    if ".." in name.replace("\\", "/").split("/"):
        _refuse(path, name, "points outside the archive")
    if size > limits.member_bytes:
        _refuse(path, name, f"unpacks to {size} bytes; at most {limits.member_bytes} are read")
    if count > limits.count:
        raise TflconvError(f"{path} holds more than {limits.count} files.")


def _refuse(path: Path, name: str, why: str) -> NoReturn:
    raise TflconvError(
        f"{path}: member '{name}' {why}.",
        hint="Pack the pictures anew, as plain files: tflconv reads nothing else from archives.",
    )


def _refuse_bomb(path: Path, limits: ArchiveLimits) -> NoReturn:
    raise TflconvError(f"{path} unpacks to more than {limits.total_bytes} bytes.")


def _unpacked(path: Path) -> IO[bytes]:
    """Open the decompressed tar stream of an archive."""
    with path.open("rb") as stream:
        magic = stream.read(6)
    if magic.startswith(b"\x1f\x8b"):
        return gzip.open(path)  # type: ignore[return-value]
    if magic.startswith(b"BZh"):
        return bz2.open(path)
    if magic == b"\xfd7zXZ\0":
        return lzma.open(path)
    return path.open("rb")


class _Bounded:
    """A stream that raises an error where more than the limits is read, at once or in all."""

    def __init__(self, stream: IO[bytes], path: Path, limits: ArchiveLimits) -> None:
        self._stream, self._path, self._limits = stream, path, limits

    def read(self, size: int = -1) -> bytes:
        if size > self._limits.member_bytes or self.tell() > self._limits.total_bytes:
            _refuse_bomb(self._path, self._limits)
        return self._stream.read(size)

    def seek(self, position: int, whence: int = 0) -> int:
        if position > self._limits.total_bytes:
            _refuse_bomb(self._path, self._limits)
        return self._stream.seek(position, whence)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
