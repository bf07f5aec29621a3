"""Finds for each vector one that is much like it among many others, without comparing all with all.

Two vectors of length 1 whose correlation is at least ``c`` lie at most ``sqrt(2 - 2c)`` apart, and
so do their shadows on any axes. So the others are sorted into the cells of a grid twice as wide as
that, along the axes on which they differ most. Whatever is similar enough is in the cell of a
vector or on its nearer side, in one of ``2^axes`` cells, and its shadow on more axes is as near.
Only what passes both is compared as a whole. Nothing is missed, and as the grid gets an axis more
whenever the others are four times as many, the time grows little faster than their number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_FEW = 500
"""Vectors that need no grid."""
_SHADOW_AXES = 32
_SAMPLE = 4096
"""Vectors whose differences decide on the axes."""
_AT_ONCE = 1024
"""Vectors that are at once in memory as floats."""
_SLACK = 1.001
"""Rounding makes distances of shadows a little longer."""
_BITS = 5
"""Bits per axis of the number of a half cell: there are fewer than 32, as shadows are at most 1."""

Rows = NDArray[np.uint8]
Floats = NDArray[np.float32]
Positions = NDArray[np.intp]


def similar(mine: Rows, theirs: Rows, least: float) -> Positions:
    """Return the position of one of ``theirs`` that is similar, for each of ``mine``, or -1.

    Args:
        mine: uint8 ``[n, values]``.
        theirs: uint8 ``[m, values]``.
        least: The least correlation that is called similar, above 0.

    Example:
        >>> similar(np.uint8([[1, 2, 4], [9, 1, 9]]), np.uint8([[4, 2, 1], [2, 4, 8]]), 0.9)
        array([ 1, -1])
    """
    similar_to = np.full(len(mine), -1, np.intp)
    if not len(mine) or not len(theirs):
        return similar_to
    reach = math.sqrt(2 - 2 * least) * _SLACK
    axes = _axes(theirs)
    grid = _Grid.of(_shadows(theirs, axes), reach)
    shadows = _shadows(mine, axes)
    for group, others in grid.meetings(shadows):
        rows = group
        for start in range(0, len(others), _AT_ONCE):
            columns = others[start : start + _AT_ONCE]
            near = _distances(shadows[rows], grid.shadows[columns]) <= reach**2
            some, which = near.any(axis=1), near.any(axis=0)
            if some.any():
                compared = grid.order[columns[which]]
                products = _units(mine[rows[some]]) @ _units(theirs[compared]).T
                best = products.argmax(axis=1)
                alike = products[np.arange(len(best)), best] >= least
                similar_to[rows[some][alike]] = compared[best[alike]]
                rows = rows[similar_to[rows] < 0]
            if not len(rows):
                break
    return similar_to


@dataclass(frozen=True, kw_only=True)
class _Grid:
    """Shadows by cells: ``shadows[i]`` is that of vector ``order[i]``, in the cell ``cells[i]``."""

    axes: int
    width: float
    cells: NDArray[np.int64]
    order: Positions
    shadows: Floats

    @classmethod
    def of(cls, shadows: Floats, reach: float) -> _Grid:
        """Sort ``shadows`` into cells such that no cell lies between two within ``reach``."""
        axes, width = math.ceil(math.log2(max(1, len(shadows) / _FEW)) / 2), 2 * reach
        cells = _numbers(np.floor(shadows[:, :axes] / width))
        order = np.argsort(cells, kind="stable")
        return cls(axes=axes, width=width, cells=cells[order], order=order, shadows=shadows[order])

    def meetings(self, shadows: Floats) -> Iterator[tuple[Positions, Positions]]:
        """Yield positions in ``shadows``, and in ``self.shadows`` of those that may be near."""
        halves = np.floor(shadows[:, : self.axes] / self.width * 2)
        numbers = _numbers(halves)
        members = np.argsort(numbers, kind="stable")
        borders = np.flatnonzero(np.diff(numbers[members])) + 1
        for group in np.split(members, borders):
            others = self._around(halves[group[0]])
            for start in range(0, len(group) if len(others) else 0, _AT_ONCE):
                yield group[start : start + _AT_ONCE], others

    def _around(self, half: Floats) -> Positions:
        """Return what is in the cell of a half cell, and in the cells on its nearer sides."""
        own = np.floor(half / 2)
        nearer = np.where(half % 2, own + 1, own - 1)
        sides = (np.arange(1 << self.axes)[:, np.newaxis] >> np.arange(self.axes)) & 1
        numbers = np.unique(_numbers(np.where(sides, nearer, own)))
        starts = np.searchsorted(self.cells, numbers, "left")
        ends = np.searchsorted(self.cells, numbers, "right")
        return np.concatenate([np.arange(*cell) for cell in zip(starts, ends, strict=True)])


def _units(rows: Rows) -> Floats:
    """Return ``rows`` centred and of length 1: their dot product is the correlation."""
    vectors = rows.astype(np.float32)
    vectors -= vectors.mean(axis=1, keepdims=True)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-3)
    return vectors


def _axes(vectors: Rows) -> Floats:
    """Return the directions on which ``vectors`` differ most."""
    sample = _units(vectors[:: max(1, len(vectors) // _SAMPLE)])
    sample -= sample.mean(axis=0)
    _, directions = np.linalg.eigh(sample.T @ sample)
    return np.asarray(directions[:, ::-1][:, :_SHADOW_AXES], np.float32)


def _shadows(vectors: Rows, axes: Floats) -> Floats:
    shadows = np.empty((len(vectors), axes.shape[1]), np.float32)
    for start in range(0, len(vectors), _AT_ONCE):
        chunk = slice(start, start + _AT_ONCE)
        shadows[chunk] = _units(vectors[chunk]) @ axes
    return shadows


def _distances(some: Floats, others: Floats) -> Floats:
    """Return the squared distance of each of ``some`` to each of ``others``."""
    products = some @ others.T
    own, theirs = (np.square(side).sum(axis=1) for side in (some, others))
    return np.asarray(own[:, np.newaxis] + theirs - 2 * products, np.float32)


def _numbers(cells: Floats) -> NDArray[np.int64]:
    """Return one number per cell."""
    wrapped = cells.astype(np.int64) & ((1 << _BITS) - 1)
    return np.asarray(wrapped @ (1 << (_BITS * np.arange(cells.shape[1]))), np.int64)
