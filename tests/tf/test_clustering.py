"""The step ``cluster16``: few values per kernel, the nearest ones, through training and int8."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hand_made import heard
from hypothesis import given, settings
from hypothesis import strategies as st

from tflconv.compression.clustering import clustered, compress, k_means, nearest
from tflconv.compression.config import TuningConfig
from tflconv.compression.examples import Examples
from tflconv.compression.fine_tuning import fine_tune
from tflconv.compression.kernels import kernels
from tflconv.compression.structure import distinct
from tflconv.compression.technique import Subject
from tflconv.compression.weight_config import ClusterConfig
from tflconv.errors import UsageError
from tflconv.network.keras.opened import open_once
from tflconv.recipe import Step

STARTS = st.sampled_from(["linear", "density"])


@given(st.integers(0, 2**31), st.integers(2, 40), STARTS)
def test_each_weight_takes_the_nearest_of_few_values(seed: int, count: int, start: Any) -> None:
    weights = np.random.default_rng(seed).standard_t(3, (20, 30)).astype(np.float32)
    after = clustered(weights, count, start)
    values = np.unique(after)
    assert 1 < len(values) <= count
    distances = np.abs(weights[..., np.newaxis] - values)
    np.testing.assert_allclose(np.abs(weights - after), distances.min(-1), rtol=1e-4, atol=1e-5)
    for value in values:  # a center is the mean of its weights
        assert value == pytest.approx(weights[after == value].mean(), abs=0.02)


@given(st.integers(0, 2**31), st.integers(2, 20))
def test_zeros_of_a_pruned_kernel_stay_and_count(seed: int, count: int) -> None:
    draw = np.random.default_rng(seed)
    weights = draw.normal(size=500).astype(np.float32)
    weights[draw.random(500) < 0.7] = 0
    after = clustered(weights, count)
    np.testing.assert_array_equal(after == 0, weights == 0)
    assert len(np.unique(after)) <= count


@given(st.integers(0, 2**31), st.integers(2, 20), st.booleans())
def test_channels_with_values_of_their_own_are_nearer(seed: int, count: int, pruned: bool) -> None:
    draw = np.random.default_rng(seed)
    weights = draw.normal(size=(3, 3, 4, 5)).astype(np.float32) * draw.uniform(0.1, 10, 5)
    weights = weights.astype(np.float32)
    weights[draw.random(weights.shape) < 0.7 * pruned] = 0
    after = clustered(weights, count, channels=5)
    assert distinct(after, axis=-1) <= count
    if pruned:
        np.testing.assert_array_equal(after == 0, weights == 0)
    for channel in range(5):  # each as if it were alone, where as many of each were pruned
        column = weights[..., channel]
        if (column == 0).any() == pruned:
            np.testing.assert_array_equal(after[..., channel], clustered(column, count))
    error, whole = (np.square(w - weights).sum() for w in (after, clustered(weights, count)))
    assert error <= whole


@settings(max_examples=30)
@given(st.integers(0, 2**31), STARTS)
def test_k_means_leaves_less_error_than_it_started_with(seed: int, start: Any) -> None:
    values = np.random.default_rng(seed).normal(size=400).astype(np.float32)
    even = np.linspace(values.min(), values.max(), 8).astype(np.float32)

    def error(centers: Any) -> float:
        return float(np.square(values - centers[nearest(values, centers)]).sum())

    assert error(k_means(values, 8, start)) < error(even)


def test_centers_of_separate_weights_are_found() -> None:
    draw = np.random.default_rng(0)
    centers = np.array([-3.0, -1.0, 0.5, 2.0])
    weights = centers[draw.integers(0, 4, 800)] + draw.normal(0, 0.01, 800)
    np.testing.assert_allclose(
        k_means(weights.astype(np.float32), 4, "density"), centers, atol=0.01
    )


def classifier(kit: Any) -> Any:
    kit.utils.set_random_seed(0)
    layers = kit.layers
    pixels = layers.Input((8, 8, 1))
    x = layers.Conv2D(6, 3, name="conv")(pixels)
    x = layers.BatchNormalization()(x)
    x = layers.DepthwiseConv2D(3, name="filter", activation="relu")(x)
    return kit.Model(pixels, layers.Dense(2, name="head")(layers.Flatten()(x)))


@pytest.mark.parametrize("scope", ["layer", "channel"])
def test_training_moves_clusters_and_keeps_them(kit: Any, scope: Any, tmp_path: Path) -> None:
    """Of all kernels, those of depthwise layers included, through a later training, too."""
    model = classifier(kit)
    draw = np.random.default_rng(0)
    images = draw.normal(size=(64, 8, 8, 1)).astype(np.float32)
    labels = (images.mean((1, 2, 3)) > 0).astype(np.int64)
    images[labels == 1] += 0.5
    examples = Examples(images=images, labels=labels)
    rate = {"epochs": 3, "batch_size": 16, "learning_rate": 0.01, "augment": False}
    config = ClusterConfig(scope=scope, **rate)
    losses: list[float] = []
    after = compress(
        Subject(model=open_once(model), step=Step(technique="cluster", amount=4), config=config),
        examples,
        tmp_path,
        heard(losses),
    )
    assert losses[-1] < losses[0]
    columns = {k.layer: k.channels if scope == "channel" else 1 for k in kernels(model)}
    start = {k.layer: clustered(k.weights, 4, channels=columns[k.layer]) for k in kernels(model)}
    found = {k.layer: k.weights for k in kernels(after)}
    for layer, weights in found.items():
        assert len(np.unique(weights)) == len(np.unique(start[layer])) <= 4 * columns[layer]
        assert (weights != start[layer]).any()
        for value in np.unique(start[layer]):  # what was together moved together
            assert len(np.unique(weights[start[layer] == value])) == 1
    fine_tune(after, examples, TuningConfig(epochs=1, batch_size=16, augment=False))
    for kernel in kernels(after):
        assert distinct(kernel.weights.reshape(-1, columns[kernel.layer]), axis=1) <= 4


def test_settings_that_are_not_known_are_refused() -> None:
    with pytest.raises(UsageError, match="start must be density or linear"):
        ClusterConfig(start="random")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="scope must be layer or channel"):
        ClusterConfig(scope="kernel")  # type: ignore[arg-type]
