"""Loads datasets of any format, by name or by path."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tflconv.core.files import sha256_json
from tflconv.data import csv_labels, duplicates, folders, layout, pixel_tables, published
from tflconv.data.arrays import is_array_file
from tflconv.data.cache import Allocate, cached
from tflconv.data.dataset import Dataset, Reading, Table
from tflconv.data.dataset_card import DatasetCard, names
from tflconv.data.locating import Location, at_path, locate, of_path
from tflconv.data.sources import PictureSource, is_source
from tflconv.errors import TflconvError, UsageError
from tflconv.model.card import ModelCard
from tflconv.model.pictures import Resize, View

TEST_SHARE = 0.2
VALIDATION_SHARE = 0.1
_RANDOM = "-random"
_RULES = 1
"""Number of the rules by which pictures are read and split; a change of them is a new digest."""

_IN_MEMORY = 256 << 20
"""Bytes of scaled pictures that are kept in memory."""

_OWN = ("pictures", "pixels")
"""Formats of sets of one's own, of any number of pictures."""

_SPLITS = ("train", "validation", "test")

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

    A name means the full dataset if it is on this machine, else its bundled sample, with a warning.
    All files are hashed and checked at once; pictures are decoded when a split is first used, into
    a file where they are many.

    Args:
        name: Name of a dataset, path of a folder or archive with one folder per class, path of a
            table of labels (``DIR/labels.csv``), or the splits of one's own,
            ``train=DIR,test=DIR,validation=DIR``, of which ``train`` is needed.
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
        UsageError: The name is unknown, or the path is none of these.
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
        notes=() if location.note is None else (location.note,),
        read=partial(cached, digest, read) if _is_large(card, view) else partial(read, None),
    )


def _is_large(card: DatasetCard, view: View) -> bool:
    """Return whether pictures are kept in a file: those of folders, and many that are scaled."""
    if card.format in _OWN:
        return True
    size = view.size or (0, 0)
    pixels = sum(card.counts.values()) * size[0] * size[1] * view.channels
    return pixels > _IN_MEMORY and card.shape != (*size, view.channels)


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
    named = named_for(card, name)
    height, width, channels = card.input_shape
    resolution = (height, width)
    return load(named, resolution=resolution, channels=channels, seed=seed, resize=card.resize)


def named_for(card: ModelCard, name: str | Path | None = None) -> str | Path:
    """Return the dataset ``name``, or what a model was trained on.

    Raises:
        UsageError: Neither says one.
    """
    named = name or card.dataset
    if named is None:
        raise UsageError(
            f"{card.model} does not say what it was trained on: name a dataset.",
            hint="Add --dataset NAME, with a dataset or a folder of pictures.",
        )
    return named


def is_unsorted(name: str | Path) -> bool:
    """Return whether ``name`` is a folder or archive of pictures without classes.

    Example:
        >>> is_unsorted("mnist-sample")
        False
    """
    path = Path(name)
    if str(name) in names() or not is_source(path):
        return False
    location = of_path(path)
    if location.tables:
        return False
    try:
        return len(folders.class_names(location.source, _placing(location))) < 2
    except TflconvError:  # a table beside the pictures may be none of their labels
        return not folders.has_classes(path)


def check_there(name: str) -> None:
    """Raise for a dataset that ``load`` would not find, and for a file of arrays that is not there.

    Args:
        name: What ``load`` takes, or the path of a ``.npy`` or ``.npz`` file.

    Raises:
        UsageError: The name is unknown, or the path is none of these.
        TflconvError: The dataset is not on this machine.
    """
    path = Path(name)
    if not is_array_file(path):
        _located(name, "card")
    elif not path.is_file():
        raise TflconvError(f"there is no file {name}.", hint="Is the path right?")


def shape_of(
    name: str, resolution: int | None = None, channels: int | None = None
) -> tuple[int, int, int]:
    """Return height, width and channels of the pictures that ``load`` would give, without reading.

    Args:
        name: What ``load`` takes.
        resolution: Side of the pictures in pixels, by default that of the card.
        channels: 1 or 3, by default those of the card.

    Example:
        >>> shape_of("mnist-sample", 32)
        (32, 32, 1)
    """
    card = _located(name, "card")[0].card
    height, width = _size(resolution or card.resolution) or _published(card) or (64, 64)
    return height, width, channels or card.shape[2]


def class_names(name: str) -> tuple[str, ...]:
    """Return the classes of a dataset or of a folder of pictures, without decoding any.

    Args:
        name: What ``load`` takes.

    Returns:
        The names in the order of the labels; nothing for pictures without classes, and for what is
        no dataset at all.

    Example:
        >>> class_names("mnist-sample")[:3], class_names("samples.npy")
        (('0', '1', '2'), ())
    """
    if is_array_file(Path(name)) or is_unsorted(name):
        return ()
    location, _ = _located(name, "card")
    if location.tables:
        return pixel_tables.class_names(location.tables)
    return location.card.classes or folders.class_names(location.source, _placing(location))


def locate_source(name: str | Path) -> PictureSource | None:
    """Return where the picture files of a dataset lie; None where it has none."""
    location, _ = _located(name, "card")
    return location.source if location.card.format == "pictures" else None


def _located(name: str | Path, split: SplitBy) -> tuple[Location, SplitBy]:
    text = str(name)
    if split not in ("card", "random"):
        raise UsageError(f"split must be card or random. Received: split={split}.")
    if text not in names() and (location := at_path(text)) is not None:
        return location, split
    if text.removesuffix(_RANDOM) in names() and text.endswith(_RANDOM):
        return locate(text.removesuffix(_RANDOM)), "random"
    return locate(text), split


def _read(
    location: Location, view: View, seed: int, split: SplitBy, allocate: Allocate | None
) -> Reading:
    table = _READERS[location.card.format](location, view, allocate)
    parts = dict(table.parts)
    if split == "random":
        parts = {"all": np.concatenate(list(parts.values()))}
    parts = _completed(table, parts, location.card.validation or VALIDATION_SHARE, seed)
    _check(table, parts, location)
    warnings = [*table.warnings, *_alike(table.classes), *_missing_classes(table, parts)]
    splits = table.cut(parts)
    if location.card.format in _OWN:
        warnings += map(str, duplicates.across(splits))
    return Reading(splits=splits, classes=table.classes, warnings=tuple(warnings))


def _completed(
    table: Table, parts: Mapping[str, NDArray[np.intp]], validation: float, seed: int
) -> dict[str, NDArray[np.intp]]:
    """Return ``parts`` with missing ones drawn; ``test`` is the same for every seed."""
    complete = dict(parts)
    if "all" in complete:
        complete["train"] = complete.pop("all")
    if "train" in complete and "test" not in complete:
        train, test = table.hold_back(complete["train"], TEST_SHARE, seed=0)
        complete |= {"train": train, "test": test}
    if "train" in complete and "validation" not in complete:
        train, held_out = table.hold_back(complete["train"], validation, seed)
        complete |= {"train": train, "validation": held_out}
    return {name: complete[name] for name in _SPLITS if name in complete}


def _check(table: Table, parts: Mapping[str, NDArray[np.intp]], location: Location) -> None:
    for name in _SPLITS:
        if name not in parts or not len(parts[name]):
            raise TflconvError(
                f"{location.folder}: no pictures for {name}.",
                hint="Add pictures: each class needs three, for train, validation and test.",
            )
    largest, classes = int(table.labels.max()), table.classes
    if largest >= len(classes):
        raise TflconvError(
            f"{location.folder}: a label is {largest}, but there are {len(classes)} classes."
        )
    if missing := set(range(len(classes))) - set(table.labels[parts["train"]].tolist()):
        absent = classes[min(missing)]
        raise TflconvError(
            f"{location.folder}: train has no '{absent}'.", hint=_spelled_otherwise(absent, classes)
        )


def _spelled_otherwise(name: str, classes: Sequence[str]) -> str:
    """Return what to do about a class that train lacks, which may be another but for its case."""
    others = [each for each in classes if each != name and _plain(each) == _plain(name)]
    if not others or not _plain(name):
        return "Add pictures of it to train, or take it out of the other splits."
    return f"'{others[0]}' is there: if both are one class, call them alike in all splits."


def _alike(classes: Sequence[str]) -> list[str]:
    """Return what to say of classes that may be one, which was spelled in several ways."""
    spellings: dict[str, list[str]] = {}
    for name in classes:
        spellings.setdefault(_plain(name), []).append(name)
    return [
        f"{' and '.join(map(repr, names))} are classes of their own, though their names differ in"
        " case, blanks or encoding alone: if they are one, call them alike."
        for plain, names in spellings.items()
        if plain and len(names) > 1
    ]


def _plain(name: str) -> str:
    """Return ``name`` in small letters without blanks, however its accents are written."""
    return re.sub(r"[\s_-]", "", unicodedata.normalize("NFKC", name)).casefold()


def _missing_classes(table: Table, parts: Mapping[str, NDArray[np.intp]]) -> list[str]:
    there = {name: set(table.labels[parts[name]].tolist()) for name in ("validation", "test")}
    return [
        f"{name} has no picture of '{label}'."
        for name, labels in there.items()
        for index, label in enumerate(table.classes)
        if index not in labels
    ]


def _read_pictures(location: Location, view: View, allocate: Allocate | None) -> Table:
    assert allocate is not None, "pictures of folders are kept in a file"
    classes = location.card.classes or None
    return folders.read(location.source, view, _placing(location), allocate, classes)


def _read_pixels(location: Location, view: View, allocate: Allocate | None) -> Table:
    assert allocate is not None, "pixels of tables are kept in a file"
    return pixel_tables.read(location.tables, view, allocate)


def _placing(location: Location) -> folders.Placing:
    if location.table is not None:
        return partial(csv_labels.by_table, table=location.table)
    if location.parts:
        return layout.by_parts
    if location.folder.is_dir() and not location.card.files:
        return partial(_by_folders_or_table, location.folder)
    return partial(layout.arranged, card=location.card)


def _by_folders_or_table(folder: Path, names: Sequence[str]) -> layout.Layout:
    """Return places by folders, or by the only table in ``folder`` where these are no classes."""
    placed = layout.by_folders(names)
    if len({place.label for place in placed.places.values()}) > 1:
        return placed
    table = csv_labels.table_beside(folder)
    return placed if table is None else csv_labels.by_table(names, table)


_READERS: Mapping[str, Callable[[Location, View, Allocate | None], Table]] = {
    "idx": published.read_idx,
    "cifar": published.read_cifar,
    "pictures": _read_pictures,
    "pixels": _read_pixels,
}
