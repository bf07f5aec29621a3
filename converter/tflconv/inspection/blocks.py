"""Blocks of a graph: what repeats itself in the order of execution, whatever it is called.

Names say little: many files have none. So a block is a run of at least three operators that occurs
again right behind itself, such as a layer of a transformer. The run that covers most operators
comes first, then what remains before and behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tflconv.tflite.contents import Subgraph

FEWEST, LONGEST = 3, 256
"""Operators of a block."""


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """One repetition: operators ``start`` to ``end`` (exclusive), number ``nth`` of ``count``."""

    start: int
    end: int
    nth: int
    count: int


def of(graph: Subgraph) -> list[Repetition]:
    """Return the blocks of a graph, in the order of execution."""
    numbers: dict[object, int] = {}
    kinds = [
        numbers.setdefault((operator.name, operator.activation), len(numbers))
        for operator in graph.operators
    ]
    return repeated(kinds)


def repeated(kinds: Sequence[int]) -> list[Repetition]:
    """Return the repetitions in a row of numbers.

    Example:
        >>> [(b.start, b.end) for b in repeated([9, 1, 2, 3, 1, 2, 3, 8])]
        [(1, 4), (4, 7)]
    """
    blocks, waiting = list[Repetition](), [(0, len(kinds))]
    row = np.asarray(kinds)
    while waiting:
        start, end = waiting.pop()
        best = _best(row[start:end])
        if best is None:
            continue
        first, period, count = best
        for nth in range(count):
            place = start + first + nth * period
            blocks.append(Repetition(start=place, end=place + period, nth=nth + 1, count=count))
        waiting += [(start, start + first), (start + first + count * period, end)]
    return sorted(blocks, key=lambda block: block.start)


def _best(row: NDArray[np.int64]) -> tuple[int, int, int] | None:
    """Return start, period and count of the repetition that covers most; the shortest of equals."""
    best: tuple[int, int, int] | None = None
    for period in range(FEWEST, min(len(row) // 2, LONGEST) + 1):
        first, length = _longest(row[:-period] == row[period:])
        count = length // period + 1
        if count > 1 and (best is None or count * period > best[1] * best[2]):
            best = first, period, count
    return best


def _longest(same: NDArray[np.bool_]) -> tuple[int, int]:
    """Return start and length of the longest run of what is true."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], same, [False])).astype(np.int8)))
    if not len(edges):
        return 0, 0
    starts, ends = edges[::2], edges[1::2]
    longest = int((ends - starts).argmax())
    return int(starts[longest]), int(ends[longest] - starts[longest])
