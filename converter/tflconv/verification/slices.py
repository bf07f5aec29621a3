"""Which pictures a conversion harms more than others: by class, size, brightness and margin.

A mean can hide that one class, or all dark pictures, pays for everything. A slice is a part of the
test pictures; its drop is the accuracy that the target loses there. Both models see the same
pictures, so the interval of a drop is that of paired shares: of n pictures b are lost (only the
reference is right) and c gained, and with half a picture added to each of the four cells (Agresti
and Min, Statistics in Medicine 24, 2005) it is (b - c) / n within 1.96 sqrt(b + c - (b - c)² / n)
/ n.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["class", "size", "brightness", "margin"]
Mask = NDArray[np.bool_]

_Z95 = 1.959963984540054
_FEWEST = 30
"""Number of pictures below which they are not cut into thirds."""

_THIRDS: Mapping[Kind, tuple[str, str, str]] = {
    "brightness": ("darkest third", "middle third", "brightest third"),
    "margin": ("least certain third", "middle third", "most certain third"),
    "size": ("smallest third", "middle third", "largest third"),
}
_PLAIN, _APART = 16, 32
"""Levels of 255: within the first a ground is plain, beyond the second a pixel is no part of it."""

_KNOWN = 0.9
"""Share of pictures with a plain ground from which on the sizes of objects are known."""

_CHUNK = 64
"""Pictures that are looked at together: as floats, a whole split may not fit into memory."""


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A part of the test pictures, and what the conversion did to it.

    Attributes:
        kind: What the part is made by.
        name: The class, or which third.
        total: Number of pictures.
        lost: Pictures that only the reference classifies correctly.
        gained: Pictures that only the target classifies correctly.
    """

    kind: Kind
    name: str
    total: int
    lost: int
    gained: int

    @property
    def drop(self) -> float:
        """Accuracy of the reference less that of the target, as a share."""
        return (self.lost - self.gained) / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Interval of the drop that holds it with 95 % confidence."""
        n, b, c = self.total + 2, self.lost + 0.5, self.gained + 0.5
        half = _Z95 * math.sqrt(b + c - (b - c) ** 2 / n) / n
        middle = (b - c) / n
        return min(max(-1.0, middle - half), self.drop), max(min(1.0, middle + half), self.drop)


def cut(
    right: tuple[Mask, Mask],
    labels: NDArray[np.int64],
    *,
    classes: Sequence[str],
    margins: NDArray[np.float32],
    images: NDArray[np.uint8],
) -> tuple[Slice, ...]:
    """Return every slice of the test pictures.

    Args:
        right: Which pictures reference and target classify correctly.
        labels: Classes of the pictures.
        classes: Names of the classes.
        margins: By how much the reference prefers its first choice to its second.
        images: The pictures, ``[n, height, width, channels]``; empty ones are no pictures.
    """
    reference, target = right
    lost, gained = reference & ~target, target & ~reference
    return tuple(
        Slice(
            kind=kind,
            name=name,
            total=int(part.sum()),
            lost=int((lost & part).sum()),
            gained=int((gained & part).sum()),
        )
        for kind, name, part in _parts(labels, classes, margins, images)
        if part.any()
    )


def harmed(slices: Sequence[Slice], drop: float) -> tuple[Slice, ...]:
    """Return the slices that surely lose more than the mean ``drop``, the surest loss first.

    Their intervals lie above it: of few pictures, or of thirds that differ by chance, none is told.
    """
    worse = [each for each in slices if each.interval[0] > max(drop, 0)]
    return tuple(sorted(worse, key=lambda each: (-each.interval[0], -each.drop)))


def object_sizes(images: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """Return the share of each picture that its object covers, where the grounds are plain.

    A ground is plain if the pixels of the frame are nearly equal; the object is what differs from
    them. None where more than a tenth of the pictures have another ground.

    Example:
        >>> images = np.zeros((1, 8, 8, 1), np.uint8)
        >>> images[0, 2:6, 2:6] = 255
        >>> object_sizes(images).tolist()
        [0.25]
    """
    frames = [images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]]
    frame = np.concatenate(frames, axis=1)
    plain = np.ptp(frame, axis=1).max(axis=-1) <= _PLAIN
    if plain.mean() < _KNOWN:
        return None
    grounds = np.median(frame, axis=1).astype(np.float32)
    return np.concatenate([_apart(images[part], grounds[part]) for part in _chunks(len(images))])


def _parts(
    labels: NDArray[np.int64],
    classes: Sequence[str],
    margins: NDArray[np.float32],
    images: NDArray[np.uint8],
) -> Iterator[tuple[Kind, str, Mask]]:
    for index, name in enumerate(classes):
        yield "class", name, labels == index
    yield from _thirds("margin", margins)
    if images.size:
        parts = [images[part].mean(axis=(1, 2, 3)) for part in _chunks(len(images))]
        yield from _thirds("brightness", np.concatenate(parts))
        yield from _thirds("size", object_sizes(images))


def _thirds(kind: Kind, values: NDArray[np.floating] | None) -> Iterator[tuple[Kind, str, Mask]]:
    if values is None or len(values) < _FEWEST:
        return
    low, high = np.quantile(values, [1 / 3, 2 / 3])
    if not values.min() < low < high < values.max():
        return  # values are too alike to tell thirds apart
    masks = (values <= low, (values > low) & (values <= high), values > high)
    for name, mask in zip(_THIRDS[kind], masks, strict=True):
        yield kind, name, mask


def _apart(images: NDArray[np.uint8], grounds: NDArray[np.float32]) -> NDArray[np.float64]:
    """Share of each picture's pixels that are far from its ground in one of their channels."""
    far = np.abs(images - grounds[:, np.newaxis, np.newaxis]).max(axis=-1) > _APART
    return np.asarray(far.mean(axis=(1, 2)))


def _chunks(count: int) -> Iterator[slice]:
    return (slice(start, start + _CHUNK) for start in range(0, count, _CHUNK))
