"""Finds pictures that are in two splits, where a model is tested on what it was trained on.

Exact copies have equal pixels. Near copies (neighbouring frames of a film, the same photograph
saved twice) have 16 x 16 grey thumbnails whose correlation is at least ``NEAR``. On real sets the
threshold tells them apart: of ASL Alphabet's test frames 49 % have a near copy in the training set
when the frames are split at random and 4 % when they are split by blocks; of the test pictures of
MNIST 0.4 %, Fashion-MNIST 2.4 % (trousers look alike), CIFAR-10's first batch 0.03 % and clothing
none. Hashes of the same size were tried: the average hash calls 9 % of the sample's digits copies
where it finds half of the frames split at random, the difference hash does worse.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tflconv.data import neighbours
from tflconv.data.dataset import Split

NEAR = 0.995
_SIDE = 16


@dataclass(frozen=True, kw_only=True)
class Copies:
    """Number of pictures of ``split`` that have a copy in ``other``; ``examples`` are id pairs."""

    split: str
    other: str
    pictures: int
    exact: int
    near: int
    examples: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        share = (self.exact + self.near) / self.pictures
        pairs = ", ".join(f"{mine} and {theirs}" for mine, theirs in self.examples)
        return (
            f"{share:.1%} of the {self.split} pictures have a copy in {self.other}"
            f" ({self.exact} exact and {self.near} near copies, such as {pairs})."
        )


def across(splits: Mapping[str, Split]) -> tuple[Copies, ...]:
    """Find copies of test pictures in train and validation, and of validation pictures in train.

    Returns one entry per pair of splits that has copies.
    """
    pairs = [("validation", "train"), ("test", "train"), ("test", "validation")]
    thumbnails = {name: _thumbnails(split.images) for name, split in splits.items()}
    prints = {name: _fingerprints(split.images) for name, split in splits.items()}
    compared = []
    for name, other in pairs:
        if name in splits and other in splits:
            twins = _twins(prints[name], prints[other])
            apart = np.flatnonzero([twin is None for twin in twins])
            similar = np.full(len(twins), -1, np.intp)
            similar[apart] = neighbours.similar(thumbnails[name][apart], thumbnails[other], NEAR)
            compared.append(_compare(splits, name, other, twins, similar))
    return tuple(copies for copies in compared if copies.exact + copies.near)


def _compare(
    splits: Mapping[str, Split],
    name: str,
    other: str,
    twins: list[int | None],
    similar: NDArray[np.intp],
) -> Copies:
    mine, theirs = splits[name], splits[other]
    exact = np.array([twin is not None for twin in twins], bool)
    near = similar >= 0
    examples = [
        (mine.ids[i], theirs.ids[twin if (twin := twins[i]) is not None else similar[i]])
        for i in [*np.flatnonzero(exact), *np.flatnonzero(near)][:3]
    ]
    return Copies(
        split=name,
        other=other,
        pictures=len(mine),
        exact=int(exact.sum()),
        near=int(near.sum()),
        examples=tuple(examples),
    )


def _thumbnails(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return grey thumbnails, one a row."""
    small = np.empty((len(images), _SIDE * _SIDE), np.uint8)
    for row, image in zip(small, images, strict=True):
        grey = Image.fromarray(_grey(image))
        row[:] = np.asarray(grey.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)).ravel()
    return small


def _fingerprints(images: NDArray[np.uint8]) -> list[bytes]:
    """Return a hash per picture, which is as good as its pixels and takes 16 bytes."""
    return [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]


def _twins(mine: list[bytes], theirs: list[bytes]) -> list[int | None]:
    """Return the position of an exact copy among ``theirs`` for each of ``mine``."""
    positions = {fingerprint: position for position, fingerprint in enumerate(theirs)}
    return [positions.get(fingerprint) for fingerprint in mine]


def _grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the mean of the channels, rounded down."""
    total = np.zeros(image.shape[:2], np.uint16)
    for channel in range(image.shape[2]):
        total += image[..., channel]
    return np.asarray(total // image.shape[2], np.uint8)
