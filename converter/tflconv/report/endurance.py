"""How a model does when it runs for minutes: what it holds of its peak, and from when on.

A phone's first minute says little about its thirtieth. The peak is the best ten seconds, what is
held is the last third, and a device throttles from the moment on after which latency never comes
back to within a tenth of the peak. Seconds in which nothing ran (a duty cycle) take no part.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from tflconv.benchmark.verdict import DRIFT
from tflconv.results import SustainedSecond

WINDOW = 10
"""Seconds of which the peak is the best."""

FLIP = 0.02
"""Difference, as a share, from which two models have a rank at all."""


@dataclass(frozen=True, kw_only=True)
class Endurance:
    """A sustained run in figures.

    Attributes:
        peak_ms: Median latency of the best ten seconds.
        held_ms: Median latency of the last third.
        throttled_at_s: When it became slower for good; None if it did not.
        seconds: How long it ran.
    """

    peak_ms: float
    held_ms: float
    throttled_at_s: float | None
    seconds: float

    @property
    def held(self) -> float:
        """Share of the peak's speed that is held."""
        return self.peak_ms / self.held_ms


def of(series: Sequence[SustainedSecond]) -> Endurance | None:
    """Return the figures of a series; None if it is too short to say anything.

    Example:
        >>> seconds = [SustainedSecond(at_s=n, runs=9, median_ms=1 + (n > 40)) for n in range(90)]
        >>> found = of(seconds)
        >>> found.held, found.throttled_at_s
        (0.5, 41)
    """
    ran = [second for second in series if second.runs > 0 and second.median_ms > 0]
    if len(ran) < 3 * WINDOW:
        return None
    windows = (ran[start : start + WINDOW] for start in range(len(ran) - WINDOW + 1))
    peak = min(statistics.median(second.median_ms for second in window) for window in windows)
    held = statistics.median(second.median_ms for second in ran[-(len(ran) // 3) :])
    return Endurance(
        peak_ms=peak, held_ms=held, throttled_at_s=_throttled(ran, peak), seconds=ran[-1].at_s
    )


def _throttled(ran: Sequence[SustainedSecond], peak: float) -> float | None:
    """Return from when on no ten seconds come back to the peak."""
    for start in range(len(ran) - WINDOW, -1, -1):
        window = ran[start : start + WINDOW]
        if statistics.median(second.median_ms for second in window) <= (1 + DRIFT) * peak:
            after = start + WINDOW // 2 + 1
            return ran[after].at_s if start + WINDOW < len(ran) else None
    return None


def flips(runs: Sequence[tuple[str, Endurance]]) -> Iterator[tuple[str, str]]:
    """Yield pairs of models of which the first is faster at its peak, and slower in the end."""
    for (first, one), (second, other) in combinations(runs, 2):
        if _faster(one.peak_ms, other.peak_ms) and _faster(other.held_ms, one.held_ms):
            yield first, second
        if _faster(other.peak_ms, one.peak_ms) and _faster(one.held_ms, other.held_ms):
            yield second, first


def _faster(milliseconds: float, others: float) -> bool:
    return milliseconds * (1 + FLIP) < others
