"""Loads datasets of any format, by name or by path."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from tflconv.core.files import sha256_json
from tflconv.data import cifar, duplicates, folders, idx, layout
from tflconv.data.archives import is_archive
from tflconv.data.cache import cached
from tflconv.data.dataset import Dataset, Reading, Split, hold_back, pooled
from tflconv.data.dataset_card import DatasetCard, names
from tflconv.data.locating import Location, locate, of_path
from tflconv.errors import TflconvError, UsageError
from tflconv.model.card import ModelCard
from tflconv.model.pictures import Resize, View

TEST_SHARE = 0.2
VALIDATION_SHARE = 0.1
_RANDOM = "-random"
_RULES = 1
"""Number of the rules by which pictures are read and split; a change of them is a new digest."""

_SPLITS = ("train", "validation", "test")
_IDX_PREFIXES = {"train": "train", "test": "t10k"}

SplitBy = Literal["card", "random"]


def load(
    name: str | Path,
    *,
    resolution: int | tuple[int, int] | None = None,
    channels: int | None = None,
    seed: int = 0,
    resize: Resize | None = None,
    split: SplitBy = "card",
) -> Dataset:
    """Load a dataset by name, or the pictures in a folder or archive.

    A name means the full dataset if it is on this machine, else its bundled sample. All files are
    hashed and checked at once; pictures are decoded when a split is first used.

    Args:
        name: Name of a dataset, or path of a folder or archive with one folder per class.
        resolution: Side of the pictures, or height and width, in pixels; by default that of the
            card.
        channels: 1 for grey or 3 for RGB; by default those of the card.
        seed: Seed of the validation split, where the dataset has none of its own.
        resize: How pictures are brought to the resolution: ``crop``, ``pad`` or ``stretch``.
        split: ``card`` for the splits of the card, ``random`` to pool all pictures and draw new
            splits (as does a name that ends in ``-random``), which shows what leaks where pictures
            depend on each other.

    Returns:
        The dataset.

    Raises:
        UsageError: The name is unknown, or the path is neither a folder nor an archive.
        TflconvError: The dataset is not on this machine, or its files are not those of the card.

    Example:
        >>> load("mnist-sample", resolution=32).test.images.shape[1:]
        (32, 32, 1)
    """
    location, split = _located(name, split)
    card = location.card
    view = View(
        size=_size(card.resolution if resolution is None else resolution) or _published(card),
        channels=channels or card.shape[2],
        resize=resize or card.resize,
    )
    settings = {"rules": _RULES, "seed": seed, "split": split, "validation": card.validation}
    shaped = {"view": dataclasses.asdict(view), "blocks": repr(card.blocks)}
    digest = sha256_json({"files": location.hashes(), "settings": settings | shaped})
    read = partial(_read, location, view, seed, split)
    return Dataset(
        name=card.name + (_RANDOM if split == "random" else ""),
        card=card,
        subset=location.subset,
        manifest=location.manifest,
        view=view,
        digest=digest,
        read=partial(cached, digest, read) if card.format == "pictures" else read,
    )


def _size(resolution: int | tuple[int, int] | None) -> tuple[int, int] | None:
    return (resolution, resolution) if isinstance(resolution, int) else resolution


def _published(card: DatasetCard) -> tuple[int, int] | None:
    """Return height and width of all published pictures, or None where they vary."""
    height, width, _ = card.shape
    return None if height is None or width is None else (height, width)


def load_for(card: ModelCard, name: str | Path | None = None, *, seed: int = 0) -> Dataset:
    """Load a dataset with its pictures in the shape that a model takes.

    Args:
        card: The card of the model.
        name: Name or path of the dataset; by default the one that the model was trained on.
        seed: Seed of the validation split, where the dataset has none of its own.

    Returns:
        The dataset.

    Raises:
        UsageError: Neither ``name`` nor ``card`` names a dataset, or the name is unknown.
        TflconvError: The dataset is not on this machine, or its files are not those of its card.

    Example:
        >>> from tflconv.model.normalization import NAMED
        >>> card = ModelCard(
        ...     model="vit", labels=(), input_shape=(32, 32, 1), normalization=NAMED["-1..1"]
        ... )
        >>> load_for(card, "mnist-sample").view.size
        (32, 32)
    """
    named = name or card.dataset
    if named is None:
        raise UsageError(
            f"{card.model} does not say what it was trained on: name a dataset.",
            hint="Add --dataset NAME, with a dataset or a folder of pictures.",
        )
    height, width, channels = card.input_shape
    resolution = (height, width)
    return load(named, resolution=resolution, channels=channels, seed=seed, resize=card.resize)


def is_unsorted(name: str | Path) -> bool:
    """Return whether ``name`` is a folder or archive of pictures without folders of classes.

    Example:
        >>> is_unsorted("mnist-sample")
        False
    """
    path = Path(name)
    is_path = str(name) not in names() and folders.is_source(path)
    return is_path and not folders.has_classes(path)


def _located(name: str | Path, split: SplitBy) -> tuple[Location, SplitBy]:
    text = str(name)
    if split not in ("card", "random"):
        raise UsageError(f"split must be card or random. Received: split={split}.")
    if text not in names() and folders.is_source(Path(text)):
        return of_path(Path(text)), split
    if text not in names() and Path(text).exists():
        raise UsageError(
            f"{text} is neither a folder nor an archive of pictures.",
            hint="Give a folder, or an archive: .zip, .tar, .tar.gz, .tgz, .tar.bz2 or .tar.xz.",
        )
    if text.removesuffix(_RANDOM) in names() and text.endswith(_RANDOM):
        return locate(text.removesuffix(_RANDOM)), "random"
    return locate(text), split


def _read(location: Location, view: View, seed: int, split: SplitBy) -> Reading:
    reading = _READERS[location.card.format](location, view)
    splits = dict(reading.splits)
    if split == "random":
        splits = {"all": pooled(list(splits.values()))}
    splits = _completed(splits, location.card.validation or VALIDATION_SHARE, seed)
    _check(splits, reading.classes, location)
    warnings = [*reading.warnings, *_missing_classes(splits, reading.classes)]
    if location.card.format == "pictures":
        warnings += map(str, duplicates.across(splits))
    return Reading(splits=splits, classes=reading.classes, warnings=tuple(warnings))


def _completed(splits: Mapping[str, Split], validation: float, seed: int) -> dict[str, Split]:
    """Return ``splits`` with missing ones drawn; ``test`` is the same for every seed."""
    complete = dict(splits)
    if "all" in complete:
        complete["train"] = complete.pop("all")
    if "train" in complete and "test" not in complete:
        complete["train"], complete["test"] = hold_back(complete["train"], TEST_SHARE, seed=0)
    if "train" in complete and "validation" not in complete:
        train, held_out = hold_back(complete["train"], validation, seed)
        complete["train"], complete["validation"] = train, held_out
    return {name: complete[name] for name in _SPLITS if name in complete}


def _check(splits: Mapping[str, Split], classes: tuple[str, ...], location: Location) -> None:
    for name in _SPLITS:
        if name not in splits or not len(splits[name]):
            raise TflconvError(
                f"{location.folder}: no pictures for {name}.",
                hint="Add pictures: each class needs three, for train, validation and test.",
            )
    for split in splits.values():
        if int(split.labels.max()) >= len(classes):
            raise TflconvError(
                f"{location.folder}: a label is {split.labels.max()},"
                f" but there are {len(classes)} classes."
            )
    if missing := set(range(len(classes))) - set(splits["train"].labels.tolist()):
        raise TflconvError(f"{location.folder}: train has no '{classes[min(missing)]}'.")


def _missing_classes(splits: Mapping[str, Split], classes: tuple[str, ...]) -> list[str]:
    return [
        f"{name} has no picture of '{label}'."
        for name in ("validation", "test")
        for index, label in enumerate(classes)
        if index not in splits[name].labels
    ]


def _read_idx(location: Location, view: View) -> Reading:
    splits = {split: _idx_split(location.folder, split, view) for split in _IDX_PREFIXES}
    return Reading(splits=splits, classes=location.card.classes)


def _idx_split(folder: Path, split: str, view: View) -> Split:
    stem = folder / _IDX_PREFIXES[split]
    images = idx.read(Path(f"{stem}-images-idx3-ubyte.gz"))
    labels = idx.read(Path(f"{stem}-labels-idx1-ubyte.gz"))
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise TflconvError(
            f"{stem}-*.gz: {len(images)} pictures, but {len(labels)} labels"
            f" (shapes {list(images.shape)} and {list(labels.shape)})."
        )
    return Split(
        images=view.shape_all(images[..., np.newaxis]),
        labels=labels.astype(np.int64),
        ids=tuple(f"{split}/{index}" for index in range(len(labels))),
    )


def _read_cifar(location: Location, view: View) -> Reading:
    splits = {
        name: dataclasses.replace(split, images=view.shape_all(split.images))
        for name, split in cifar.read(_archive(location)).items()
    }
    return Reading(splits=splits, classes=location.card.classes)


def _read_pictures(location: Location, view: View) -> Reading:
    place = partial(layout.places, card=location.card)
    return folders.read(_archive(location), view, place, location.card.classes or None)


def _archive(location: Location) -> Path:
    """Return the archive that holds the pictures, or the folder where there is none."""
    archives = (location.folder / file.path for file in location.card.files)
    return next((path for path in archives if is_archive(path)), location.folder)


_READERS: Mapping[str, Callable[[Location, View], Reading]] = {
    "idx": _read_idx,
    "cifar": _read_cifar,
    "pictures": _read_pictures,
}
