"""Pictures with labels, in three splits that never share a picture.

Training reads ``train``, every choice is made on ``validation``, and ``test`` is read once. The
pictures are read when a split is first asked for; name and digest are known before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tflconv.data.card import DatasetCard
from tflconv.data.splits import draw
from tflconv.errors import TflconvError, UsageError
from tflconv.files import sha256_json


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """``images`` uint8 ``[n, height, width, channels]``, ``labels`` int64 ``[n]``, ``ids`` names.

    A picture's id says where it comes from and stays the same whatever else is in the split.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    ids: tuple[str, ...]

    def __post_init__(self) -> None:
        if not len(self.images) == len(self.labels) == len(self.ids):
            raise TflconvError(
                f"{len(self.images)} pictures, but {len(self.labels)} labels"
                f" and {len(self.ids)} names."
            )

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, positions: NDArray[np.intp]) -> Split:
        """The pictures at ``positions``, in that order."""
        ids = tuple(self.ids[position] for position in positions)
        return Split(images=self.images[positions], labels=self.labels[positions], ids=ids)


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """A dataset as it lies on this machine.

    ``digest`` is the hash of the bytes it comes from and of the settings that split and shape it:
    equal digests mean equal pictures in equal splits. ``subset`` says that it is smaller than the
    published set, so no published figure compares with it; ``manifest`` is then the hash of the
    ``manifest.json`` that describes it, if it came with one.
    """

    name: str
    card: DatasetCard
    classes: tuple[str, ...]
    subset: bool
    digest: str
    read: Callable[[], Reading]
    manifest: str | None = None

    @cached_property
    def reading(self) -> Reading:
        """All splits and what was noticed while reading them; read at most once."""
        return self.read()

    @property
    def train(self) -> Split:
        """The pictures to learn from."""
        return self.reading.splits["train"]

    @property
    def validation(self) -> Split:
        """The pictures by which choices are made."""
        return self.reading.splits["validation"]

    @property
    def test(self) -> Split:
        """The pictures that are looked at once, at the end."""
        return self.reading.splits["test"]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know before trusting a figure made with this set."""
        return self.reading.warnings


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """What came of reading a dataset."""

    splits: Mapping[str, Split]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class CalibrationSet:
    """Training pictures by which static quantization ranges are set; ``digest`` names them."""

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    ids: tuple[str, ...]
    digest: str


def hold_back(split: Split, share: float, seed: int) -> tuple[Split, Split]:
    """``split`` without a stratified ``share`` of its pictures, and those pictures."""
    held = draw(split.labels, split.ids, round(share * len(split)), seed)
    kept = np.setdiff1d(np.arange(len(split)), held)
    return split.take(kept), split.take(held)


def calibration(dataset: Dataset, count: int = 200, seed: int = 0) -> CalibrationSet:
    """``count`` pictures of the training split, stratified by class, the same for every machine.

    Raises ``UsageError`` where the split has fewer than ``count`` pictures.
    """
    if not 0 < count <= len(dataset.train):
        raise UsageError(
            f"cannot draw {count} calibration pictures:"
            f" the training split of {dataset.name} has {len(dataset.train)}."
        )
    chosen = dataset.train.take(draw(dataset.train.labels, dataset.train.ids, count, seed))
    return CalibrationSet(
        name=f"{dataset.name}-train-{count}-seed{seed}",
        images=chosen.images,
        labels=chosen.labels,
        ids=chosen.ids,
        digest=sha256_json({"dataset": dataset.digest, "count": count, "seed": seed}),
    )
