"""Stratified splits that do not leak.

Pictures are drawn in the order of a hash of the seed and their own names, so a picture falls into
the same split whatever else is in the set, on every machine and with every version of NumPy.

Frames of a film are not drawn one by one: neighbours are nearly equal, and a model trained on one
knows the other. They are divided into ``FrameBlocks`` of consecutive frames; whole blocks go to a
split, and frames close to a border are left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tflconv.errors import UsageError


def ranks(ids: Sequence[str], seed: int) -> NDArray[np.uint64]:
    """Return a sort key per picture: a hash of seed and name."""
    keys = (hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8] for name in ids)
    return np.frombuffer(b"".join(keys), ">u8").astype(np.uint64)


def quotas(sizes: Sequence[int], total: int) -> list[int]:
    """Divide a number of pictures among classes in proportion to their sizes.

    Uses the method of largest remainders (Hamilton), so the quotas add up to ``total``.

    Args:
        sizes: Number of pictures per class.
        total: Number of pictures to draw.

    Returns:
        Number of pictures to draw per class, never more than it has.

    Raises:
        ValueError: ``total`` is below 0 or more than all pictures.

    Example:
        >>> quotas([50, 30, 20], 9)
        [4, 3, 2]
    """
    everything = sum(sizes)
    if not 0 <= total <= everything:
        raise ValueError(f"cannot draw {total} of {everything}")
    if everything == 0:
        return [0] * len(sizes)
    exact = [size * total / everything for size in sizes]
    shares = [int(value) for value in exact]
    by_remainder = sorted(range(len(sizes)), key=lambda i: (shares[i] - exact[i], i))
    for index in by_remainder[: total - sum(shares)]:
        shares[index] += 1
    return shares


def draw(labels: NDArray[np.int64], ids: Sequence[str], total: int, seed: int) -> NDArray[np.intp]:
    """Draw pictures without replacement, stratified by label.

    Of more classes than pictures some are drawn, each with one picture: not the first ones.

    Args:
        labels: int64 ``[n]``.
        ids: Names of the pictures.
        total: Number of pictures to draw.
        seed: Seed of the draw.

    Returns:
        Sorted positions ``[total]``.

    Raises:
        ValueError: There are fewer than ``total`` pictures.
    """
    classes, sizes = np.unique(labels, return_counts=True)
    if total < len(classes):
        return _draw_classes(labels, ids, total, seed)
    return _draw_counts(
        labels, ids, dict(zip(classes, quotas(sizes.tolist(), total), strict=True)), seed
    )


def draw_of_each(
    labels: NDArray[np.int64], ids: Sequence[str], total: int, seed: int
) -> NDArray[np.intp]:
    """Draw pictures as ``draw`` does, but at least one per class where ``total`` allows it.

    Classes whose share rounds to nothing take their picture from the class that has most.

    Args:
        labels: The class of each picture, [pictures].
        ids: Their names, by which they are drawn: the order of the pictures plays no part.
        total: How many to draw.
        seed: Seed of the draw.

    Returns:
        Their positions, sorted.

    Example:
        >>> labels = np.array([0] * 97 + [1, 1, 1])
        >>> labels[draw_of_each(labels, [str(i) for i in range(100)], 5, 0)].tolist()
        [0, 0, 0, 0, 1]
    """
    classes, sizes = np.unique(labels, return_counts=True)
    if total < len(classes):
        return _draw_classes(labels, ids, total, seed)
    counts = quotas(sizes.tolist(), total)
    while 0 in counts and max(counts) > 1:
        counts[counts.index(max(counts))] -= 1
        counts[counts.index(0)] += 1
    return _draw_counts(labels, ids, dict(zip(classes, counts, strict=True)), seed)


def draw_share(
    labels: NDArray[np.int64], ids: Sequence[str], share: float, seed: int
) -> NDArray[np.intp]:
    """Return sorted positions of a ``share`` of each class: at least one picture, never all."""
    classes, sizes = np.unique(labels, return_counts=True)
    counts = {
        label: min(max(1, round(share * size)), size - 1)
        for label, size in zip(classes, sizes.tolist(), strict=True)
    }
    return _draw_counts(labels, ids, counts, seed)


def _draw_classes(
    labels: NDArray[np.int64], ids: Sequence[str], total: int, seed: int
) -> NDArray[np.intp]:
    """Draw one picture each of ``total`` classes, the larger ones more likely."""
    order = ranks(ids, seed)
    by_rank = np.argsort(order, kind="stable")
    _, first = np.unique(labels[by_rank], return_index=True)
    return np.sort(by_rank[np.sort(first)[:total]])


def _draw_counts(
    labels: NDArray[np.int64], ids: Sequence[str], counts: dict[np.int64, int], seed: int
) -> NDArray[np.intp]:
    order = ranks(ids, seed)
    chosen = []
    for label, count in counts.items():
        members = np.flatnonzero(labels == label)
        chosen.append(members[np.argsort(order[members], kind="stable")[:count]])
    return np.sort(np.concatenate(chosen)) if chosen else np.empty(0, np.intp)


@dataclass(frozen=True, kw_only=True)
class FrameBlocks:
    """Division of a film into blocks of consecutive frames; frame 1 is the first of block 0.

    Attributes:
        size: Frames per block.
        guard: Frames of another split this close to a test or validation block are left out.
        test: Numbers of the test blocks, from 0.
        validation: Numbers of the validation blocks; all others are for training.
        frame: Regular expression for file names with the groups ``label`` and ``index``; pictures
            that it does not match are left out.

    Raises:
        UsageError: The guard is not shorter than a block, or a block is in two splits.

    Example:
        >>> blocks = FrameBlocks(size=10, guard=2, test=(1,), validation=(), frame="(?P<label>.)")
        >>> [blocks.split(index) for index in (8, 9, 11)]
        ['train', None, 'test']
    """

    size: int
    guard: int
    test: tuple[int, ...]
    validation: tuple[int, ...]
    frame: str

    def __post_init__(self) -> None:
        if not 0 <= self.guard < self.size:
            raise UsageError(
                "blocks: the guard is shorter than a block."
                f" Received: guard={self.guard}, size={self.size}."
            )
        if set(self.test) & set(self.validation):
            raise UsageError("blocks: a block is both in test and in validation.")

    def split(self, index: int) -> str | None:
        """Return the split of frame ``index`` (from 1), or None where it is left out."""
        own = self._split_of_block(index)
        near = {self._split_of_block(index + step) for step in (-self.guard, self.guard)}
        if own == "test" or near <= {own}:
            return own
        if own == "validation" and "test" not in near:
            return own
        return None

    def _split_of_block(self, index: int) -> str:
        block = (index - 1) // self.size
        if block in self.test:
            return "test"
        return "validation" if block in self.validation else "train"
