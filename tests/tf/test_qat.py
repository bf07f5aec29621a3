"""Quantization-aware training: scales in the file are those trained, and it wins accuracy back."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hand_made import heard

from tflconv import data, models, recipe
from tflconv.compression import QatConfig
from tflconv.compression.examples import Examples
from tflconv.compression.qat import fine_tune
from tflconv.conversion.optimized import OptimizedModel
from tflconv.core.tensorflow import keras2
from tflconv.errors import TflconvError, UsageError
from tflconv.model.interpreter import Interpreter
from tflconv.network.keras.fake_quant import round_weights, weight_scales
from tflconv.network.keras.ranges import Range, Ranges, measure
from tflconv.network.keras.reader import read
from tflconv.network.nodes import LINEAR, Network
from tflconv.network.passes import PASSES, optimize
from tflconv.tflite import packing

keras = pytest.importorskip("keras", minversion="3")

STATIC = recipe.get("static_wi8_ai8")


@pytest.fixture(scope="module")
def pictures() -> Any:
    return data.load("mnist-sample")


def values(split: Any) -> np.ndarray:
    return np.asarray(split.images, np.float32) / 255


def examples(pictures: Any, count: int | None = None) -> Examples:
    return Examples(images=values(pictures.train)[:count], labels=pictures.train.labels[:count])


def quantizations(content: bytes) -> tuple[Any, Any]:
    """Every scale in the file, in any order; scale and zero point of each activation."""
    tensors = packing.unpack(content).subgraphs[0].tensors
    found = [t.quantization for t in tensors if t.quantization is not None]
    found = [one for one in found if one.scale is not None]
    single = [(one.scale[0], one.zeroPoint[0]) for one in found if len(one.scale) == 1]
    return np.concatenate([one.scale for one in found]), np.array(single)


def check_scales(content: bytes, network: Network, ranges: Ranges) -> None:
    """Each trained scale is in the file, those of activations with their zero point."""
    scales, activations = quantizations(content)
    for name, found in ranges.items():
        zero_point = np.clip(round(-128 - found.low / found.scale), -128, 127)
        assert_among(activations, (found.scale, zero_point), name)
    for node in network.of_kind(*LINEAR):
        for scale in weight_scales(node).ravel():
            assert_among(scales[:, np.newaxis], (scale,), node.name)


def assert_among(rows: Any, wanted: tuple[float, ...], name: str) -> None:
    assert np.isclose(rows, wanted, rtol=2e-6, atol=0).all(axis=1).any(), name


def cnn(kit: Any) -> Any:
    """One of each layer that a convolutional network is made of."""
    layers = kit.layers
    pixels = kit.Input((28, 28, 1))
    x = layers.Conv2D(4, 3, strides=2, use_bias=False)(pixels)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    x = layers.BatchNormalization()(layers.DepthwiseConv2D(3, use_bias=False)(x))
    x = layers.Activation("swish")(x)
    branch = layers.SeparableConv2D(4, 3, padding="same", activation="relu")(x)
    x = layers.Concatenate()([layers.Add()([x, branch]), layers.Conv2D(2, 1)(x)])
    x = layers.AveragePooling2D(2)(layers.MaxPooling2D(2)(x))
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Multiply()([x, layers.Conv2D(6, 1, activation="sigmoid")(gate)])
    x = layers.Dense(8, activation="tanh")(layers.Flatten()(x))
    return kit.Model(pixels, layers.Dense(10, activation="softmax")(x))


def vit(_: Any) -> Any:
    return models.build("vit_int8", (28, 28, 1), 10, dim=32, depth=1, stem=8)


@pytest.mark.parametrize(("make", "kit"), [(cnn, keras2), (cnn, keras), (vit, keras2)])
def test_scales_in_the_file_are_those_that_were_trained(make: Any, kit: Any, pictures: Any) -> None:
    kept = [step for step in PASSES if step.name != "drop_softmax"]
    keras2.utils.set_random_seed(0)
    network, _ = optimize(read(make(kit)), kept)
    config = QatConfig(learning_rate=1e-3, epochs=1)
    trained, ranges = fine_tune(network, examples(pictures, 128), config)
    content = OptimizedModel(trained, trained=ranges).make(STATIC)
    check_scales(content, trained, ranges)
    for name, found in ranges.items():
        wrong = {**ranges, name: replace(found, high=found.high + 2.6 * found.scale)}
        with pytest.raises(AssertionError, match=name):
            check_scales(content, trained, wrong)
    for node in trained.of_kind(*LINEAR):
        louder = trained.updating(node.with_weights(kernel=node.weights["kernel"] * 1.01))
        with pytest.raises(AssertionError, match=node.name):
            check_scales(content, louder, ranges)


def test_training_moves_weights_and_ranges(pictures: Any) -> None:
    keras2.utils.set_random_seed(0)
    network, _ = optimize(read(vit(keras2)))
    learnt = examples(pictures, 256)
    before = measure(network, learnt.sample(200, seed=0))
    losses: list[float] = []
    trained, ranges = fine_tune(
        network,
        learnt,
        QatConfig(epochs=6, learning_rate=5e-3, batch_size=16),
        progress=heard(losses),
    )
    assert losses[-1] < losses[0]
    assert ranges.keys() == before.keys()
    assert any(ranges[name] != before[name] for name in ranges)
    right = {product.inputs[1] for product in trained.of_kind("matmul")}
    for name in right:
        assert ranges[name].low == pytest.approx(-ranges[name].high * 128 / 127)


def test_rounding_twice_changes_nothing() -> None:
    once = round_weights(optimize(read(vit(keras2)))[0])
    twice = round_weights(once)
    for node in once.of_kind(*LINEAR):
        np.testing.assert_allclose(
            twice[node.name].weights["kernel"], node.weights["kernel"], rtol=1e-6
        )


@pytest.mark.slow
def test_training_wins_back_what_rounding_lost(pictures: Any, tmp_path: Path) -> None:
    """3-bit weights: rounded after training they lose accuracy, trained so they keep it."""
    keras2.utils.set_random_seed(0)
    model = models.build("vit_int8", (28, 28, 1), 10, dim=32, depth=1, stem=8)
    x, y = values(pictures.train), pictures.train.labels
    for layer in model.layers:
        if isinstance(layer, keras2.layers.BatchNormalization):
            layer.momentum = 0.9
    loss = keras2.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras2.optimizers.Adam(3e-3), loss)
    model.fit(x, y, batch_size=64, epochs=6, verbose=0)
    network, _ = optimize(read(model))

    def accuracy(candidate: Network, ranges: Ranges) -> float:
        file = tmp_path / "model.tflite"
        file.write_bytes(OptimizedModel(candidate, trained=ranges).make(STATIC))
        logits = Interpreter(file).predict(values(pictures.test))
        return float((logits.argmax(1) == pictures.test.labels).mean())

    full = accuracy(network, measure(network, x[:200]))
    rounded = round_weights(network, bits=3)
    lost = accuracy(rounded, measure(rounded, x[:200]))
    config = QatConfig(epochs=2, learning_rate=1e-3, bits=3)
    won = accuracy(*fine_tune(network, examples(pictures), config))
    assert full - lost > 0.01
    assert full - won < (full - lost) / 2


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"bits": 9}, "bits must be 2 to 8"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"learning_rate": -1.0}, "learning_rate must be positive"),
        ({"engine": "none"}, "engine must be tflconv or tfmot"),
        ({"engine": "tfmot", "bits": 4}, "bits must be 8"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        QatConfig(**settings)


def test_range_must_hold_zero() -> None:
    with pytest.raises(UsageError, match="contain 0"):
        Range(low=0.5, high=1)


def behind(operation: Any, *, head: bool) -> tuple[Network, Examples]:
    """A layer before ``operation``, and one behind it if there is a ``head``."""
    inputs = keras.Input((4,))
    value = operation(keras.layers.Dense(3, name="unreached")(inputs))
    value = keras.layers.Dense(3, name="reached")(value) if head else value
    numbers = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    rows = Examples(images=numbers, labels=np.arange(8) % 3)
    return read(keras.Model(inputs, value)), rows


OPERATIONS = {
    "Floor": keras.ops.floor,
    "Round": keras.ops.round,
    "Sign": keras.ops.sign,
    "Greater": lambda value: keras.ops.cast(keras.ops.greater(value, 0.1), "float32"),
}


@pytest.mark.parametrize("kind", OPERATIONS)
def test_a_layer_before_what_has_no_gradient_is_told_before_training(kind: str) -> None:
    network, rows = behind(OPERATIONS[kind], head=True)
    with pytest.warns(UserWarning, match=rf"'unreached' of .* no gradient through .*\({kind}\)"):
        trained, _ = fine_tune(network, rows, QatConfig(epochs=2, batch_size=4, learning_rate=0.1))
    moved = {
        node.name: not np.allclose(node.weights["bias"], network[node.name].weights["bias"])
        for node in trained.of_kind("dense")
    }
    assert moved == {"unreached": False, "reached": True}


@pytest.mark.parametrize("kind", OPERATIONS)
def test_a_network_that_would_learn_nothing_is_refused(kind: str) -> None:
    network, rows = behind(OPERATIONS[kind], head=False)
    with pytest.raises(TflconvError, match=rf"no layer of .* can learn.*\({kind}\)"):
        fine_tune(network, rows, QatConfig(epochs=1, batch_size=4))


def test_a_layer_with_another_way_to_the_end_is_trained_without_a_word() -> None:
    network, rows = behind(lambda value: value * keras.ops.sign(value), head=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained, _ = fine_tune(network, rows, QatConfig(epochs=2, batch_size=4))
    assert not np.allclose(trained["unreached"].weights["bias"], 0)
