"""How far the outputs of a target are from those of its reference, whatever they stand for.

SQNR is the signal-to-quantization-noise ratio in decibels, 10 lg(sum r² / sum (r - t)²); 6 dB are
one bit. Cosine is that of the angle between both outputs of a sample. Neither needs labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HIGHEST_SQNR = 200.0
"""dB; what is told for outputs that are equal. Rounding in float32 alone leaves about 140."""

FARTHEST = 20
"""Number of samples that are listed."""

_TINY = 1e-300


@dataclass(frozen=True, kw_only=True)
class FarSample:
    """A sample whose outputs differ much.

    Attributes:
        id: Its name.
        sqnr: Signal-to-noise ratio in dB.
        cosine: Cosine between both outputs.
    """

    id: str
    sqnr: float
    cosine: float


@dataclass(frozen=True, kw_only=True)
class Distance:
    """Difference of the outputs of two models.

    Attributes:
        sqnr: Signal-to-noise ratio over all samples, in dB.
        cosine: Mean cosine between both outputs of a sample.
        least_cosine: The least cosine.
        largest_difference: Largest difference of two numbers.
        farthest: Samples with the lowest ratio, lowest first.
    """

    sqnr: float
    cosine: float
    least_cosine: float
    largest_difference: float
    farthest: tuple[FarSample, ...] = ()


def between(
    reference: NDArray[np.float32], target: NDArray[np.float32], ids: Sequence[str]
) -> Distance:
    """Return the distance of finite outputs ``[n, ...]``.

    Example:
        >>> reference = np.array([[3, 4], [1, 0]], np.float32)
        >>> found = between(reference, reference + np.float32([[0, 0], [0, 1]]), ("a", "b"))
        >>> round(found.sqnr, 1), round(found.least_cosine, 3), found.farthest[0].id
        (14.1, 0.707, 'b')
    """
    rows, others = (x.reshape(len(x), -1).astype(np.float64) for x in (reference, target))
    signal, noise = (rows**2).sum(axis=1), ((rows - others) ** 2).sum(axis=1)
    lengths = np.sqrt(signal * (others**2).sum(axis=1))
    same = noise == 0
    along = (rows * others).sum(axis=1)
    cosines = np.divide(along, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    cosines[same] = 1.0
    ratios = _decibels(signal, noise)
    order = [index for index in np.argsort(ratios, kind="stable") if not same[index]]
    return Distance(
        sqnr=float(_decibels(signal.sum(), noise.sum())),
        cosine=float(cosines.mean()),
        least_cosine=float(cosines.min()),
        largest_difference=float(np.abs(rows - others).max(initial=0.0)),
        farthest=tuple(
            FarSample(id=ids[index], sqnr=float(ratios[index]), cosine=float(cosines[index]))
            for index in order[:FARTHEST]
        ),
    )


def _decibels(
    signal: NDArray[np.float64] | np.float64, noise: NDArray[np.float64] | np.float64
) -> NDArray[np.float64]:
    ratio = np.maximum(signal, _TINY) / np.maximum(noise, _TINY)
    within = np.clip(10 * np.log10(ratio), -HIGHEST_SQNR, HIGHEST_SQNR)
    return np.where(noise == 0, HIGHEST_SQNR, within)
