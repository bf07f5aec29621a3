"""Pictures with labels, in three splits that never share a picture.

Training uses ``train``, every choice is made on ``validation``, and ``test`` is used once, at the
end. Pictures are read when a split is first used; name and digest are known before that.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tflconv.core.files import sha256_json
from tflconv.data.dataset_card import DatasetCard
from tflconv.data.splits import draw_of_each, draw_share
from tflconv.errors import TflconvError, UsageError
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

    def stratified(self, count: int, seed: int = 0) -> Split:
        """Draw pictures so that classes keep their shares, each with one picture at least.

        Every machine draws the same ones, and keeps their order.

        Args:
            count: Number of pictures; where there are not more, the split itself is returned.
            seed: Seed of the draw.

        Raises:
            UsageError: ``count`` is below 1.

        Example:
            >>> ids = tuple("abcdefgh")
            >>> labels = np.array([0, 0, 0, 0, 0, 0, 1, 1])
            >>> split = Split(images=np.zeros((8, 4, 4, 1), np.uint8), labels=labels, ids=ids)
            >>> split.stratified(4).labels.tolist()
            [0, 0, 0, 1]
        """
        if count < 1:
            raise UsageError(f"pictures must be at least 1. Received: count={count}.")
        if count >= len(self):
            return self
        return self.take(draw_of_each(self.labels, self.ids, count, seed))


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """The pictures of a dataset as they were read, before splits are drawn.

    Attributes:
        images: uint8 ``[n, height, width, channels]``.
        labels: int64 ``[n]``.
        ids: Names of the pictures.
        parts: Positions by split; ``all`` where splits are drawn from everything.
        classes: Names of the classes.
        warnings: What a user should know.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    ids: tuple[str, ...]
    parts: Mapping[str, NDArray[np.intp]]
    classes: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    def hold_back(
        self, positions: NDArray[np.intp], share: float, seed: int
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Divide ``positions``: return them without a ``share`` of each class, and that share."""
        ids = [self.ids[position] for position in positions]
        held = draw_share(self.labels[positions], ids, share, seed)
        return np.delete(positions, held), positions[held]

    def cut(self, parts: Mapping[str, NDArray[np.intp]]) -> dict[str, Split]:
        """Return the pictures at the positions of each part as splits.

        Pictures in a file are put into the order of the parts, so that splits are slices of it;
        others are copied.
        """
        if not isinstance(self.images, np.memmap):
            whole = Split(images=self.images, labels=self.labels, ids=self.ids)
            return {name: whole.take(positions) for name, positions in parts.items()}
        order = np.concatenate(list(parts.values()))
        rearrange(self.images, order)
        ends = np.cumsum([len(positions) for positions in parts.values()])
        return {
            name: Split(
                images=self.images[end - len(positions) : end],
                labels=self.labels[positions],
                ids=tuple(self.ids[position] for position in positions),
            )
            for (name, positions), end in zip(parts.items(), ends.tolist(), strict=True)
        }


def rearrange(rows: NDArray[np.uint8], order: NDArray[np.intp]) -> None:
    """Put ``rows[order]`` at the beginning of ``rows``, with memory for one row.

    Rows that ``order`` leaves out come after them; a row may be in it once.

    Example:
        >>> rows = np.array([10, 11, 12, 13], np.uint8)
        >>> rearrange(rows, np.array([3, 0, 2]))
        >>> rows.tolist()
        [13, 10, 12, 11]
    """
    rest = np.setdiff1d(np.arange(len(rows)), order)
    sources = np.concatenate([order, rest]).tolist()
    for start in range(len(sources)):
        if sources[start] in (start, -1):
            continue
        kept, to = rows[start].copy(), start
        while (source := sources[to]) != start:
            rows[to] = rows[source]
            sources[to], to = -1, source
        rows[to], sources[to] = kept, -1


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
        notes: What is to be said of it before a picture is read.
    """

    name: str
    card: DatasetCard
    subset: bool
    view: View
    digest: str
    read: Callable[[], Reading]
    manifest: str | None = None
    notes: tuple[str, ...] = ()

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
        return (*self.notes, *self.reading.warnings)

    def warn(self) -> None:
        """Issue ``warnings`` as Python warnings: copies across splits, unreadable pictures."""
        for text in self.warnings:
            warnings.warn(f"{self.name}: {text}", stacklevel=2)


def with_fewer(dataset: Dataset, count: int, seed: int = 0) -> Dataset:
    """Return ``dataset`` with ``count`` of its test pictures, drawn by class.

    Args:
        dataset: The dataset; where it has not more test pictures, it is returned as it is.
        count: Number of test pictures.
        seed: Seed by which they are drawn.
    """
    test = dataset.test.stratified(count, seed)
    if len(test) == len(dataset.test):
        return dataset
    reading = replace(dataset.reading, splits={**dataset.splits, "test": test})
    digest = sha256_json({"of": dataset.digest, "test": count, "seed": seed})
    return replace(dataset, read=lambda: reading, subset=True, digest=digest)


def pooled(parts: Sequence[Split]) -> Split:
    """Return all pictures of several splits as one split."""
    return Split(
        images=np.concatenate([part.images for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        ids=tuple(name for part in parts for name in part.ids),
    )
