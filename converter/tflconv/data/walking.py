"""Walks a folder of pictures: links are followed, what nobody put there is left out.

A class that lies on another disk is linked into its dataset more often than copied, so a linked
folder is a folder. A link back to a folder above it would never end and is refused.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from tflconv.data.hidden import is_hidden
from tflconv.errors import TflconvError

EMPTY = ".empty"
"""Name of the file that is made up in an empty folder, so that an empty class is noticed."""


def walk(folder: Path) -> Iterator[str]:
    """Yield the names of all files below ``folder``, relative to it, in a fixed order.

    Raises ``TflconvError`` for a folder that cannot be read, a loop of links, and a dead link that
    may be a class.
    """
    yield from _below(folder, "", {})


def _below(folder: Path, prefix: str, above: dict[tuple[int, int], Path]) -> Iterator[str]:
    here = _identity(folder)
    if here in above:
        raise TflconvError(
            f"{folder} is a link back to {above[here]}, a folder that it is in.",
            hint="Remove the link: pictures are looked for in linked folders, too.",
        )
    names = [_utf8(folder, name) for name in _listed(folder) if not is_hidden(name)]
    folders = [name for name in names if _is_folder(folder / name)]
    for name in names:
        if name not in folders:
            yield prefix + _checked(folder, name)
    for name in folders:
        yield from _below(folder / name, f"{prefix}{name}/", {**above, here: folder})
    if not names and prefix:
        yield prefix + EMPTY


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return (status.st_dev, status.st_ino) if status.st_ino else (0, hash(folder.resolve()))


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError:
        return False


def _listed(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise TflconvError(
            f"cannot read the folder {folder}: {error.strerror}.",
            hint="Its pictures would be missing: change its permissions, or remove it.",
        ) from error


def _utf8(folder: Path, name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise TflconvError(
            f"{folder}: the name {os.fsencode(name)!r} is not UTF-8.", hint="Rename it."
        ) from None
    return name


def _checked(folder: Path, name: str) -> str:
    path = folder / name
    if path.is_symlink() and not path.suffix and not _leads_somewhere(path):
        raise TflconvError(
            f"{path} is a link that leads nowhere: {path.readlink()}.",
            hint="If it is a class, bring its pictures back; otherwise remove the link.",
        )
    return name


def _leads_somewhere(path: Path) -> bool:
    try:
        path.stat()
    except OSError:
        return False
    return True
