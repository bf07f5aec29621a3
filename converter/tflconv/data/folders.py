"""Reads pictures from folders or archives, one folder per class or with a table of labels.

Every picture is decoded once, in several threads (Pillow releases the interpreter meanwhile), into
a memory-mapped array. Unreadable files are listed and left out, because real collections have a
few; a larger share than ``MAX_UNREADABLE`` is an error.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import compress
from pathlib import Path, PurePosixPath
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from tflconv.core import telling
from tflconv.data import boxes, foreign
from tflconv.data.cache import Allocate
from tflconv.data.dataset import Table
from tflconv.data.layout import Layout, Place, by_folders, is_document
from tflconv.data.sources import File, PictureSource
from tflconv.data.walking import EMPTY
from tflconv.errors import TflconvError
from tflconv.model.pictures import UnreadablePicture, View, decode, is_large, missing_format

MAX_UNREADABLE = 0.05
_LISTED = 5
_BATCH_BYTES = 64 << 20
_HINT = (
    "Put each picture into a folder named by its class: CLASS/picture.jpg or"
    " train/CLASS/picture.jpg; or name a table of labels: DIR/labels.csv."
)

Placing = Callable[[Sequence[str]], Layout]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Decoded:
    name: str
    pixels: NDArray[np.uint8] | None = None
    problem: str | None = None
    kind: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Taken:
    """Names of the pictures in the order of their rows, and those that cannot be read."""

    names: tuple[str, ...]
    problems: tuple[_Decoded, ...]


def read(
    source: PictureSource,
    view: View,
    place: Placing,
    allocate: Allocate,
    classes: Sequence[str] | None = None,
) -> Table:
    """Read all pictures of folders or archives.

    Args:
        source: The folders or archives.
        view: Size and channels to which pictures are brought.
        place: Gives class and split of pictures by their names; pictures without a split form the
            part ``all``.
        allocate: Gives the array that pictures are decoded into.
        classes: Names of the classes in their order; by default in that of ``Layout``.

    Returns:
        Pictures, splits, classes and warnings.

    Raises:
        TflconvError: Too many pictures are unreadable, a class is unknown or empty, it is not clear
            what is a class, or there are fewer than two classes.
    """
    names = source.names()
    layout = _placed(source, names, place)
    if layout.notes and not layout.places:
        _refuse(source, f"there are no pictures in class folders; {'; '.join(layout.notes)}")
    pictures = [name for name in layout.places if not _is_empty(name)]
    labels = _classes(source, layout, pictures, classes)
    assert view.size is not None, "pictures of any size are brought to one"
    images = allocate((len(pictures), *view.size, view.channels))
    there = set(names)
    taken = _decode_into(images, source.files(layout.places), view)
    gone = [_Decoded(name=n, problem="no such file") for n in pictures if n not in there]
    warnings = _unreadable(source, [*taken.problems, *gone], len(pictures))
    _classes(source, layout, taken.names, classes)
    number = {label: index for index, label in enumerate(labels)}
    return Table(
        images=images,
        labels=np.array([number[layout.places[name].label] for name in taken.names], np.int64),
        ids=taken.names,
        parts=_parts(taken.names, layout.places),
        classes=labels,
        warnings=(*layout.notes, *warnings),
    )


def pictures(path: Path, view: View) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield name and pixels of every readable picture of a folder or archive, at any depth.

    Warns of files that are left out.
    """
    source = PictureSource.of(path)
    count, problems = 0, list[_Decoded]()
    wanted = [name for name in source.names() if not _is_empty(name)]
    for item in _decode_all(source.files(set(wanted)), view):
        count += 1
        if item.pixels is not None:
            yield item.name, item.pixels
        else:
            problems.append(item)
    if problems:
        telling.warn(f"{path}: {_listed(problems, count)} (left out).")


def class_names(source: PictureSource, place: Placing) -> tuple[str, ...]:
    """Return the classes, in order, into which ``place`` puts the pictures of a source."""
    names = source.names()
    layout = _placed(source, names, place)
    return layout.order({layout.places[name].label for name in layout.places.keys() & set(names)})


def has_classes(path: Path) -> bool:
    """Return whether a folder or archive has folders of at least two classes."""
    source = PictureSource.of(path)
    layout = _placed(source, source.names(), by_folders)
    return len({place.label for place in layout.places.values()}) > 1


def _placed(source: PictureSource, names: Sequence[str], place: Placing) -> Layout:
    try:
        layout = place(names)
    except TflconvError as error:
        raise _explained(source, error.message, error.hint) from None
    for part in set(source.told) - {place.split for place in layout.places.values()}:
        _refuse(source, f"there are no pictures in class folders for {part}.")
    return layout


def _is_empty(name: str) -> bool:
    return PurePosixPath(name).name == EMPTY


def _decode_into(images: NDArray[np.uint8], files: Iterable[File], view: View) -> _Taken:
    names, problems = list[str](), list[_Decoded]()
    for item in _decode_all(files, view):
        if item.pixels is None:
            problems.append(item)
        else:
            images[len(names)] = item.pixels
            names.append(item.name)
    return _Taken(names=tuple(names), problems=tuple(problems))


def _decode_all(files: Iterable[File], view: View) -> Iterator[_Decoded]:
    """Decode in batches that hold few pictures where these are large."""
    height, width = view.size or (0, 0)
    batch_size = int(np.clip(_BATCH_BYTES // max(1, height * width * view.channels), 16, 256))
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for batch in _batches(files, batch_size):
            small = [not is_large(file.content or b"") for file in batch]
            decoded = pool.map(partial(_decode, view=view), compress(batch, small))
            for file, is_small in zip(batch, small, strict=True):
                yield next(decoded) if is_small else _decode(file, view)


def _batches(files: Iterable[File], size: int) -> Iterator[list[File]]:
    """Cut ``files`` into lists of at most ``size``, and of few bytes, whatever they unpack to."""
    batch, taken = list[File](), 0
    for file in files:
        batch.append(file)
        taken += len(file.content or b"")
        if len(batch) == size or taken > _BATCH_BYTES:
            yield batch
            batch, taken = [], 0
    if batch:
        yield batch


def _decode(file: File, view: View) -> _Decoded:
    if file.content is None:
        return _Decoded(name=file.name, problem=file.problem)
    kind = missing_format(file.name, file.content)
    if kind == "RAW":  # many are TIFF files, where Pillow would find a thumbnail only
        return _Decoded(name=file.name, problem="RAW", kind=kind)
    try:
        return _Decoded(name=file.name, pixels=view.shape(decode(file.content)))
    except UnreadablePicture as error:
        return _Decoded(name=file.name, problem=str(error), kind=kind)


def _unreadable(source: PictureSource, problems: Sequence[_Decoded], count: int) -> tuple[str, ...]:
    if not problems:
        return ()
    message = _listed(problems, count)
    if len(problems) > max(1, MAX_UNREADABLE * count) or len(problems) == count:
        kinds = {item.kind for item in problems if item.kind}
        convert = " Convert them to JPEG or PNG." if kinds else ""
        convert += " Pillow 11.3 and later read AVIF." if "AVIF" in kinds else ""
        raise TflconvError(
            f"{source}: {message}.",
            hint=f"Remove or repair them: at most {MAX_UNREADABLE:.0%} are left out.{convert}",
        )
    return (f"{message} (left out).",)


def _listed(problems: Sequence[_Decoded], count: int) -> str:
    kinds = Counter(item.kind for item in problems if item.kind)
    first = {item.kind: item.name for item in reversed(problems)}
    counts = ", ".join(f"{number} {kind} such as {first[kind]}" for kind, number in kinds.items())
    reasons = [f"{counts} (formats that Pillow does not read)"] if kinds else []
    reasons += [f"{item.name}: {item.problem}" for item in problems if not item.kind]
    listed = "; ".join(reasons[:_LISTED]) + ("; …" if len(reasons) > _LISTED else "")
    return f"{len(problems)} of {count} pictures cannot be read: {listed}"


def _classes(
    source: PictureSource,
    layout: Layout,
    names: Sequence[str],
    expected: Sequence[str] | None,
) -> tuple[str, ...]:
    """Return the classes; refuse those that are unknown, or that none of ``names`` belongs to."""
    places = layout.places
    named = {place.label for place in places.values()}
    filled = {places[name].label for name in names}
    if expected is not None and (strange := sorted(named - set(expected))):
        _refuse(source, f"class '{strange[0]}' is not one of {', '.join(expected)}.")
    if empty := sorted((named | set(expected or ())) - filled):
        rest = f", nor have {len(empty) - 1} others" if len(empty) > 1 else ""
        _refuse(source, f"class '{empty[0]}' has no readable picture{rest}.")
    if len(filled) < 2:
        have = f"only the class '{filled.pop()}'" if filled else "no pictures in class folders"
        _refuse(source, f"there must be two classes at least; found {have}.")
    return tuple(expected or layout.order(filled))


def _refuse(source: PictureSource, problem: str) -> NoReturn:
    raise _explained(source, problem, _HINT)


def _explained(source: PictureSource, problem: str, hint: str | None) -> TflconvError:
    """What is wrong with the folders of a source, and what kind of set that is."""
    names = source.names()
    pictures = [name for name in names if not is_document(name) and not _is_empty(name)]
    if (kind := boxes.kind(names, pictures)) is not None:
        message = f"{source} looks like a set for detection: it has {kind}; {problem}"
        return TflconvError(message, hint=boxes.HINT)
    if hint == _HINT and (form := foreign.kind(names)) is not None:
        message = f"{source}: {problem.rstrip('.')}; it has {form[0]}."
        return TflconvError(message, hint=form[1])
    return TflconvError(f"{source}: {problem}", hint=hint)


def _parts(names: Sequence[str], places: Mapping[str, Place]) -> dict[str, NDArray[np.intp]]:
    groups: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        groups.setdefault(places[name].split or "all", []).append(position)
    return {split: np.array(group, np.intp) for split, group in groups.items()}
