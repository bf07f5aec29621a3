"""Picture files as they are, before anything decodes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from heapq import nsmallest
from pathlib import Path

from tflconv.data.loading import locate_source
from tflconv.data.sources import PictureSource
from tflconv.data.splits import ranks
from tflconv.data.walking import EMPTY
from tflconv.model.pictures import UnreadablePicture, decode


def original_files(name: str | Path, ids: Collection[str]) -> Mapping[str, bytes]:
    """Return the files of pictures by their names; none for a dataset that has no picture files.

    Args:
        name: What ``load`` takes.
        ids: Names of pictures, as a split of it has them.

    Example:
        >>> dict(original_files("mnist-sample", ["test/0"]))
        {}
    """
    source = locate_source(name)
    return {} if source is None else _contents(source, set(ids))


def loose(path: Path, count: int, seed: int = 0) -> Mapping[str, bytes]:
    """Draw picture files of a folder or archive without folders of classes.

    Every machine draws the same ones. What cannot be decoded is passed over.

    Args:
        path: The folder or archive.
        count: How many; all where there are fewer.
        seed: Seed of the draw.
    """
    source = PictureSource.of(path)
    names = [name for name in source.names() if name.rpartition("/")[2] != EMPTY]
    drawn = nsmallest(2 * count, names, key=lambda name: int(ranks([name], seed)[0]))
    contents = _contents(source, set(drawn))
    readable = [name for name in drawn if name in contents and _is_picture(contents[name])]
    return {name: contents[name] for name in sorted(readable[:count])}


def _contents(source: PictureSource, names: set[str]) -> dict[str, bytes]:
    files = source.files(names)
    return {file.name: file.content for file in files if file.content is not None}


def _is_picture(content: bytes) -> bool:
    try:
        decode(content)
    except UnreadablePicture:
        return False
    return True
