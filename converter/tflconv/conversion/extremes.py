"""Ends of ranges beyond which values of the next samples seldom lie.

The largest value that a sample causes in a tensor differs from sample to sample, and 100 of them
do not show the largest of the next. Where a tensor has thousands of values it does not matter:
those few that are cut off are little beside the rounding of all. Where it has 50 (the weights that
one token gives to all), cutting off the largest one changes the answer.

Above a high threshold u the largest values of samples fall off exponentially, with a scale β that
is their mean excess (Coles 2001, "An Introduction to Statistical Modeling of Extreme Values",
chapter 4). With the k largest of n samples above u, a range that ends at h cuts off
2β² k/n exp(−(h−u)/β) in the mean over samples, squared. Rounding the N values of a sample to 255
steps of a range R costs N (R/255)² / 12. The sum is least where
k/n exp(−(h−u)/β) = N R / (12 · 255² β). k is the square root of n.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Ends = dict[str, NDArray[np.float32]]
"""The smallest and the largest value of a tensor, in the shape that litert-quantizer expects."""

_STEPS = 255


@dataclass
class Extremes:
    """The smallest and the largest value that each sample causes in a tensor.

    Attributes:
        rank: Number of axes of the tensor.
        size: Number of its values.
    """

    rank: int
    size: int
    lows: list[float] = field(default_factory=list)
    highs: list[float] = field(default_factory=list)

    def add(self, low: float, high: float) -> None:
        """Take in the ends of one sample."""
        self.lows.append(low)
        self.highs.append(high)

    def seen(self) -> Ends:
        """Return the ends of all samples."""
        return self._ends(min(self.lows), max(self.highs))

    def foreseen(self) -> Ends:
        """Return the ends of all samples, moved to where those of others are likely to lie.

        An end at 0 stays, and so does one beyond it: 0 is in every range.
        """
        low, high = min(0.0, *self.lows), max(0.0, *self.highs)
        further_low = -reach([-end for end in self.lows], self.size, high - low)
        further_high = reach(self.highs, self.size, high - low)
        return self._ends(further_low if low else low, further_high if high else high)

    def _ends(self, low: float, high: float) -> Ends:
        shape = (1,) * self.rank
        return {"min": np.full(shape, low, np.float32), "max": np.full(shape, high, np.float32)}


def reach(largest: Sequence[float], size: int, width: float) -> float:
    """Return the upper end of a range by the error of cutting off and rounding, as above.

    Args:
        largest: The largest value of each sample.
        size: Number of values of a sample.
        width: Of the range. Only its logarithm counts, so that of what was seen is close enough.

    Example:
        >>> largest = [0.2, 0.3, 0.4, 0.5, 0.6]
        >>> round(reach(largest, 50, 0.6), 2), reach(largest, 50_000, 0.6)
        (1.5, 0.6)
    """
    seen, count = max(largest), math.isqrt(len(largest))
    *above, threshold = sorted(largest, reverse=True)[: count + 1]
    scale = sum(each - threshold for each in above) / count
    if len(largest) <= count or scale == 0:
        return seen
    affordable = size * width / (12 * _STEPS**2 * scale)
    return max(seen, threshold + scale * math.log(count / len(largest) / affordable))
