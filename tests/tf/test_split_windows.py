"""Depthwise windows of more taps than any kernel has become sums, in numbers and in integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hand_made import drawn, network, node

from tflconv import conversion, recipe
from tflconv.conversion import Calibration
from tflconv.inspection import delegation
from tflconv.network.keras import execution
from tflconv.network.keras.opened import open_once
from tflconv.network.nodes import Network
from tflconv.network.passes import windows
from tflconv.network.shapes import shapes
from tflconv.tflite import editing, packing

WAYS: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {
    "same": ((7, 7), {"padding": "SAME"}),
    "valid": ((7, 7), {}),
    "strides, one more behind": ((7, 7), {"padding": "SAME", "strides": (2, 2)}),
    "strides, valid": ((7, 7), {"strides": (2, 3)}),
    "rows left over": ((8, 8), {"padding": "SAME", "strides": (3, 3)}),
    "spread": ((7, 5), {"padding": "SAME", "dilation": (2, 3)}),
    "spread, valid": ((6, 5), {"dilation": (2, 3)}),
    "one row at a time": ((3, 19), {"padding": "SAME"}),
    "clipped": ((7, 7), {"padding": "SAME", "activation": "relu6"}),
    "higher than the picture": ((41, 3), {"padding": "SAME"}),
    "much higher than the picture": ((61, 3), {"padding": "SAME", "strides": (1, 2)}),
    "larger than the picture, strides": ((31, 5), {"padding": "SAME", "strides": (2, 2)}),
}


def one(size: tuple[int, int], **options: Any) -> Network:
    """A depthwise convolution of a picture with sides of which one is even."""
    chosen = {"strides": (1, 1), "padding": "VALID"} | options
    weights = {"kernel": drawn(*size, 3, 1), "bias": drawn(3)}
    return network((15, 20, 3), node("depthwise", "x", options=chosen, **weights))


@pytest.mark.parametrize("way", WAYS)
def test_the_sum_is_what_the_window_gives(way: str) -> None:
    size, options = WAYS[way]
    before = one(size, **options)
    after = windows.split_windows(before)
    assert max(np.prod(n.weights["kernel"].shape[:2]) for n in after.of_kind("depthwise")) <= 25
    assert shapes(after)[after.output] == shapes(before)[before.output]
    picture = np.random.default_rng(0).normal(size=(2, 15, 20, 3)).astype(np.float32)
    wanted = execution.predict(before, picture)
    np.testing.assert_allclose(execution.predict(after, picture), wanted, atol=2e-5)


def test_parts_of_an_average_are_averages_which_nothing_trains() -> None:
    after = windows.split_windows(one((8, 8), averages=True))
    parts = after.of_kind("depthwise")
    assert len(parts) == 3
    assert all(part.options["averages"] for part in parts)


@pytest.mark.parametrize("side", [1, 2, 3])
def test_of_a_small_picture_no_part_sees_padding_alone(side: int) -> None:
    options = {"strides": (1, 1), "padding": "SAME"}
    weights = {"kernel": drawn(7, 7, 2, 1), "bias": drawn(2)}
    before = network((side, side, 2), node("depthwise", "x", options=options, **weights))
    after = windows.split_windows(before)
    (only,) = after.of_kind("depthwise")
    assert only.weights["kernel"].shape == (2 * side - 1, 2 * side - 1, 2, 1)
    assert not after.of_kind("pad", "crop", "add")
    picture = np.random.default_rng(0).normal(size=(2, side, side, 2)).astype(np.float32)
    wanted = execution.predict(before, picture)
    np.testing.assert_allclose(execution.predict(after, picture), wanted, atol=2e-5)


def convnext() -> Any:
    """What stands between the layers of a ConvNeXt: 7 x 7 behind a norm."""
    layers = tf.keras.layers
    source = tf.keras.Input((16, 16, 24))
    y = layers.LayerNormalization()(source)
    y = layers.DepthwiseConv2D(7, padding="same")(y)
    return tf.keras.Model(source, layers.Conv2D(8, 1)(layers.LayerNormalization()(y)))


@pytest.fixture(scope="module")
def lowered() -> conversion.FloatModel:
    return conversion.prepare(open_once(convnext()))


@pytest.mark.parametrize(
    ("name", "times"), [("fp32", 2.0), ("dynamic_wi8_afp32", 2.0), ("selective_wi8_ai8", 4.0)]
)
def test_a_file_of_it_is_many_times_cheaper(
    lowered: conversion.FloatModel, name: str, times: float
) -> None:
    samples = np.random.default_rng(1).normal(size=(8, 16, 16, 24)).astype(np.float32)
    noise = Calibration.of_values("noise", samples)
    chosen = recipe.get(name)
    came, split = (each.make(chosen, noise) for each in (lowered, conversion.alternative(lowered)))
    assert delegation.estimate(came) > times * delegation.estimate(split)


def test_a_selective_file_converts_the_picture_once_for_all_rows(
    lowered: conversion.FloatModel,
) -> None:
    samples = np.random.default_rng(1).normal(size=(8, 16, 16, 24)).astype(np.float32)
    noise = Calibration.of_values("noise", samples)
    content = conversion.alternative(lowered).make(recipe.get("selective_wi8_ai8"), noise)
    names = [name for _, _, name in editing.operators(packing.unpack(content))]
    last = len(names) - names[::-1].index("DEPTHWISE_CONV_2D")
    assert names[:last].count("QUANTIZE") == 1
    assert names[names.index("QUANTIZE") + 1] == "PAD"
