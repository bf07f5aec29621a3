"""Operators of Keras 3 between a value and a number, as ``preprocess_input`` inside a model has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tflconv.core.tensorflow import keras3
from tflconv.network.keras.execution import predict
from tflconv.network.keras.reader import read

KERAS: Any = keras3()
PIXELS = np.random.default_rng(0).uniform(0, 255, (4, 6, 6, 3)).astype("float32")

READ: dict[str, Callable[[Any], Any]] = {
    "preprocess_input": KERAS.applications.mobilenet_v2.preprocess_input,
    "x / 127.5 - 1": lambda x: x / 127.5 - 1,
    "x * 2 + 3": lambda x: x * 2 + 3,
    "add(x, x2=3)": lambda x: KERAS.ops.add(x, x2=3),
    "divide(x, 4)": lambda x: KERAS.ops.divide(x, 4),
    "x / 255 + x / 255": lambda x: x / 255 + x / 255,
}
NOT_READ: dict[str, Callable[[Any], Any]] = {
    "1 - x": lambda x: 1 - x,
    "1 / (x + 1)": lambda x: 1 / (x + 1),
    "x - x / 2": lambda x: x - x / 2,
    "x / channels": lambda x: x / np.array([1.0, 2.0, 3.0], "float32"),
    "x / 0 * 0": lambda x: x / 0,
}


def model_of(arithmetic: Callable[[Any], Any]) -> Any:
    pixels = KERAS.Input((6, 6, 3))
    return KERAS.Model(pixels, KERAS.layers.ReLU()(arithmetic(pixels)))


@pytest.mark.parametrize("name", READ)
def test_arithmetic_with_a_number_is_read(name: str) -> None:
    model = model_of(READ[name])
    network = read(model)
    assert not network.of_kind("opaque")
    np.testing.assert_allclose(predict(network, PIXELS), model(PIXELS), rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("name", NOT_READ)
def test_other_arithmetic_stays_as_keras_has_it(name: str) -> None:
    model = model_of(NOT_READ[name])
    network = read(model)
    assert network.of_kind("opaque")
    np.testing.assert_allclose(predict(network, PIXELS), model(PIXELS), rtol=1e-6, atol=1e-4)
