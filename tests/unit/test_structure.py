"""What is kept of a kernel: its zeros and its equal weights, and nothing of an ordinary one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflconv.compression.structure import KernelStructure, distinct
from tflconv.network.nodes import Array


def kernel(shape: tuple[int, ...], seed: int, *, sparsity: float = 0, clusters: int = 0) -> Array:
    draw = np.random.default_rng(seed)
    weights = draw.normal(size=shape).astype(np.float32)
    if clusters:
        weights = draw.normal(size=clusters).astype(np.float32)[draw.integers(0, clusters, shape)]
    weights[draw.random(shape) < sparsity] = 0
    return weights


SHAPES = st.sampled_from([(3, 3, 8, 16), (64, 10), (5, 5, 4, 6)])


@given(SHAPES, st.integers(0, 2**31), st.floats(0.3, 0.9), st.integers(2, 16), st.booleans())
def test_what_is_trained_stands_for_the_same_kernel(
    shape: tuple[int, ...], seed: int, sparsity: float, clusters: int, sparse: bool
) -> None:
    before = kernel(shape, seed, sparsity=sparsity if sparse else 0, clusters=clusters)
    kept = KernelStructure.of(before)
    assert kept is not None
    values = kept.values(before)
    np.testing.assert_array_equal(kept.kernel(values), before)
    moved = kept.kernel(values + np.random.default_rng(seed).normal(size=len(values)))
    assert (moved[before == 0] == 0).all()
    assert len(np.unique(moved)) <= len(np.unique(before))
    noisy = before + np.random.default_rng(1).normal(size=shape).astype(np.float32)
    projected = kept.projected(noisy)
    assert (projected[before == 0] == 0).all()
    assert len(np.unique(projected)) <= len(np.unique(before))
    for value in np.unique(before[before != 0]):
        mean = noisy[before == value].mean()
        np.testing.assert_allclose(projected[before == value], mean, rtol=1e-4, atol=1e-5)


@given(SHAPES, st.integers(0, 2**31))
def test_an_ordinary_kernel_is_free(shape: tuple[int, ...], seed: int) -> None:
    assert KernelStructure.of(kernel(shape, seed)) is None


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_kernel_as_its_initializer_left_it_is_free(value: float) -> None:
    assert KernelStructure.of(np.full((4, 4), value, np.float32)) is None


def test_weights_of_different_channels_are_not_tied() -> None:
    weights = np.array([[1, 1], [1, 2], [3, 2], [3, 1]], np.float32)
    channels = np.broadcast_to(np.arange(2), (4, 2))
    kept = KernelStructure.of(weights, channels)
    assert kept is not None
    assert len(kept.values(weights)) == 4
    whole = KernelStructure.of(weights)
    assert whole is not None
    assert len(whole.values(weights)) == 3


def test_distinct_values_are_counted_per_channel() -> None:
    integers = np.array([[[1, 2], [1, 2]], [[0, 0], [0, 0]]], np.int8)
    assert distinct(integers, axis=0) == 2
    assert distinct(integers, axis=2) == 2
