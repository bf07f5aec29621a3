"""Pictures with labels, in three splits that never share a picture.

Training uses ``train``, every choice is made on ``validation``, and ``test`` is used once, at the
end. Pictures are read when a split is first used; name and digest are known before that.
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
    """Pictures of one split.

    Attributes:
        images: uint8 ``[n, height, width, channels]``.
        labels: int64 ``[n]``, positions in the classes of the dataset.
        ids: Names of the pictures; an id does not depend on what else is in the split.

    Raises:
        TflconvError: The numbers of pictures, labels and ids differ.
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
        """Return the pictures at ``positions``, in that order."""
        ids = tuple(self.ids[position] for position in positions)
        return Split(images=self.images[positions], labels=self.labels[positions], ids=ids)


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """What reading a dataset gave: its splits, its classes, and warnings for the user."""

    splits: Mapping[str, Split]
    classes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """A dataset on this machine, with its pictures brought to one size.

    Attributes:
        name: Name of the dataset.
        card: Its card.
        subset: Whether it has fewer pictures than were published, so that its figures do not
            compare with published ones.
        view: Size and channels to which pictures are brought.
        digest: Hash of its files and of the settings that split and shape it; equal digests mean
            equal pictures in equal splits.
        read: Reads the pictures.
        manifest: Hash of the ``manifest.json`` that describes a subset, if it has one.
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
        """All splits and the warnings of reading them; read at most once."""
        return self.read()

    @property
    def splits(self) -> Mapping[str, Split]:
        """``train``, ``validation`` and ``test``."""
        return self.reading.splits

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the labels."""
        return self.card.classes or self.reading.classes

    @property
    def train(self) -> Split:
        """The pictures to train on."""
        return self.splits["train"]

    @property
    def validation(self) -> Split:
        """The pictures on which choices are made."""
        return self.splits["validation"]

    @property
    def test(self) -> Split:
        """The pictures on which the final model is evaluated, once."""
        return self.splits["test"]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know before trusting a figure of this dataset."""
        return self.reading.warnings

    def warn(self) -> None:
        """Issue ``warnings`` as Python warnings: copies across splits, unreadable pictures."""
        for text in self.warnings:
            warnings.warn(f"{self.name}: {text}", stacklevel=2)


def hold_back(split: Split, share: float, seed: int) -> tuple[Split, Split]:
    """Divide a split: return it without a ``share`` (0 to 1) of each class, and that share."""
    held = draw_share(split.labels, split.ids, share, seed)
    rest = np.setdiff1d(np.arange(len(split)), held)
    return split.take(rest), split.take(held)


def pooled(parts: Sequence[Split]) -> Split:
    """Return all pictures of several splits as one split."""
    return Split(
        images=np.concatenate([part.images for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        ids=tuple(name for part in parts for name in part.ids),
    )
