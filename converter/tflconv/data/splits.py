"""Deciding which picture goes where, so that every class keeps its share and nothing leaks.

A picture's place in a draw is the hash of the seed and its own name, so the same picture falls on
the same side whatever stands beside it, on every machine and with every NumPy.

Frames of a film are not drawn one by one: neighbours are nearly the same picture, and a model that
has seen one knows the other. They are cut into ``Blocks`` of consecutive frames, whole blocks go to
a split, and frames close to a border are left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tflconv.errors import UsageError


def ranks(ids: Sequence[str], seed: int) -> NDArray[np.uint64]:
    """A number for each of ``ids`` by which to sort them; random, but tied to seed and name."""
    keys = (hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8] for name in ids)
    return np.frombuffer(b"".join(keys), ">u8").astype(np.uint64)


def quotas(sizes: Sequence[int], total: int) -> list[int]:
    """Share ``total`` among classes of these ``sizes``: proportional, largest remainders first.

    The shares add up to ``total`` and no class is asked for more than it has.
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
    """Sorted positions of ``total`` pictures drawn without replacement, stratified by label."""
    classes, sizes = np.unique(labels, return_counts=True)
    return _draw_each(
        labels, ids, dict(zip(classes, quotas(sizes.tolist(), total), strict=True)), seed
    )


def draw_share(
    labels: NDArray[np.int64], ids: Sequence[str], share: float, seed: int
) -> NDArray[np.intp]:
    """Sorted positions of a ``share`` of each class, at least one picture, but never the last."""
    classes, sizes = np.unique(labels, return_counts=True)
    each = {
        label: min(max(1, round(share * size)), size - 1)
        for label, size in zip(classes, sizes.tolist(), strict=True)
    }
    return _draw_each(labels, ids, each, seed)


def _draw_each(
    labels: NDArray[np.int64], ids: Sequence[str], each: dict[np.int64, int], seed: int
) -> NDArray[np.intp]:
    order = ranks(ids, seed)
    chosen = []
    for label, count in each.items():
        members = np.flatnonzero(labels == label)
        chosen.append(members[np.argsort(order[members], kind="stable")[:count]])
    return np.sort(np.concatenate(chosen)) if chosen else np.empty(0, np.intp)


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """Runs of ``size`` frames, numbered from 0; frame 1 is the first of block 0.

    ``test`` and ``validation`` name the blocks of those splits, all others are for training.
    Frames of another split within ``guard`` of a test or validation block are left out.
    ``frame`` is a regular expression over file names with the groups ``label`` and ``index``;
    pictures that it does not match belong to no split.
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
        """The split of frame ``index`` (from 1), or None where it is left out."""
        mine = self._split_of_block(index)
        near = {self._split_of_block(index + step) for step in (-self.guard, self.guard)}
        if mine == "test" or near <= {mine}:
            return mine
        if mine == "validation" and "test" not in near:
            return mine
        return None

    def _split_of_block(self, index: int) -> str:
        block = (index - 1) // self.size
        if block in self.test:
            return "test"
        return "validation" if block in self.validation else "train"
