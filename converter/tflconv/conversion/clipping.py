"""Which range an activation gets: all values that were seen, or less, so that most are finer.

An int8 activation has 255 steps from its smallest to its largest value. ``min-max`` covers every
value of the calibration samples. ``percentile`` cuts off one value of 10 000 at each end
(99.99 %, Wu et al. 2020, "Integer Quantization for Deep Learning Inference",
https://arxiv.org/abs/2004.09602). ``mse`` takes the ends for which the mean squared error of
rounding and of cutting off together is least, searched over a histogram (Banner et al. 2019,
https://arxiv.org/abs/1810.05723, do so in closed form).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

CalibrationMethod = Literal["min-max", "mse", "percentile"]
METHODS: tuple[CalibrationMethod, ...] = get_args(CalibrationMethod)

_BINS = 2048
_STEPS = 255
_CUT = 1e-4
_SHARES = np.linspace(1, 0.05, 39)
"""Of each end, what may be kept."""

_SEARCHES = 3
"""How often both ends are searched in turn."""


@dataclass(frozen=True, kw_only=True)
class ValueHistogram:
    """How often values were seen, in equal bins.

    Attributes:
        low: Smallest value.
        high: Largest value, above ``low``.
        counts: Number of values in each bin.
    """

    low: float
    high: float
    counts: NDArray[np.int64]

    @classmethod
    def empty(cls, low: float, high: float) -> ValueHistogram:
        """Return one without values."""
        return cls(low=low, high=high, counts=np.zeros(_BINS, np.int64))

    def add(self, values: NDArray[np.float32]) -> None:
        """Count ``values``, but for those outside of it."""
        flat = values.ravel().astype(np.float64)
        flat = flat[(flat >= self.low) & (flat <= self.high)]
        places = ((flat - self.low) / (self.high - self.low) * _BINS).astype(np.intp)
        self.counts[:] += np.bincount(places.clip(0, _BINS - 1), minlength=_BINS)

    @property
    def centers(self) -> NDArray[np.float64]:
        """The middle of each bin."""
        edges = np.linspace(self.low, self.high, _BINS + 1)
        return np.asarray((edges[:-1] + edges[1:]) / 2)


def ends(histogram: ValueHistogram, method: CalibrationMethod) -> tuple[float, float]:
    """Return the ends of the range that ``method`` gives to what was counted; 0 is inside.

    Example:
        >>> seen = ValueHistogram.empty(-1.0, 100.0)
        >>> seen.add(np.append(np.linspace(-1, 1, 50_000), 100).astype(np.float32))
        >>> ends(seen, "min-max"), ends(seen, "percentile")[1] < 2
        ((-1.0, 100.0), True)
    """
    low, high = min(0.0, histogram.low), max(0.0, histogram.high)
    if method == "min-max" or not histogram.counts.any():
        return low, high
    if method == "percentile":
        return _percentile(histogram, low, high)
    return _least_error(histogram, low, high)


def _percentile(histogram: ValueHistogram, low: float, high: float) -> tuple[float, float]:
    below = np.cumsum(histogram.counts) / histogram.counts.sum()
    edges = np.linspace(histogram.low, histogram.high, _BINS + 1)
    first = int(np.searchsorted(below, _CUT, side="right"))
    last = min(int(np.searchsorted(below, 1 - _CUT)), _BINS - 1)
    return max(low, min(0.0, float(edges[first]))), min(high, max(0.0, float(edges[last + 1])))


def _least_error(histogram: ValueHistogram, low: float, high: float) -> tuple[float, float]:
    """Search one end and then the other; of a side without values there is nothing to search."""
    kept = histogram.counts > 0
    values, counts = histogram.centers[kept], histogram.counts[kept]

    def error(candidate: tuple[float, float]) -> float:
        step = (candidate[1] - candidate[0]) / _STEPS or 1.0
        stored = candidate[0] + np.rint((values.clip(*candidate) - candidate[0]) / step) * step
        return float((np.square(stored - values) * counts).sum())

    best = (low, high)
    for _ in range(_SEARCHES):
        best = min(((best[0], high * share) for share in _SHARES), key=error)
        best = min(((low * share, best[1]) for share in _SHARES), key=error)
    return best
