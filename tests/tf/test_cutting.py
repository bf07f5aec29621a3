"""Channels are taken out of random networks, and those that nobody hears change nothing."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from fakes import random_cuttable
from tflconv.compression.channel_graph import ChannelGraph, channel_graph
from tflconv.compression.cutting import cut, weights_of
from tflconv.network.keras.reader import read_with_layers

MIXING = {"inputs", "middle", "heads", "values", "keys"}
"""Roles of channels that a kernel adds up."""


def graph_of(model: Any) -> ChannelGraph:
    return channel_graph(*read_with_layers(model))


def drawn(graph: ChannelGraph, seed: int) -> set[int]:
    """Some labels, so that each layer keeps one channel of every role."""
    draw = random.Random(seed)
    labels = {int(v) for place in graph.places for part in place.labels.values() for v in part}
    free = sorted(labels - graph.pinned)
    removed = set(draw.sample(free, round(len(free) * draw.uniform(0.1, 0.8))))
    for place in graph.places:
        for part in place.labels.values():
            if len(part) and set(part.tolist()) <= removed:
                removed.discard(int(part[0]))
    return removed


def silence(graph: ChannelGraph, removed: set[int]) -> None:
    """Let no kernel hear the channels ``removed``."""
    for place in graph.places:
        for name, variable, axes in weights_of(place):
            if "bias" in name or type(place.layer).__name__ == "DepthwiseConv2D":
                continue
            value = variable.numpy()
            for axis, role in enumerate(axes):
                if role in MIXING and name != "depthwise_kernel":
                    gone = np.isin(place.labels[role], sorted(removed))
                    value[(slice(None),) * axis + (gone,)] = 0
            variable.assign(value)


def answers(model: Any) -> np.ndarray:
    pixels = np.random.default_rng(1).normal(size=(4, *random_cuttable.SHAPE))
    return np.asarray(model(pixels.astype(np.float32), training=False))


@pytest.mark.parametrize("number", range(12))
def test_channels_that_nobody_hears_change_nothing(kit: Any, number: int) -> None:
    model = random_cuttable.network(kit, number)
    graph = graph_of(model)
    removed = drawn(graph, number)
    silence(graph, removed)
    before, smaller = answers(model), cut(model, graph, removed)
    assert removed
    assert smaller.count_params() < model.count_params()
    np.testing.assert_allclose(answers(smaller), before, atol=1e-5)
    assert not set(graph.unknown.values()) - {"InputLayer"}


def with_constants(kit: Any, *, padding: str, use_bias: bool) -> Any:
    """Three of eight channels are constants behind their norm: two of zero scale, one all zero."""
    layers = kit.layers
    pixels = layers.Input(random_cuttable.SHAPE)
    x = layers.Conv2D(8, 3, name="first", use_bias=False)(pixels)
    x = layers.ReLU()(layers.BatchNormalization(name="norm")(x))
    x = layers.Conv2D(6, 3, padding=padding, use_bias=use_bias, name="reader")(x)
    x = layers.ReLU()(layers.BatchNormalization(name="next")(x))
    x = layers.Flatten()(layers.Conv2D(4, 1, activation="relu")(x))
    model = kit.Model(pixels, layers.Dense(3)(x))
    random_cuttable.randomize(model, 5)
    kernel, norm = model.get_layer("first").kernel, model.get_layer("norm")
    value = kernel.numpy()
    value[..., 6] = 0
    kernel.assign(value)
    gamma, beta = norm.gamma.numpy(), norm.beta.numpy()
    gamma[[1, 4]], beta[[1, 4, 6]] = 0, (0.7, -0.4, 2.0)
    norm.gamma.assign(gamma)
    norm.beta.assign(beta)
    return model


@pytest.mark.parametrize("use_bias", [True, False])
def test_constants_go_into_the_next_bias_where_nothing_is_padded(kit: Any, use_bias: bool) -> None:
    for padding, exact in (("valid", True), ("same", False)):
        model = with_constants(kit, padding=padding, use_bias=use_bias)
        graph = graph_of(model)
        first = next(place for place in graph.places if place.layer.name == "first")
        made = cut(model, graph, {int(first.labels["outputs"][n]) for n in (1, 4, 6)})
        assert np.allclose(answers(made), answers(model), atol=1e-5) == exact
        if not exact:
            for name in ("reader", "next"):
                old, new = (each.get_layer(name).get_weights()[1:] for each in (model, made))
                for before, after in zip(old, new, strict=True):
                    np.testing.assert_array_equal(before, after)


def over_norm(kit: Any, seed: int, *, centered: bool) -> tuple[Any, set[int]]:
    """A LayerNormalization of sixteen channels, of which some are zero."""
    draw, layers = np.random.default_rng(seed), kit.layers
    silent = draw.permutation(16)[: draw.integers(1, 9)]
    pixels = layers.Input((6,))
    x = layers.LayerNormalization(name="norm")(layers.Dense(16, name="first")(pixels))
    model = kit.Model(pixels, layers.Dense(3)(x))
    random_cuttable.randomize(model, seed)
    heard = np.isin(np.arange(16), silent, invert=True)
    first, norm = model.get_layer("first"), model.get_layer("norm")
    kernel, bias = draw.normal(0, 5, (6, 16)), draw.normal(0, 5, 16)
    if centered:
        kernel -= kernel[:, heard].mean(1, keepdims=True)
        bias -= bias[heard].mean()
    first.set_weights([kernel * heard, bias * heard])
    norm.gamma.assign(draw.uniform(0.5, 1.5, 16))
    norm.beta.assign(norm.beta * heard)
    return model, {int(n) for n in silent}


@pytest.mark.parametrize("seed", range(6))
def test_silent_channels_under_layer_normalization_go_within_a_tolerance(
    kit: Any, seed: int
) -> None:
    """Exact but for epsilon where the others have no mean; else as far off as their mean says."""
    inputs = np.random.default_rng(9).normal(size=(64, 6)).astype(np.float32)
    for centered, tolerance in ((True, 0.01), (False, 0.35)):
        model, silent = over_norm(kit, seed, centered=centered)
        reader = model.layers[-1]
        weights = reader.get_weights()
        weights[0][sorted(silent)] = 0  # nobody hears what the norm makes of them
        reader.set_weights(weights)
        graph = graph_of(model)
        first = next(place for place in graph.places if place.layer.name == "first")
        made = cut(model, graph, {int(first.labels["outputs"][n]) for n in silent})
        before, after = (np.asarray(each(inputs)) for each in (model, made))
        assert np.linalg.norm(after - before) <= tolerance * np.linalg.norm(before)
