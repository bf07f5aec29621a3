"""How a model does when it runs for minutes: what it holds of its peak, and from when on.

A phone's first minute says little about its thirtieth. The peak is the best ten seconds, what is
held is the last third, and a device throttles from the moment on after which latency never comes
back to within a tenth of the peak. Seconds in which nothing ran (a duty cycle) take no part.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from tflconv.results.conditions import SustainedSecond

WINDOW = 10
"""Seconds of which the peak is the best."""

THROTTLED = 0.10
"""Slowdown, as a share, from which on a device throttles."""

MINUTE = 60.0
"""Length of the first and of the last stretch in which models are ranked, or a third of a run."""

FLIP = 0.02
"""Difference, as a share, from which two models have a rank at all."""


@dataclass(frozen=True, kw_only=True)
class Endurance:
    """A sustained run in figures.

    Attributes:
        peak_ms: Median latency of the best ten seconds.
        held_ms: Median latency of the last third.
        first_ms: Median latency of the first minute.
        last_ms: Median latency of the last minute.
        throttled_at_s: When it became slower for good; None if it did not.
        seconds: How long it ran.
    """

    peak_ms: float
    held_ms: float
    first_ms: float
    last_ms: float
    throttled_at_s: float | None
    seconds: float

    @property
    def held(self) -> float:
        """Share of the peak's speed that is held."""
        return self.peak_ms / self.held_ms


@dataclass(frozen=True, kw_only=True)
class Flip:
    """A model that is faster than another at first, and slower in the end; ranks are from 1.

    Attributes:
        faster: The model that is faster at first.
        slower: The other one.
        first_ranks: Their ranks among all models in the first minute.
        last_ranks: Their ranks in the last minute.
        minutes: Which minute the last one is, from 1.
    """

    faster: str
    slower: str
    first_ranks: tuple[int, int]
    last_ranks: tuple[int, int]
    minutes: int


def of(series: Sequence[SustainedSecond]) -> Endurance | None:
    """Return the figures of a series; None if it is too short to say anything.

    Example:
        >>> seconds = [SustainedSecond(at_s=n, runs=9, median_ms=1 + (n > 40)) for n in range(90)]
        >>> found = of(seconds)
        >>> found.held, found.throttled_at_s, found.first_ms, found.last_ms
        (0.5, 41, 1.0, 2.0)
    """
    ran = [second for second in series if second.runs > 0 and second.median_ms > 0]
    if len(ran) < 3 * WINDOW:
        return None
    windows = (ran[start : start + WINDOW] for start in range(len(ran) - WINDOW + 1))
    peak = min(map(_median, windows))
    end = ran[-1].at_s
    stretch = min(MINUTE, (end - ran[0].at_s) / 3)
    return Endurance(
        peak_ms=peak,
        held_ms=_median(ran[-(len(ran) // 3) :]),
        first_ms=_median([second for second in ran if second.at_s - ran[0].at_s <= stretch]),
        last_ms=_median([second for second in ran if second.at_s >= end - stretch]),
        throttled_at_s=_throttled(ran, peak),
        seconds=end,
    )


def _median(seconds: Sequence[SustainedSecond]) -> float:
    return float(statistics.median(second.median_ms for second in seconds))


def _throttled(ran: Sequence[SustainedSecond], peak: float) -> float | None:
    """Return from when on no ten seconds come back to the peak."""
    for start in range(len(ran) - WINDOW, -1, -1):
        if _median(ran[start : start + WINDOW]) <= (1 + THROTTLED) * peak:
            after = start + WINDOW // 2 + 1
            return ran[after].at_s if start + WINDOW < len(ran) else None
    return None


def flips(runs: Sequence[tuple[str, Endurance]]) -> Iterator[Flip]:
    """Yield the pairs of models of which one is faster in the first minute, the other in the last.

    A pair whose times differ by less than ``FLIP`` in either minute has no rank that could flip.
    """
    first, last = ([getattr(run, name) for _, run in runs] for name in ("first_ms", "last_ms"))
    for pair in combinations(range(len(runs)), 2):
        for faster, slower in (pair, pair[::-1]):
            if _faster(first[faster], first[slower]) and _faster(last[slower], last[faster]):
                yield Flip(
                    faster=runs[faster][0],
                    slower=runs[slower][0],
                    first_ranks=(_rank(first, faster), _rank(first, slower)),
                    last_ranks=(_rank(last, faster), _rank(last, slower)),
                    minutes=max(1, math.ceil(runs[faster][1].seconds / MINUTE)),
                )


def _rank(times: Sequence[float], number: int) -> int:
    return 1 + sum(time < times[number] for time in times)


def _faster(milliseconds: float, others: float) -> bool:
    return milliseconds * (1 + FLIP) < others
