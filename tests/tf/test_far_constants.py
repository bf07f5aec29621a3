"""Constants far outside of the range of their neighbours survive every recipe.

Kernels tie some operands to one scale, which then has to hold all of them; a scale that was made
for the neighbours alone clips the constant. Errors are shares of the largest output.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_networks import ran

from tflconv import recipe
from tflconv.conversion import Calibration, Rewrite, prepare
from tflconv.core.tensorflow import keras2, tf
from tflconv.network.keras.opened import open_once

SHAPE = (6, 5)
WIDTH = 8
SAMPLES = np.random.default_rng(0).uniform(-1, 1, (24, *SHAPE)).astype(np.float32)
CALIBRATION = Calibration.of_values("noise", SAMPLES)
LARGEST_ERROR = {"wi8": 0.05, "wi4": 0.25}
"""By the bits of the weights; a clipped constant is wrong by more than a half."""


def filled(like: Any, value: float) -> Any:
    return tf.fill(tf.shape(like), value)


OPERATORS: dict[str, Callable[[Any, float], Any]] = {
    "concat": lambda h, c: tf.concat([filled(h, c), h], 1),
    "concat behind": lambda h, c: tf.concat([h, filled(h, c)], 2),
    "pad": lambda h, c: tf.pad(h, ((0, 0), (1, 1), (0, 0)), constant_values=c),
    "maximum": lambda h, c: tf.maximum(h, -abs(c)),
    "minimum": lambda h, c: tf.minimum(h, abs(c)),
    "select": lambda h, c: tf.where(tf.range(WIDTH) % 2 == 0, h, filled(h, c)),
    "add": lambda h, c: h + filled(h, c),
    "multiply": lambda h, c: h * filled(h, c),
}


def network(operator: str, constant: float, seed: int, *, dense: bool) -> Any:
    """A dense layer, the operator with its constant, and another dense layer or none."""
    source = keras2.Input(SHAPE)
    inner = keras2.layers.Dense(WIDTH)(source)
    value = keras2.layers.Lambda(lambda h: OPERATORS[operator](h, constant))(inner)
    model = keras2.Model(source, keras2.layers.Dense(4)(value) if dense else value)
    random = np.random.default_rng(seed)
    model.set_weights([random.normal(0, 0.5, weight.shape) for weight in model.get_weights()])
    return model


@pytest.mark.parametrize("rewrite", ["as-is", "optimized"])
@settings(max_examples=6, deadline=None)
@given(
    operator=st.sampled_from(sorted(OPERATORS)),
    constant=st.sampled_from([-40.0, -12.0, 12.0, 40.0]),
    seed=st.integers(0, 99),
    dense=st.booleans(),
)
def test_far_constants_are_not_clipped(
    rewrite: Rewrite, operator: str, constant: float, seed: int, dense: bool
) -> None:
    model = network(operator, constant, seed, dense=dense)
    expected = np.asarray(model(SAMPLES))
    prepared = prepare(open_once(model), rewrite)
    for kind, bits in itertools.product(("static", "selective"), LARGEST_ERROR):
        name = f"{kind}_{bits}_ai8"
        received = ran(prepared.make(recipe.get(name), CALIBRATION), SAMPLES)
        error = np.abs(received - expected).max() / np.abs(expected).max()
        assert error < LARGEST_ERROR[bits], name
