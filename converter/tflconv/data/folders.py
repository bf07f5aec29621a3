"""Reads pictures from folders or archives, one folder per class.

Every picture is decoded once, in several threads (Pillow releases the interpreter meanwhile).
Unreadable files are listed and left out, because real collections have a few; a larger share than
``MAX_UNREADABLE`` is an error.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NoReturn
from warnings import warn

import numpy as np
from numpy.typing import NDArray

from tflconv.core.files import sha256_bytes, sha256_file
from tflconv.data.archives import Member, is_archive, members
from tflconv.data.dataset import Reading, Split
from tflconv.data.layout import Place, by_folders
from tflconv.errors import TflconvError
from tflconv.model.pictures import UnreadablePicture, View, decode

MAX_UNREADABLE = 0.05
_LISTED = 5
_BATCH = 256

Placing = Callable[[Sequence[str]], Mapping[str, Place]]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Decoded:
    name: str
    pixels: NDArray[np.uint8] | None = None
    problem: str | None = None


def read(path: Path, view: View, place: Placing, classes: Sequence[str] | None = None) -> Reading:
    """Read all pictures of a folder or archive.

    Args:
        path: The folder or archive.
        view: Size and channels to which pictures are brought.
        place: Gives class and split of pictures by their names; pictures without a split form the
            split ``all``.
        classes: Names of the classes in their order; by default the sorted folder names.

    Returns:
        Splits, classes and warnings.

    Raises:
        TflconvError: Too many pictures are unreadable, a class is unknown or empty, or there are
            fewer than two classes.
    """
    decoded = list(_decode_all(files(path), view))
    places = place([*(item.name for item in decoded), *_empty_folders(path)])
    placed = [item for item in decoded if item.name in places]
    readable = [item for item in placed if item.pixels is not None]
    warnings = _unreadable(path, placed)
    labels = _classes(path, places, readable, classes)
    return Reading(splits=_by_split(readable, places, labels), warnings=warnings, classes=labels)


def pictures(path: Path, view: View) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield name and pixels of every readable picture of a folder or archive, at any depth.

    Warns of files that are left out.
    """
    count, problems = 0, list[str]()
    for item in _decode_all(files(path), view):
        count += 1
        if item.pixels is not None:
            yield item.name, item.pixels
        else:
            problems.append(f"{item.name}: {item.problem}")
    if problems:
        warn(f"{path}: {_listed(problems, count)} (left out).", stacklevel=2)


def has_classes(path: Path) -> bool:
    """Return whether a folder or archive has folders of at least two classes."""
    names = [member.name for member in files(path)]
    return len({place.label for place in by_folders(names).values()}) > 1


def files(path: Path) -> Iterator[Member]:
    """Yield every file of a folder or archive in a fixed order; hidden ones are left out."""
    if not path.is_dir():
        yield from members(path)
        return
    for folder, name in _walk(path):
        try:
            content = (folder / name).read_bytes()
        except OSError as error:
            raise TflconvError(f"cannot read {folder / name}: {error.strerror}.") from error
        yield Member(name=(folder / name).relative_to(path).as_posix(), content=content)


def hashes(path: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in a folder, or of an archive as a whole."""
    if not path.is_dir():
        return {path.name: sha256_file(path)}
    return {member.name: sha256_bytes(member.content) for member in files(path)}


def is_source(path: Path) -> bool:
    """Return whether ``path`` is a folder or an archive."""
    return path.is_dir() or (path.is_file() and is_archive(path))


def _walk(path: Path) -> Iterator[tuple[Path, str]]:
    for folder, subfolders, names in os.walk(path):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and name.lower() not in ("thumbs.db", "desktop.ini"):
                yield Path(folder), name


def _empty_folders(path: Path) -> list[str]:
    """Return a made-up file name in each empty folder, so that an empty class is noticed."""
    if not path.is_dir():
        return []
    return [
        Path(folder).relative_to(path).joinpath(".empty").as_posix()
        for folder, subfolders, names in os.walk(path)
        if not subfolders and not names and Path(folder) != path
    ]


def _decode_all(source: Iterable[Member], view: View) -> Iterator[_Decoded]:
    source = iter(source)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        while batch := list(islice(source, _BATCH)):
            yield from pool.map(lambda member: _decode(member, view), batch)


def _decode(member: Member, view: View) -> _Decoded:
    try:
        return _Decoded(name=member.name, pixels=view.shape(decode(member.content)))
    except UnreadablePicture as error:
        return _Decoded(name=member.name, problem=str(error))


def _unreadable(path: Path, placed: Sequence[_Decoded]) -> tuple[str, ...]:
    problems = [f"{item.name}: {item.problem}" for item in placed if item.problem]
    if not problems:
        return ()
    message = _listed(problems, len(placed))
    if len(problems) > max(1, MAX_UNREADABLE * len(placed)) or len(problems) == len(placed):
        raise TflconvError(
            f"{path}: {message}.",
            hint=f"Remove or repair them: at most {MAX_UNREADABLE:.0%} are left out.",
        )
    return (f"{message} (left out).",)


def _listed(problems: Sequence[str], count: int) -> str:
    listed = "; ".join(problems[:_LISTED]) + ("; …" if len(problems) > _LISTED else "")
    return f"{len(problems)} of {count} pictures cannot be read: {listed}"


def _classes(
    path: Path,
    places: Mapping[str, Place],
    readable: Sequence[_Decoded],
    expected: Sequence[str] | None,
) -> tuple[str, ...]:
    named = {place.label for place in places.values()}
    filled = {places[item.name].label for item in readable}
    if expected is not None and (strange := sorted(named - set(expected))):
        _refuse(path, f"class '{strange[0]}' is not one of {', '.join(expected)}.")
    if empty := sorted((named | set(expected or ())) - filled):
        _refuse(path, f"class '{empty[0]}' has no readable picture.")
    if len(filled) < 2:
        have = f"only the class '{filled.pop()}'" if filled else "no pictures in class folders"
        _refuse(path, f"there must be two classes at least; found {have}.")
    return tuple(expected or sorted(filled))


def _refuse(path: Path, problem: str) -> NoReturn:
    raise TflconvError(
        f"{path}: {problem}",
        hint="Put each picture into a folder named by its class: CLASS/picture.jpg"
        " or train/CLASS/picture.jpg.",
    )


def _by_split(
    readable: Sequence[_Decoded], places: Mapping[str, Place], classes: Sequence[str]
) -> dict[str, Split]:
    groups: dict[str, list[_Decoded]] = {}
    for item in readable:
        groups.setdefault(places[item.name].split or "all", []).append(item)
    return {split: _split(group, places, classes) for split, group in groups.items()}


def _split(group: Sequence[_Decoded], places: Mapping[str, Place], classes: Sequence[str]) -> Split:
    number = {label: index for index, label in enumerate(classes)}
    return Split(
        images=np.stack([item.pixels for item in group if item.pixels is not None]),
        labels=np.array([number[places[item.name].label] for item in group], np.int64),
        ids=tuple(item.name for item in group),
    )
