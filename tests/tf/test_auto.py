"""By default the graph is rewritten where that is cheaper, and outputs keep their meaning."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from keras_networks import randomized
from small_files import RANDOM, answers, converted, only

import tflconv
from tflconv import models
from tflconv.conversion import Calibration
from tflconv.inspection import delegation
from tflconv.model.card import read_card
from tflconv.pipeline import choosing
from tflconv.tflite import reading

keras = pytest.importorskip("keras", minversion="3")

SIDE = 14
PICTURES = RANDOM.normal(size=(16, SIDE, SIDE, 3)).astype(np.float32)
SAMPLES = Calibration.of_values("noise", PICTURES)
SELECTIVE = "selective_wi8_ai8"


def transformer(ending: str = "softmax") -> Any:
    """One that takes raw pixels, so that its files have cards."""
    inner = randomized(models.build("vit", (SIDE, SIDE, 3), 5, dim=16, depth=1, heads=2))
    pixels = inner.inputs[0]
    kit = __import__("tf_keras")
    return kit.Model(pixels, kit.layers.Activation(ending)(inner(pixels)))


def convolutions() -> Any:
    pixels = keras.Input((SIDE, SIDE, 3))
    value = keras.layers.BatchNormalization()(keras.layers.Conv2D(8, 3)(pixels))
    value = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(value))
    return keras.Model(pixels, keras.layers.Dense(5, activation="softmax")(value))


def operators(file: Path) -> Counter[str]:
    """All but conversions: how many there are depends on what is left in float."""
    names = (operator.name for operator in reading.read(file).main.operators)
    return Counter(name for name in names if not name.endswith("QUANTIZE"))


def test_a_transformer_is_rewritten_and_its_softmax_stays(tmp_path: Path) -> None:
    model = transformer()
    said = {"calibration": SAMPLES, "normalize": "-1..1"}
    file = converted(model, tmp_path / "auto", SELECTIVE, **said)
    other = converted(model, tmp_path / "optimized", SELECTIVE, rewrite="optimized", **said)
    assert operators(file) == operators(other) + Counter(["SOFTMAX"])
    shares = only(answers(file, {model.input_names[0]: PICTURES}))
    np.testing.assert_allclose(shares.sum(-1), 1, atol=1e-4)
    card, without = read_card(file), read_card(other)
    assert card is not None
    assert without is not None
    assert (card.rewrite, card.outputs) == ("optimized", "probabilities")
    assert card.versions["cost table"] == "cortex-a76 5"
    assert (without.rewrite, without.outputs) == ("optimized", "logits")
    assert "cost table" not in without.versions


@pytest.mark.parametrize("recipe", ["fp32", "static_wi8_ai8"])
def test_what_no_pass_changes_is_the_file_that_came(recipe: str, tmp_path: Path) -> None:
    model = randomized(convolutions())
    file, came = (
        converted(model, tmp_path / way, recipe, rewrite=way, calibration=SAMPLES, with_card=False)
        for way in ("auto", "as-is")
    )
    assert file.read_bytes() == came.read_bytes()


@pytest.mark.parametrize(("rewrite", "ending"), [("auto", "sigmoid"), ("as-is", "softmax")])
def test_logits_are_what_the_last_activation_was_computed_from(
    rewrite: str, ending: str, tmp_path: Path
) -> None:
    model = transformer(ending)
    said = {"rewrite": rewrite, "normalize": "-1..1"}
    made = tflconv.convert(model, ["fp32"], tmp_path, logits=True, **said)  # type: ignore[arg-type]
    logits = only(answers(made[0], {model.input_names[0]: PICTURES}))
    powers = np.exp(logits)
    shares = powers / (powers.sum(-1, keepdims=True) if ending == "softmax" else 1 + powers)
    np.testing.assert_allclose(shares, np.asarray(model(PICTURES)), atol=1e-5)
    assert made.fidelity[0].cosine == pytest.approx(1)
    card = read_card(made[0])
    assert card is not None
    assert card.outputs == "logits"


def test_without_a_recipe_there_are_float_and_the_best(tmp_path: Path) -> None:
    made = tflconv.convert(transformer(), folder=tmp_path, calibration=SAMPLES)
    assert [path.stem.rpartition("-")[2] for path in made] == ["fp32", "auto"]
    assert made.choices[1].recipe.name in choosing.RECIPES
    assert made.fidelity[1].cosine is not None
    assert made.fidelity[1].cosine >= 0.998


def test_without_samples_the_best_is_dynamic(tmp_path: Path) -> None:
    made = tflconv.convert(convolutions(), ["auto"], tmp_path)
    assert made.choices[0].recipe.name == "dynamic_wi8_afp32"


def upwards(layers: Any) -> list[Any]:
    return [layers.Conv2D(32, 3), layers.Conv2DTranspose(32, 3, strides=2), layers.Conv2D(4, 1)]


def windows(layers: Any) -> list[Any]:
    return [
        layers.DepthwiseConv2D(7, padding="same"),
        layers.Conv2D(32, 1),
        layers.DepthwiseConv2D(9, strides=2),
        layers.DepthwiseConv2D(5, depth_multiplier=2),
    ]


def classes(layers: Any) -> list[Any]:
    return [layers.Conv2D(32, 3), layers.ReLU(), layers.Flatten(), layers.Dense(10)]


@pytest.mark.parametrize("make", [upwards, windows, classes])
@pytest.mark.parametrize("recipe", ["dynamic_wi8_afp32", "auto"])
def test_it_is_no_dearer_than_what_the_converter_makes_alone(
    recipe: str, make: Any, tmp_path: Path
) -> None:
    picture = keras.Input((20, 20, 16), batch_size=1)
    value = picture
    for layer in make(keras.layers):
        value = layer(value)
    model = keras.Model(picture, value)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    alone = delegation.estimate(converter.convert())
    noise = Calibration.of_values("noise", RANDOM.normal(size=(16, 20, 20, 16)))
    file = converted(model, tmp_path, recipe, calibration=noise)
    assert delegation.estimate(file.read_bytes()) <= alone * 1.001


@pytest.mark.parametrize("recipe", ["fp32", "dynamic_wi8_afp32"])
@pytest.mark.parametrize("name", ["LSTM", "GRU", "SimpleRNN", "Bidirectional"])
def test_each_step_of_a_loop_starts_xnnpack_once(name: str, recipe: str, tmp_path: Path) -> None:
    layers, steps = keras.layers, keras.Input((6, 8))
    layer = layers.LSTM(16) if name == "Bidirectional" else getattr(layers, name)(16)
    value = layers.Bidirectional(layer)(steps) if name == "Bidirectional" else layer(steps)
    model = keras.Model(steps, layers.Dense(3)(value))
    file = converted(model, tmp_path, recipe)
    graphs = reading.read(file).subgraphs
    bodies = [g for g in graphs if any(o.name == "FULLY_CONNECTED" for o in g.operators)][1:]
    assert [len(delegation.of_graph(body).partitions) for body in bodies] == [1] * len(bodies)
    assert len(bodies) == 1 + (name == "Bidirectional")
    values = RANDOM.uniform(-1, 1, (9, 6, 8)).astype(np.float32)
    received = only(answers(file, {steps.name: values}))
    expected = np.asarray(model(values))
    np.testing.assert_allclose(received, expected, atol=1e-5 if recipe == "fp32" else 0.02)
