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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tflconv.data.dataset import Split

NEAR = 0.995
_SIDE = 16
_CHUNK = 512


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
            nearest = _nearest(thumbnails[name], thumbnails[other])
            twins = _twins(prints[name], prints[other])
            compared.append(_compare(splits, name, other, twins, *nearest))
    return tuple(copies for copies in compared if copies.exact + copies.near)


def _compare(
    splits: Mapping[str, Split],
    name: str,
    other: str,
    twins: list[int | None],
    nearest: NDArray[np.intp],
    correlation: NDArray[np.float32],
) -> Copies:
    mine, theirs = splits[name], splits[other]
    exact = np.array([twin is not None for twin in twins], bool)
    near = (correlation >= NEAR) & ~exact
    examples = [
        (mine.ids[i], theirs.ids[twin if (twin := twins[i]) is not None else nearest[i]])
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


def _thumbnails(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return grey thumbnails, centred and of length 1: their dot product is the correlation."""
    small = np.empty((len(images), _SIDE * _SIDE), np.float32)
    for row, thumbnail in zip(small, _shrunk(images), strict=True):
        row[:] = thumbnail.ravel()
    small -= small.mean(axis=1, keepdims=True)
    small /= np.maximum(np.linalg.norm(small, axis=1, keepdims=True), 1e-3)
    return small


def _fingerprints(images: NDArray[np.uint8]) -> list[bytes]:
    """Return a hash per picture, which is as good as its pixels and takes 16 bytes."""
    return [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]


def _twins(mine: list[bytes], theirs: list[bytes]) -> list[int | None]:
    """Return the position of an exact copy among ``theirs`` for each of ``mine``."""
    positions = {fingerprint: position for position, fingerprint in enumerate(theirs)}
    return [positions.get(fingerprint) for fingerprint in mine]


def _shrunk(images: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
    for image in images:
        grey = Image.fromarray(_grey(image))
        small = grey.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
        yield np.asarray(small, np.float32)


def _grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the mean of the channels, rounded down."""
    total = np.zeros(image.shape[:2], np.uint16)
    for channel in range(image.shape[2]):
        total += image[..., channel]
    return np.asarray(total // image.shape[2], np.uint8)


def _nearest(
    mine: NDArray[np.float32], theirs: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return position and correlation of the most similar of ``theirs`` for each of ``mine``."""
    nearest = np.empty(len(mine), np.intp)
    correlation = np.empty(len(mine), np.float32)
    for start in range(0, len(mine), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        products = mine[chunk] @ theirs.T
        nearest[chunk] = products.argmax(axis=1)
        correlation[chunk] = products.max(axis=1)
    return nearest, correlation
