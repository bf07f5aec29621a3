"""Transformers whose class token lies far outside of the patches stay what they are in int8.

Weights are drawn as in the published shapes of DeiT, each by itself; the token and the positions
are larger than anything the patches give. The full table is made by ``tests/figures/faithful.py``.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from keras_networks import ran, randomized

from figures.faithful import SHAPES, measured
from tflconv import models, recipe
from tflconv.conversion import Calibration, attention, prepare
from tflconv.conversion.optimized import OptimizedModel
from tflconv.core.tensorflow import keras2
from tflconv.model.interpreter import Interpreter
from tflconv.network.keras.opened import open_once
from tflconv.tflite import reading

SELECTIVE = recipe.get("selective_wi8_ai8")


@pytest.mark.parametrize("tokens", SHAPES)
def test_logits_point_the_same_way(tokens: int, tmp_path: Any) -> None:
    figure = measured(tokens, seed=0, pictures=8, samples=24, small=True)
    assert figure.mean >= 0.998, figure
    assert figure.least >= 0.997, figure
    path = tmp_path / "model.tflite"
    path.write_bytes(figure.content)
    assert Interpreter(path).partitions == 1


@pytest.mark.parametrize("draw", range(5))
def test_no_draw_of_weights_is_an_exception(draw: int) -> None:
    """No picture either: some give the class token weights beyond those of all 100 samples."""
    figure = measured(50, seed=draw, pictures=64, samples=100, small=True)
    assert figure.mean >= 0.998, figure
    assert figure.least >= 0.997, figure


@pytest.mark.parametrize(
    ("name", "looked_up"), [("selective_wi8_ai8", 2), ("selective_wi4_ai8", 0)]
)
def test_softmax_of_many_values_is_looked_up_unless_bytes_count(
    name: str, looked_up: int, tmp_path: Any
) -> None:
    """Two heads of 50 tokens, and two of the one token that is read."""
    model = randomized(models.build("vit", (56, 56, 3), 5, patch=8, dim=32, depth=2, heads=2))
    pictures = np.random.default_rng(0).normal(size=(8, 56, 56, 3)).astype(np.float32)
    samples = Calibration.of_values("noise", pictures)
    path = tmp_path / "model.tflite"
    path.write_bytes(prepare(open_once(model), "optimized").make(recipe.get(name), samples))
    kinds = Counter(operator.name for operator in reading.read(path).main.operators)
    assert (kinds["EXP"], kinds["SOFTMAX"]) == (looked_up, 4 - looked_up)
    assert Interpreter(path).partitions == 1


def attention_over_ones(tokens: int, sharpness: float) -> tuple[np.ndarray, np.ndarray]:
    """What attention makes of values near 1, in float and int8: the sums of its rows of weights."""
    source = keras2.Input((tokens, 8))
    layer = keras2.layers.MultiHeadAttention(2, 4)
    model = keras2.Model(source, layer(source, source))
    random = np.random.default_rng(0)
    query, _, key, _, value, _, *_ = [random.normal(0, 1, w.shape) for w in model.get_weights()]
    part, ones = np.zeros((2, 4)), np.ones((2, 4))
    mean = np.full((2, 4, 8), 1 / 8)
    scaled = (query * sharpness, part, key * sharpness, part)
    model.set_weights([*scaled, value * 0.0005, ones, mean, np.zeros(8)])
    values = random.normal(0, 1, (12, tokens, 8)).astype(np.float32)
    values[:, ::7] *= 4
    made = prepare(open_once(model), "optimized").make(
        SELECTIVE, Calibration.of_values("normal", values)
    )
    return np.asarray(model(values)), ran(made, values)


@pytest.mark.parametrize("tokens", [50, 577])
@pytest.mark.parametrize("sharpness", [0.0, 0.7])
def test_rows_of_weights_add_up_to_one(tokens: int, sharpness: float) -> None:
    """Flat rows, and rows of all kinds from flat to peaked."""
    expected, received = attention_over_ones(tokens, sharpness)
    assert np.abs(expected - 1).max() < 0.03
    assert np.abs(received - expected).max() < 0.03


def test_only_uneven_heads_are_divided() -> None:
    flat, peaked = np.full((4, 577), 1 / 577, np.float32), np.eye(4, 577, dtype=np.float32)
    assert attention.row_error(flat) < 1e-3
    assert attention.row_error(peaked) < 1e-3
    assert attention.row_error(np.concatenate([flat, peaked])) > 0.9


def test_a_model_without_attention_is_left_alone() -> None:
    source = keras2.Input((4, 5))
    model = keras2.Model(source, keras2.layers.Dense(3)(source))
    prepared = prepare(open_once(model), "optimized")
    assert isinstance(prepared, OptimizedModel)
    samples = Calibration.of_values("ones", np.ones((2, 4, 5)))
    assert attention.keep_sums(prepared.content, samples) == (prepared.content, frozenset())
