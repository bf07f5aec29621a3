"""Statistics of latencies and accuracies, with fixed seeds.

Latencies are skewed and have outliers, so they are summarized by the median, with an interval from
the bootstrap (Efron, 1979). Accuracies are proportions near 1, so their interval is Wilson's
(1927), which stays inside [0, 1]. Outliers are found as hyperfine does, by the modified Z-score
(Iglewicz and Hoaglin, 1993).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Z95 = 1.959963984540054
_MAD_TO_SIGMA = 0.6745
MANY = 20_000
"""Number of samples above which the interval of the median is computed from order statistics."""
OUTLIER_SCORE = 14.826
"""Modified Z-score above which a sample is an outlier: ten standard deviations of a normal."""


class Summary(TypedDict):
    """Summary statistics, in the unit of the samples."""

    count: int
    median: float
    median_ci95: list[float]
    mean: float
    std: float
    mad: float
    min: float
    p5: float
    p25: float
    p75: float
    p90: float
    p95: float
    max: float
    outliers: int


def wilson(correct: int, total: int) -> tuple[float, float]:
    """Return Wilson's 95 % confidence interval for the proportion ``correct / total``.

    Raises:
        ValueError: ``correct`` is not between 0 and ``total``, or ``total`` is 0.

    Example:
        >>> low, high = wilson(90, 100)
        >>> round(low, 3), round(high, 3)
        (0.826, 0.945)
    """
    if not 0 <= correct <= total or total == 0:
        raise ValueError(f"need 0 <= correct <= total > 0. Received: {correct} of {total}.")
    share, z2 = correct / total, _Z95**2
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z95 * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2)) / (1 + z2 / total)
    return max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share))


def median(samples: ArrayLike) -> float:
    """Return the median of ``samples``, the same number as ``summarize`` does.

    Example:
        >>> median([2.0, 3.0, 40.0])
        3.0
    """
    return float(np.percentile(_checked(samples), 50))


def summarize(samples: ArrayLike) -> Summary:
    """Return count, median with 95 % interval, mean, spread and percentiles of ``samples``.

    Args:
        samples: One-dimensional and finite, at least one.

    Raises:
        ValueError: ``samples`` are none, not finite, or have more than one dimension.

    Example:
        >>> summary = summarize([2.0, 3.0, 2.5, 2.0, 40.0])
        >>> summary["median"], summary["outliers"]
        (2.5, 1)
    """
    values = _checked(samples)
    p5, p25, median, p75, p90, p95 = np.percentile(values, [5, 25, 50, 75, 90, 95])
    return {
        "count": len(values),
        "median": float(median),
        "median_ci95": list(bootstrap_median(values)),
        "mean": float(values.mean()),
        "std": float(values.std(ddof=1)) if len(values) > 1 else 0.0,
        "mad": float(np.median(np.abs(values - median))),
        "min": float(values.min()),
        "p5": float(p5),
        "p25": float(p25),
        "p75": float(p75),
        "p90": float(p90),
        "p95": float(p95),
        "max": float(values.max()),
        "outliers": int(outliers(values).sum()),
    }


def bootstrap_median(
    samples: ArrayLike, *, resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile-bootstrap 95 % confidence interval of the median.

    Above ``MANY`` samples the bootstrap would only cost memory: the order statistics around the
    median give the same interval (David and Nagaraja, Order Statistics, section 7.1).

    Args:
        samples: At least one number, in any unit.
        resamples: How often as many are drawn with replacement.
        seed: Seed of the draws.

    Returns:
        The lower and the upper end, in the unit of the samples.

    Raises:
        ValueError: There are no samples, or not only finite numbers.
    """
    values = _checked(samples)
    if len(values) > MANY:
        half = _Z95 * math.sqrt(len(values)) / 2
        ranks = [math.floor(len(values) / 2 - half), math.ceil(len(values) / 2 + half)]
        low, high = np.sort(values)[ranks]
        return float(low), float(high)
    drawn = np.random.default_rng(seed).choice(values, size=(resamples, len(values)))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    return float(low), float(high)


def bootstrap_ratio(
    contender: ArrayLike, baseline: ArrayLike, *, resamples: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """Return the ratio of medians ``contender / baseline`` with its 95 % bootstrap interval.

    Args:
        contender: Samples of one side.
        baseline: Samples of the other side, in the same unit.
        resamples: How often each side is drawn with replacement.
        seed: Seed of the draws.

    Returns:
        The ratio, and the lower and the upper end of its interval.

    Raises:
        ValueError: A side has no samples, or not only finite numbers.
    """
    top, bottom = _checked(contender), _checked(baseline)
    random = np.random.default_rng(seed)
    tops, bottoms = (_drawn_medians(side, resamples, random) for side in (top, bottom))
    low, high = np.percentile(tops / bottoms, [2.5, 97.5])
    return float(np.median(top) / np.median(bottom)), float(low), float(high)


def _drawn_medians(
    values: NDArray[np.float64], resamples: int, random: np.random.Generator
) -> NDArray[np.float64]:
    """Return the medians of ``resamples`` samples drawn from ``values`` with replacement.

    Nothing else of a sample is drawn: of n uniform draws, the k-th smallest is Beta(k, n + 1 - k),
    and the next lies above it by Beta(1, n - k) of what is left (David and Nagaraja, section 2.5).
    Memory and time do not grow with ``len(values) * resamples`` like that.
    """
    ordered, count = np.sort(values), len(values)
    middle = (count + 1) // 2
    places = [random.beta(middle, count + 1 - middle, resamples)]
    if count % 2 == 0:
        places.append(places[0] + (1 - places[0]) * random.beta(1, count - middle, resamples))
    ranks = np.minimum((np.stack(places) * count).astype(int), count - 1)
    return np.asarray(ordered[ranks].mean(axis=0))


def outliers(samples: ArrayLike) -> NDArray[np.bool_]:
    """Return which samples are outliers, that is, have a modified Z-score above OUTLIER_SCORE."""
    values = _checked(samples)
    deviation = np.abs(values - np.median(values))
    mad = np.median(deviation)
    if mad == 0:
        return np.zeros(len(values), dtype=bool)
    return np.asarray(_MAD_TO_SIGMA * deviation / mad > OUTLIER_SCORE)


def _checked(samples: ArrayLike | Sequence[float]) -> NDArray[np.float64]:
    values = np.asarray(samples, dtype=np.float64)
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        raise ValueError("need a non-empty sequence of finite numbers.")
    return values
