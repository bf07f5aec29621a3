"""``load``: from a name or a path to a ``Dataset``, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from tflconv.data import idx
from tflconv.data.card import DatasetCard, Resize
from tflconv.data.dataset import Dataset, Reading, Split, hold_back
from tflconv.data.pictures import View
from tflconv.data.source import Source, locate
from tflconv.errors import TflconvError
from tflconv.files import sha256_json

_IDX_PREFIXES = {"train": "train", "test": "t10k"}


def load(
    name: str | Path,
    *,
    resolution: int | None = None,
    channels: int | None = None,
    seed: int = 0,
    resize: Resize | None = None,
) -> Dataset:
    """The dataset called ``name``: the full set if it is here, else its bundled sample.

    Pictures come as published unless ``resolution`` (side in pixels) or ``channels`` (1 or 3) ask
    for another shape; ``seed`` draws the validation split. Nothing is read before a split is
    asked for, but the bytes are hashed, and refused if they are not what the card promises.
    """
    source = locate(str(name))
    card = source.card
    view = View(
        side=resolution or card.resolution,
        channels=channels or card.shape[2],
        resize=resize or card.resize,
    )
    settings = {"seed": seed, "validation": card.validation, "view": vars(view)}
    return Dataset(
        name=card.name,
        card=card,
        classes=card.classes,
        subset=source.subset,
        manifest=source.manifest,
        digest=sha256_json({"files": source.hashes(), "settings": settings}),
        read=lambda: _read(source, view, seed),
    )


def _read(source: Source, view: View, seed: int) -> Reading:
    splits = dict(_READERS[source.card.format](source.folder, source.card))
    for split in splits.values():
        _check_labels(split, source.card)
    if source.card.validation is not None:
        splits["train"], splits["validation"] = hold_back(
            splits["train"], source.card.validation, seed
        )
    return Reading(splits={key: _shaped(split, view) for key, split in splits.items()})


def _read_idx(folder: Path, card: DatasetCard) -> Mapping[str, Split]:
    return {split: _idx_split(folder, split) for split in card.counts}


def _idx_split(folder: Path, split: str) -> Split:
    stem = folder / _IDX_PREFIXES[split]
    images = idx.read(Path(f"{stem}-images-idx3-ubyte.gz"))
    labels = idx.read(Path(f"{stem}-labels-idx1-ubyte.gz"))
    if images.ndim != 3 or labels.ndim != 1:
        raise TflconvError(f"{folder}: {split} has images {images.shape}, labels {labels.shape}.")
    return Split(
        images=images[..., np.newaxis],
        labels=labels.astype(np.int64),
        ids=tuple(f"{split}/{index}" for index in range(len(labels))),
    )


def _check_labels(split: Split, card: DatasetCard) -> None:
    highest = int(split.labels.max(initial=-1))
    if highest >= len(card.classes):
        raise TflconvError(
            f"{card.name}: a label is {highest}, but there are {len(card.classes)} classes."
        )


def _shaped(split: Split, view: View) -> Split:
    return Split(images=view.shape_all(split.images), labels=split.labels, ids=split.ids)


_READERS: Mapping[str, Callable[[Path, DatasetCard], Mapping[str, Split]]] = {"idx": _read_idx}
