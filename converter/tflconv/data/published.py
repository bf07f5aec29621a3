"""Reads datasets that were published with their splits, in IDX files or CIFAR's archive.

Labels are small and read at once; the pictures of a file are read when a split is used that has
some of them, so that a verification never unpacks the training set.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tflconv.data import cifar, idx
from tflconv.data.cache import Allocate
from tflconv.data.copying import copied
from tflconv.data.dataset import Files, Table
from tflconv.data.locating import Location
from tflconv.errors import TflconvError
from tflconv.model.pictures import View

_PREFIXES = {"train": "train", "test": "t10k"}


def read_idx(location: Location, view: View, allocate: Allocate | None) -> Table:
    """Read MNIST's four files.

    Args:
        location: Where they are.
        view: Size and channels to which pictures are brought.
        allocate: Gives an array for all pictures; without it, they are read when they are used.

    Raises:
        TflconvError: A file is damaged, or has more or fewer pictures than labels.
    """
    stems = {split: location.folder / prefix for split, prefix in _PREFIXES.items()}
    labels = {split: _labels(stem) for split, stem in stems.items()}
    ids = [f"{split}/{index}" for split in labels for index in range(len(labels[split]))]

    def images(number: int) -> NDArray[np.uint8]:
        return idx.read(_images_of([*stems.values()][number]))[..., np.newaxis]

    files = Files(counts=tuple(map(len, labels.values())), read=images)
    return _table(files, labels, tuple(ids), location.card.classes, view, allocate)


def read_cifar(location: Location, view: View, allocate: Allocate | None) -> Table:
    """Read CIFAR's archive; the arguments are those of ``read_idx``."""
    (archive,) = location.source.parts.values()
    splits = cifar.read(archive)
    images = [split.images for split in splits.values()]
    files = Files(counts=tuple(map(len, images)), read=images.__getitem__)
    labels = {name: split.labels for name, split in splits.items()}
    ids = tuple(name for split in splits.values() for name in split.ids)
    return _table(files, labels, ids, location.card.classes, view, allocate)


def _table(
    files: Files,
    labels: Mapping[str, NDArray[np.int64]],
    ids: tuple[str, ...],
    classes: tuple[str, ...],
    view: View,
    allocate: Allocate | None,
) -> Table:
    ends = np.cumsum(files.counts).tolist()
    starts = [0, *ends[:-1]]
    parts = {
        name: np.arange(start, end) for name, start, end in zip(labels, starts, ends, strict=True)
    }
    return Table(
        images=_shaped(files, view) if allocate is None else copied(files, view, allocate),
        labels=np.concatenate(list(labels.values())),
        ids=ids,
        parts=parts,
        classes=classes,
    )


def _shaped(files: Files, view: View) -> Files:
    return Files(counts=files.counts, read=lambda number: view.shape_all(files.read(number)))


def _labels(stem: Path) -> NDArray[np.int64]:
    labels = idx.read(Path(f"{stem}-labels-idx1-ubyte.gz"))
    shape = idx.read_shape(_images_of(stem))
    if len(shape) != 3 or labels.shape != shape[:1]:
        raise TflconvError(
            f"{stem}-*.gz: {shape[0]} pictures, but {len(labels)} labels"
            f" (shapes {list(shape)} and {list(labels.shape)})."
        )
    return labels.astype(np.int64)


def _images_of(stem: Path) -> Path:
    return Path(f"{stem}-images-idx3-ubyte.gz")
