"""What a mixed file may cost at least, by the prices of its operators in int8 and in float."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from tiny_graphs import Builder, dense

from tflconv import conversion, recipe
from tflconv.conversion import Calibration
from tflconv.inspection import delegation
from tflconv.network.keras.opened import open_once
from tflconv.pipeline import bounding

WIDTHS = (16, 256, 16, 16)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> conversion.FloatModel:
    """Three dense layers; the two around the wide middle cost far more than the last."""
    builder = Builder()
    value = source = builder.tensor((1, WIDTHS[0]), name="source")
    for before, after in pairwise(WIDTHS):
        value = dense(builder, value, before, after)
    path = builder.write(tmp_path_factory.mktemp("m") / "m.tflite", [source], [value])
    return conversion.prepare(open_once(path))


SAMPLES = Calibration.of_values("n", np.random.default_rng(0).normal(size=(8, 16)))
MIXED = recipe.get("mixed_wi8_ai8")


def cost(model: conversion.FloatModel, names: tuple[str, ...] = ()) -> float:
    return delegation.estimate(model.make(MIXED, SAMPLES, dict.fromkeys(names, "float32")))


def test_what_is_left_out_would_be_too_dear(model: conversion.FloatModel) -> None:
    whole = model.make(MIXED, SAMPLES)
    prices = {name: cost(model, results) for name, results in model.activations.items()}
    for below in (*prices.values(), *(price * 1.01 for price in prices.values())):
        found = bounding.within(model.activations, whole, model.content, below)
        assert all(prices[name] >= below for name in prices.keys() - found.keys())


def test_some_are_left_out_and_without_a_limit_none(model: conversion.FloatModel) -> None:
    whole = model.make(MIXED, SAMPLES)
    dearest = max(model.activations, key=lambda name: cost(model, model.activations[name]))
    little = bounding.within(model.activations, whole, model.content, 1.05 * cost(model))
    assert dearest not in little
    everything = bounding.within(model.activations, whole, model.content, math.inf)
    assert everything == model.activations
    assert not bounding.within(model.activations, whole, model.content, 0.0)


def test_operators_of_a_file_are_known_by_their_results(model: conversion.FloatModel) -> None:
    results = {name for steps in model.activations.values() for name in steps}
    assert results <= bounding._by_result(model.make(MIXED, SAMPLES)).keys()
