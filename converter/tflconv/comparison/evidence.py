"""What is known about a change, and how surely: an interval for any confidence.

**Times** (latency, CPU time, memory). Samples in a row resemble each other, so the unit is the
block, a process start of its own (Georges, Buytaert and Eeckhout, Statistically Rigorous Java
Performance Evaluation, OOPSLA 2007; Kalibera and Jones, Rigorous Benchmarking in Reasonable Time,
ISMM 2013). Files that are measured together have one block each per round, and what the device
does meanwhile concerns both. So the figure of a round is the logarithm of the ratio of its two
block medians, and the interval is Student's t over the rounds (``of_rounds``): a geometric mean of
ratios. ``tests/figures/false_alarms.py`` holds it against its rivals on recorded samples. Blocks
that were not measured together have Welch's interval (``of_separate``), which knows nothing of
what changed between the two measurements; it is used only where that is forced.

**Counts** (instructions on an emulated core, bytes) repeat exactly.

**Accuracy** is compared on the same pictures: only those count that one file classifies correctly
and the other does not. The interval is the score interval of Tango (Equivalence test and confidence
interval for the difference in proportions for the paired-sample design, Statistics in Medicine 17,
1998), which holds its level for small numbers and for no discordant picture at all. Where it is
not known which pictures, the interval is Newcombe's for two independent samples (method 10 of the
same volume), which is wider.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

import numpy as np

from tflconv.comparison import student

POWER = 0.9
"""How surely a difference of the practical threshold is found by the numbers that are advised."""

_STEPS = 60


class Evidence(Protocol):
    """A change for the worse, if it is above 0, as a share."""

    @property
    def estimate(self) -> float:
        """The likeliest change."""
        ...

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the least and the largest change that is not excluded."""
        ...

    def error(self, limit: float) -> float:
        """Return the least error whose interval excludes ``limit``: the p-value of ``limit``."""
        ...

    def needed(self, change: float, confidence: float) -> int | None:
        """Return the number of units that find ``change``; None if no number is needed."""
        ...


@dataclass(frozen=True)
class Exact:
    """A count that repeats exactly.

    Example:
        >>> Exact.of(1000, 1010).interval(0.99)
        (0.01, 0.01)
    """

    estimate: float

    @classmethod
    def of(cls, baseline: float, contender: float) -> Exact:
        """Return the change, without the rounding of binary numbers."""
        return cls(round(contender / baseline - 1, 12) if baseline else 0.0)

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the change itself, twice."""
        return self.estimate, self.estimate

    def error(self, limit: float) -> float:
        """Return 0, or 1 for the change itself."""
        return float(limit == self.estimate)

    def needed(self, change: float, confidence: float) -> int | None:
        """Return None: one count is enough."""
        return None


@dataclass(frozen=True)
class Logarithms:
    """The mean of logarithms of ratios, its standard error and its degrees of freedom."""

    mean: float
    deviation: float
    freedom: int
    count: int

    @property
    def estimate(self) -> float:
        """The change of the geometric mean."""
        return math.expm1(self.mean)

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return Student's t interval, as changes."""
        half = (
            student.quantile(confidence, self.freedom) * self.deviation if self.deviation else 0.0
        )
        return math.expm1(self.mean - half), math.expm1(self.mean + half)

    def error(self, limit: float) -> float:
        """Return the p-value of Student's t test."""
        distance = abs(self.mean - math.log1p(limit))
        if self.deviation == 0:
            return float(distance == 0)
        return 1 - student.within(distance / self.deviation, self.freedom)

    def needed(self, change: float, confidence: float) -> int:
        """Return the number of blocks per file that find ``change`` with probability POWER."""
        sure = student.quantile(confidence, self.freedom) + NormalDist().inv_cdf(POWER)
        return math.ceil(self.count * (sure * self.deviation / math.log1p(change)) ** 2)


def of_rounds(baseline: Sequence[float], contender: Sequence[float]) -> Logarithms:
    """Return the evidence of blocks that were measured together, one of each file per round.

    Example:
        >>> evidence = of_rounds([1.0, 2.0, 1.0, 2.0], [1.1, 2.2, 1.1, 2.2])
        >>> round(evidence.estimate, 3), [round(end, 3) for end in evidence.interval(0.99)]
        (0.1, [0.1, 0.1])
    """
    differences = np.log(contender) - np.log(baseline)
    count = len(differences)
    deviation = float(differences.std(ddof=1)) / math.sqrt(count)
    return Logarithms(float(differences.mean()), deviation, count - 1, count)


def of_separate(baseline: Sequence[float], contender: Sequence[float]) -> Logarithms:
    """Return the evidence of blocks that were measured apart, by Welch's approximation."""
    logs = [np.log(side) for side in (baseline, contender)]
    means = [float(side.mean()) for side in logs]
    parts = [float(side.var(ddof=1)) / len(side) for side in logs]
    total = sum(parts)
    scale = sum(part**2 / (len(side) - 1) for part, side in zip(parts, logs, strict=True))
    freedom = int(total**2 / scale) if scale else len(logs[0]) - 1
    count = min(map(len, logs))
    return Logarithms(means[1] - means[0], math.sqrt(total), max(1, freedom), count)


@dataclass(frozen=True)
class SamePictures:
    """Pictures that only the baseline, and only the contender classifies correctly, of ``total``.

    Example:
        >>> pictures = SamePictures(lost=9, won=2, total=100)
        >>> round(pictures.estimate, 2), [round(end, 3) for end in pictures.interval(0.95)]
        (0.07, [0.006, 0.146])
    """

    lost: int
    won: int
    total: int

    @property
    def estimate(self) -> float:
        """The drop of accuracy."""
        return (self.lost - self.won) / self.total

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return Tango's score interval of the drop."""
        z = NormalDist().inv_cdf((1 + confidence) / 2) if confidence < 1 else math.inf
        return self._end(z, -1.0), self._end(z, 1.0)

    def error(self, limit: float) -> float:
        """Return the p-value of Tango's score test."""
        return 2 * (1 - NormalDist().cdf(abs(self._score(limit))))

    def needed(self, change: float, confidence: float) -> int:
        """Return the number of pictures that exclude a drop of ``change``, if there is none."""
        shares = max(self.lost + self.won, 1) / self.total
        sure = NormalDist().inv_cdf((1 + confidence) / 2) + NormalDist().inv_cdf(POWER)
        return math.ceil(shares * (sure / change) ** 2)

    def _end(self, z: float, far: float) -> float:
        """Return the drop between the estimate and ``far`` whose score is ``z``."""
        near = self.estimate
        for _ in range(_STEPS):
            middle = (near + far) / 2
            near, far = (middle, far) if abs(self._score(middle)) < z else (near, middle)
        return (near + far) / 2

    def _score(self, drop: float) -> float:
        """Return the standardized distance of the data from a true ``drop``."""
        a = 2 * self.total
        b = (a - self.lost + self.won) * drop - self.lost - self.won
        c = -self.won * drop * (1 - drop)
        share = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
        variance = self.total * (2 * share + drop * (1 - drop))
        distance = self.lost - self.won - self.total * drop
        if variance <= 0:
            return 0.0 if distance == 0 else math.copysign(math.inf, distance)
        return distance / math.sqrt(variance)


@dataclass(frozen=True)
class OtherPictures:
    """Correct pictures and all pictures of both sides, of which it is not known which they are."""

    baseline: tuple[int, int]
    contender: tuple[int, int]

    @property
    def estimate(self) -> float:
        """The drop of accuracy."""
        return _share(self.baseline) - _share(self.contender)

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return Newcombe's interval of the drop, which is made of two of Wilson's."""
        if confidence >= 1:
            return -1.0, 1.0
        (low, high), (least, most) = (
            _wilson(side, confidence) for side in (self.baseline, self.contender)
        )
        first, second = _share(self.baseline), _share(self.contender)
        drop = first - second
        return (
            drop - math.hypot(first - low, most - second),
            drop + math.hypot(high - first, second - least),
        )

    def error(self, limit: float) -> float:
        """Return the p-value that turns the interval over."""
        low, high = 0.0, 1.0
        for _ in range(_STEPS):
            error = (low + high) / 2
            least, largest = self.interval(1 - error)
            low, high = (low, error) if limit < least or largest < limit else (error, high)
        return high

    def needed(self, change: float, confidence: float) -> int:
        """Return the number of pictures that exclude a drop of ``change``, if there is none."""
        shares = sum(_share(side) * (1 - _share(side)) for side in (self.baseline, self.contender))
        sure = NormalDist().inv_cdf((1 + confidence) / 2) + NormalDist().inv_cdf(POWER)
        return math.ceil(shares * (sure / change) ** 2)


def _share(side: tuple[int, int]) -> float:
    return side[0] / side[1]


def _wilson(side: tuple[int, int], confidence: float) -> tuple[float, float]:
    share, total = _share(side), side[1]
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total**2)) / (1 + z * z / total)
    return min(centre - half, share), max(centre + half, share)
