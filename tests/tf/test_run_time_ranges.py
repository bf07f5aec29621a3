"""Products that quantize their input at run time get it scaled, as the model scales it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_networks import randomized
from small_files import RANDOM, answers, converted, only

from tflconv.conversion import Calibration
from tflconv.tflite import reading

keras = pytest.importorskip("keras", minversion="3")

SIDE = 16
GREY = RANDOM.uniform(110, 145, (24, SIDE, SIDE, 3)).astype(np.float32)
"""Pixels far from 0, and near each other."""


def normalizing(moved: bool = False) -> Any:
    pixels = keras.Input((SIDE, SIDE, 3))
    value = keras.layers.Reshape((-1, SIDE, 3))(pixels) if moved else pixels
    value = keras.layers.Normalization(mean=[127.0] * 3, variance=[100.0] * 3)(value)
    value = keras.layers.Conv2D(32, 4, strides=4)(value)
    value = keras.layers.Dense(32, activation="gelu")(keras.layers.Reshape((-1, 32))(value))
    value = keras.layers.GlobalAveragePooling1D()(value)
    return randomized(keras.Model(pixels, keras.layers.Dense(10)(value)))


def decibels(model: Any, file: Path) -> float:
    wanted = np.asarray(model(GREY, training=False))
    lost = only(answers(file, {model.inputs[0].name: GREY})) - wanted
    return float(10 * np.log10((wanted**2).sum() / (lost**2).sum()))


@pytest.mark.parametrize("moved", [False, True])
def test_a_network_that_normalizes_its_pixels_stays_as_faithful(
    moved: bool, tmp_path: Path
) -> None:
    model = normalizing(moved)
    came, rewritten = (
        converted(model, tmp_path / way, "dynamic_wi8_afp32", rewrite=way)
        for way in ("as-is", "optimized")
    )
    assert decibels(model, rewritten) > decibels(model, came) - 1.5


def test_recipes_with_other_ranges_have_the_normalization_in_the_product(tmp_path: Path) -> None:
    samples = Calibration.of_values("grey", GREY)
    found = {
        recipe: Counter(
            operator.name
            for operator in reading.read(
                converted(normalizing(), tmp_path, recipe, rewrite="optimized", calibration=samples)
            ).main.operators
        )
        for recipe in ("fp32", "static_wi8_ai8", "dynamic_wi8_afp32")
    }
    scalings = {name: each["MUL"] + each["SUB"] + each["ADD"] for name, each in found.items()}
    assert scalings == {"fp32": 0, "static_wi8_ai8": 0, "dynamic_wi8_afp32": 2}
