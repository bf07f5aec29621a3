"""Vectors that are alike: none is missed, and their number may grow."""

from __future__ import annotations

import numpy as np
import pytest

from tflconv.data import neighbours

LEAST = 0.995


def pictures(draw: np.random.Generator, count: int) -> np.ndarray:
    """Thumbnails of blurred noise, as photographs have them."""
    coarse = draw.integers(0, 256, (count, 4, 4), np.uint8)
    return coarse.repeat(4, axis=1).repeat(4, axis=2).reshape(count, 256)


def correlations(mine: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    sides = []
    for rows in (mine, theirs):
        centred = rows - rows.mean(axis=1, keepdims=True)
        sides.append(centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-3))
    return np.asarray(sides[0] @ sides[1].T)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("count", [1, 40, 700, 5000])
def test_what_is_alike_is_found_and_nothing_else(seed: int, count: int) -> None:
    draw = np.random.default_rng(seed)
    theirs = pictures(draw, count)
    theirs[draw.random(count) < 0.1] = 255  # blank ones are like nothing
    copies = theirs[draw.integers(0, count, 200)].astype(np.int16)
    noise = draw.integers(-12, 13, copies.shape) * draw.random((len(copies), 1))
    mine = np.clip(copies + noise, 0, 255).astype(np.uint8)
    mine = np.concatenate([mine, pictures(draw, 50)])
    expected = correlations(mine, theirs)
    clear = np.abs(expected - LEAST).min(axis=1) > 1e-6
    found = neighbours.similar(mine, theirs, LEAST)
    assert ((found >= 0) == (expected >= LEAST).any(axis=1))[clear].all()
    rows = np.flatnonzero(found >= 0)
    assert (expected[rows, found[rows]] >= LEAST - 1e-6).all()


def test_nothing_is_like_nothing() -> None:
    some = pictures(np.random.default_rng(0), 3)
    assert neighbours.similar(some, some[:0], LEAST).tolist() == [-1, -1, -1]
    assert neighbours.similar(some[:0], some, LEAST).tolist() == []


def test_four_times_as_many_meet_little_more_often_each() -> None:
    meetings = []
    for count in (5_000, 20_000):
        rows = pictures(np.random.default_rng(0), count)
        shadows = neighbours._shadows(rows, neighbours._axes(rows))
        grid = neighbours._Grid.of(shadows, 0.1)
        meetings.append(sum(len(a) * len(b) for a, b in grid.meetings(shadows)))
    assert meetings[1] / meetings[0] < 8  # comparing all with all: 16
