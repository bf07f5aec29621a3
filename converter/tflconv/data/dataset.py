"""Pictures with labels, in three splits that never share a picture.

Training reads ``train``, every choice is made on ``validation``, and ``test`` is read once. The
pictures are read when a split is first asked for; name and digest are known before.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tflconv.data.dataset_card import DatasetCard
from tflconv.data.splits import draw_share
from tflconv.errors import TflconvError
from tflconv.model.pictures import View


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
class Reading:
    """What came of reading a dataset: its splits, its classes, and what a user should know."""

    splits: Mapping[str, Split]
    classes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """A dataset as it lies on this machine, its pictures brought to one ``view``.

    ``digest`` is the hash of the bytes it comes from and of the settings that split and shape it:
    equal digests mean equal pictures in equal splits. ``subset`` says that it is smaller than the
    published set, so no published figure compares with it; ``manifest`` is then the hash of the
    ``manifest.json`` that describes it, if it came with one.
    """

    name: str
    card: DatasetCard
    subset: bool
    view: View
    digest: str
    read: Callable[[], Reading]
    manifest: str | None = None

    @cached_property
    def reading(self) -> Reading:
        """All splits and what was noticed while reading them; read at most once."""
        return self.read()

    @property
    def splits(self) -> Mapping[str, Split]:
        """``train``, ``validation`` and ``test``."""
        return self.reading.splits

    @property
    def classes(self) -> tuple[str, ...]:
        """What the labels mean, in their order."""
        return self.card.classes or self.reading.classes

    @property
    def train(self) -> Split:
        """The pictures to learn from."""
        return self.splits["train"]

    @property
    def validation(self) -> Split:
        """The pictures by which choices are made."""
        return self.splits["validation"]

    @property
    def test(self) -> Split:
        """The pictures that are looked at once, at the end."""
        return self.splits["test"]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know before trusting a figure made with this set."""
        return self.reading.warnings

    def warn(self) -> None:
        """Say so, as Python warnings: copies across the split, pictures that cannot be read."""
        for text in self.warnings:
            warnings.warn(f"{self.name}: {text}", stacklevel=2)


def hold_back(split: Split, share: float, seed: int) -> tuple[Split, Split]:
    """``split`` without a ``share`` of each class, and those pictures."""
    held = draw_share(split.labels, split.ids, share, seed)
    kept = np.setdiff1d(np.arange(len(split)), held)
    return split.take(kept), split.take(held)


def pooled(parts: Sequence[Split]) -> Split:
    """All pictures of ``parts`` as one split."""
    return Split(
        images=np.concatenate([part.images for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        ids=tuple(name for part in parts for name in part.ids),
    )
