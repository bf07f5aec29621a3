"""Pictures with labels, in three splits that never share a picture.

Training uses ``train``, every choice is made on ``validation``, and ``test`` is used once, at the
end. Pictures are read when a split is first used; name and digest are known before that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from tflconv.core import markup, telling
from tflconv.core.files import sha256_json
from tflconv.core.plural import plural
from tflconv.core.shortening import shorten
from tflconv.core.text import clean, clean_name
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
class Files:
    """Pictures that lie in several files, one after another, and are read when they are used.

    Attributes:
        counts: Number of pictures of each file.
        read: Returns uint8 ``[n, height, width, channels]`` of the file with a number.
    """

    counts: tuple[int, ...]
    read: Callable[[int], NDArray[np.uint8]]

    def with_some_of(self, positions: NDArray[np.intp]) -> tuple[int, ...]:
        """Return the numbers of the files that the pictures at ``positions`` are in."""
        return tuple(np.unique(self._numbers(positions)).tolist())

    def take(
        self, numbers: Sequence[int], parts: Mapping[str, NDArray[np.intp]]
    ) -> dict[str, NDArray[np.uint8]]:
        """Read the files ``numbers`` and return the pictures of ``parts``, which are in them."""
        images = [self.read(number) for number in numbers]
        whole = images[0] if len(images) == 1 else np.concatenate(images)
        left_out = np.array(self.counts, np.intp)
        left_out[list(numbers)] = 0
        before = np.cumsum(left_out)
        return {
            name: _taken(whole, positions - before[self._numbers(positions)])
            for name, positions in parts.items()
        }

    def _numbers(self, positions: NDArray[np.intp]) -> NDArray[np.intp]:
        return np.searchsorted(np.cumsum(self.counts), positions, side="right")


def _taken(rows: NDArray[np.uint8], positions: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Return ``rows[positions]``, without a copy where that is all of them."""
    same = len(positions) == len(rows) and np.array_equal(positions, np.arange(len(rows)))
    return rows if same else rows[positions]


class LazySplits(Mapping[str, Split]):
    """Splits that are made when one of them is first used, together with those of the same files.

    Args:
        makers: What makes splits, by their names.
    """

    def __init__(self, makers: Mapping[tuple[str, ...], Callable[[], Mapping[str, Split]]]) -> None:
        self._waiting = {name: maker for names, maker in makers.items() for name in names}
        self._names = tuple(self._waiting)
        self._made: dict[str, Split] = {}

    def __getitem__(self, name: str) -> Split:
        if name in self._waiting:
            for made, split in self._waiting[name]().items():
                self._made[made] = split
                del self._waiting[made]
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """The pictures of a dataset as they were read, before splits are drawn.

    Attributes:
        images: uint8 ``[n, height, width, channels]``, or the files that they are in.
        labels: int64 ``[n]``.
        ids: Names of the pictures.
        parts: Positions by split; ``all`` where splits are drawn from everything.
        classes: Names of the classes.
        warnings: What a user should know.
    """

    images: NDArray[np.uint8] | Files
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

    def cut(self, parts: Mapping[str, NDArray[np.intp]]) -> Mapping[str, Split]:
        """Return the pictures at the positions of each part as splits.

        Those in files are read when a split is used. Those in one array are put into the order of
        the parts, so that splits are slices of it.
        """
        if isinstance(self.images, Files):
            return self._lazily(self.images, parts)
        rearrange(self.images, np.concatenate(list(parts.values())))
        ends = np.cumsum([len(positions) for positions in parts.values()])
        return {
            name: self._split(self.images[end - len(positions) : end], positions)
            for (name, positions), end in zip(parts.items(), ends.tolist(), strict=True)
        }

    def _lazily(self, files: Files, parts: Mapping[str, NDArray[np.intp]]) -> LazySplits:
        groups: dict[tuple[int, ...], dict[str, NDArray[np.intp]]] = {}
        for name, positions in parts.items():
            groups.setdefault(files.with_some_of(positions), {})[name] = positions

        def maker(
            numbers: tuple[int, ...], group: dict[str, NDArray[np.intp]]
        ) -> Callable[[], Mapping[str, Split]]:
            return lambda: {
                name: self._split(images, group[name])
                for name, images in files.take(numbers, group).items()
            }

        return LazySplits(
            {tuple(group): maker(numbers, group) for numbers, group in groups.items()}
        )

    def _split(self, images: NDArray[np.uint8], positions: NDArray[np.intp]) -> Split:
        ids = tuple(self.ids[position] for position in positions)
        return Split(images=images, labels=self.labels[positions], ids=ids)


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

    def __repr__(self) -> str:
        part = ", a part of it" if self.subset else ""
        return f"Dataset({shorten(self.name)}: {shorten(self.card.title)}{part})"

    def _repr_html_(self) -> str:
        splits = self.splits
        rows = [
            {
                "class": name,
                **{key: int((each.labels == place).sum()) for key, each in splits.items()},
            }
            for place, name in enumerate(self.classes)
        ]
        return markup.table(rows, repr(self))

    @cached_property
    def reading(self) -> Reading:
        """All splits and the warnings of reading them; read at most once."""
        return self.read()

    @property
    def splits(self) -> Mapping[str, Split]:
        """``train``, ``validation`` and ``test``."""
        return self.reading.splits

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the labels.

        Raises:
            TflconvError: Two classes differ in what cannot be seen only.
        """
        names = tuple(map(clean_name, self.card.classes or self.reading.classes))
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise TflconvError(
                f"{self.name}: two classes are called '{twice}'.",
                hint="They differ in characters that cannot be seen: rename one.",
            )
        return names

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
        return tuple(map(clean, (*self.notes, *self.reading.warnings)))

    def warn(self) -> None:
        """Issue ``warnings`` as Python warnings: copies across splits, unreadable pictures."""
        for text in self.warnings:
            telling.warn(f"{self.name}: {text}")


def with_fewer(dataset: Dataset, count: int, seed: int = 0) -> Dataset:
    """Return ``dataset`` with ``count`` of its test pictures, drawn by class.

    Args:
        dataset: The dataset; where it has not more test pictures, it is returned as it is.
        count: Number of test pictures.
        seed: Seed by which they are drawn.
    """
    test = drawn(dataset, count, seed)
    if len(test) == len(dataset.test):
        return dataset
    makers: dict[tuple[str, ...], Callable[[], Mapping[str, Split]]] = {
        (name,): partial(_only, dataset.splits, name) for name in dataset.splits
    }
    splits = LazySplits({**makers, ("test",): lambda: {"test": test}})
    reading = replace(dataset.reading, splits=splits)
    digest = sha256_json({"of": dataset.digest, "test": count, "seed": seed})
    return replace(dataset, read=lambda: reading, subset=True, digest=digest)


def drawn(dataset: Dataset, count: int, seed: int = 0) -> Split:
    """Draw ``count`` test pictures by class; warn where some classes have none then."""
    test = dataset.test.stratified(count, seed)
    had, has = len(np.unique(dataset.test.labels)), len(np.unique(test.labels))
    if has < had:
        telling.warn(
            f"{plural(count, 'picture')} of {dataset.name} cannot be of all its {had} classes:"
            f" {had - has} have none."
        )
    return test


def _only(splits: Mapping[str, Split], name: str) -> dict[str, Split]:
    return {name: splits[name]}


def pooled(parts: Sequence[Split]) -> Split:
    """Return all pictures of several splits as one split."""
    return Split(
        images=np.concatenate([part.images for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        ids=tuple(name for part in parts for name in part.ids),
    )
