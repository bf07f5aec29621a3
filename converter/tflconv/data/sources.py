"""Where pictures lie: in a folder, in an archive, or in one of them per split.

A source knows the names of all files before it reads one, so that classes, splits and the disk
that decoded pictures need are known first.
"""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tflconv.core.files import sha256_bytes, sha256_file, sha256_json
from tflconv.data import archives
from tflconv.data.walking import EMPTY, walk


@dataclass(frozen=True, kw_only=True)
class File:
    """One file of a source; ``content`` is None where it cannot be read, and ``problem`` why."""

    name: str
    content: bytes | None = None
    problem: str | None = None


@dataclass(frozen=True)
class PictureSource:
    """Folders or archives of pictures.

    Attributes:
        parts: Folder or archive by the name of its split; an empty name where splits are not told.
    """

    parts: Mapping[str, Path]

    @classmethod
    def of(cls, path: Path) -> PictureSource:
        """Return the source of a single folder or archive."""
        return cls({"": path})

    def __str__(self) -> str:
        return ",".join(
            f"{part}={path}" if part else str(path) for part, path in self.parts.items()
        )

    @property
    def told(self) -> tuple[str, ...]:
        """Names of the splits that a user told apart."""
        return tuple(part for part in self.parts if part)

    def names(self) -> list[str]:
        """Return the names of all files, with a made-up one in each empty folder.

        Raises ``TflconvError`` for a folder or an archive that cannot be read.
        """
        return [
            _prefix(part) + name
            for part, path in self.parts.items()
            for name in (walk(path) if path.is_dir() else archives.names(path))
        ]

    def files(self, wanted: Collection[str]) -> Iterator[File]:
        """Yield the files whose names are ``wanted``, in the order of ``names``."""
        for part, path in self.parts.items():
            prefix = _prefix(part)
            if path.is_dir():
                chosen = (name for name in walk(path) if prefix + name in wanted)
                yield from (read_file(path / name, prefix + name) for name in chosen)
            else:
                wants = partial(_wants, wanted, prefix)
                for member in archives.members(path, wanted=wants):
                    yield File(name=prefix + member.name, content=member.content)

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of every file in folders, and of archives as a whole."""
        return {
            _prefix(part) + name: value
            for part, path in self.parts.items()
            for name, value in _hashes(path).items()
        }


def is_source(path: Path) -> bool:
    """Return whether ``path`` is a folder or an archive."""
    return path.is_dir() or (path.is_file() and archives.is_archive(path))


def read_file(path: Path, name: str) -> File:
    """Read a file; one that cannot be read is a ``File`` with a problem."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return File(name=name, problem="not a file")
        return File(name=name, content=path.read_bytes())
    except FileNotFoundError:
        gone = "a link that leads nowhere" if path.is_symlink() else "no such file"
        return File(name=name, problem=gone)
    except OSError as error:
        return File(name=name, problem=error.strerror or type(error).__name__)


def _hashes(path: Path) -> dict[str, str]:
    if not path.is_dir():
        return {path.name: sha256_file(path)}
    names = [name for name in walk(path) if name.rpartition("/")[2] != EMPTY]
    return {name: _hash(read_file(path / name, name)) for name in names}


def _hash(file: File) -> str:
    if file.content is None:
        return sha256_json({"problem": file.problem})
    return sha256_bytes(file.content)


def _prefix(part: str) -> str:
    return f"{part}/" if part else ""


def _wants(wanted: Collection[str], prefix: str, name: str) -> bool:
    return prefix + name in wanted
