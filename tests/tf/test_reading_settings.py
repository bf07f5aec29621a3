"""Every setting of every layer that is read: right, or the layer is opaque and computes itself."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from keras_networks import kinds, randomized

keras = pytest.importorskip("keras", minversion="3")

from tflconv.core.tensorflow import keras2, tf  # noqa: E402
from tflconv.model.inference import SKIPPED  # noqa: E402
from tflconv.network.keras import execution, layer_readers  # noqa: E402
from tflconv.network.keras.reader import read  # noqa: E402

PICTURE, TOKENS, SIGNAL = (8, 8, 4), (5, 8), (6,)
SCALES, SEEDS = (0.1, 1.0, 10.0), (0, 1, 2)
CLOSE = 1e-4

BIAS = {"use_bias": [True, False]}
SLIDING = {
    "strides": [1, 2],
    "padding": ["same", "valid"],
    "dilation_rate": [1, 2],
    "activation": [None, "relu", "elu"],
}
FORMAT = {"data_format": ["channels_last", "channels_first"]}
NORM = {"epsilon": [1e-3, 1e-1], "center": [True, False], "scale": [True, False]}
POOL = {
    "pool_size": [2, (3, 2)],
    "strides": [None, 1],
    "padding": ["same", "valid"],
    **FORMAT,
}

ROW_POOL = {"pool_size": [2, 3], "strides": [None, 1], "padding": ["same", "valid"], **FORMAT}
ROW = {"kernel_size": [3], **SLIDING, **FORMAT}

SETTINGS: dict[str, tuple[tuple[int, ...], dict[str, list[Any]]]] = {
    "Activation": (TOKENS, {"activation": ["gelu", "softmax", "elu", "softplus", "swish"]}),
    "AveragePooling1D": (TOKENS, ROW_POOL),
    "AveragePooling2D": (PICTURE, POOL),
    "BatchNormalization": (PICTURE, {"axis": [-1, 1], **NORM}),
    "Conv1D": (TOKENS, {"filters": [4], "groups": [1, 2], **ROW}),
    "Conv2D": (PICTURE, {"filters": [4], "kernel_size": [3, (1, 2)], "groups": [1, 2], **SLIDING}),
    "Cropping1D": (TOKENS, {"cropping": [1, (0, 2)]}),
    "Dense": (TOKENS, {"units": [3], **BIAS, "activation": [None, "tanh", "selu"]}),
    "DepthwiseConv1D": (TOKENS, {"depth_multiplier": [1, 2], **ROW}),
    "DepthwiseConv2D": (PICTURE, {"kernel_size": [3], "depth_multiplier": [1, 2], **SLIDING}),
    "Flatten": (PICTURE, FORMAT),
    "GlobalAveragePooling1D": (TOKENS, {"keepdims": [False, True], **FORMAT}),
    "GlobalAveragePooling2D": (PICTURE, {"keepdims": [False, True], **FORMAT}),
    "GlobalMaxPooling1D": (TOKENS, {"keepdims": [False, True], **FORMAT}),
    "GlobalMaxPooling2D": (PICTURE, {"keepdims": [False, True], **FORMAT}),
    "Identity": (TOKENS, {}),
    "LayerNormalization": (PICTURE, {"axis": [-1, 1, (2, 3)], **NORM}),
    "MaxPooling1D": (TOKENS, ROW_POOL),
    "MaxPooling2D": (PICTURE, POOL),
    "Normalization": (
        PICTURE, {"axis": [-1, 1, None], "mean": [0.5], "variance": [0.2], "invert": [False, True]}
    ),
    "ReLU": (
        TOKENS,
        {"max_value": [None, 1.0, 6], "negative_slope": [0.0, 0.2], "threshold": [0.0, 0.5]},
    ),
    "Rescaling": (PICTURE, {"scale": [0.5, [1.0, 2.0, 3.0, 4.0]], "offset": [0.0, -1.0]}),
    "Reshape": (TOKENS, {"target_shape": [(8, 5), (-1, 4)]}),
    "SeparableConv1D": (TOKENS, {"filters": [3], **ROW, **BIAS}),
    "SeparableConv2D": (PICTURE, {"filters": [3], "kernel_size": [3], **SLIDING, **BIAS}),
    "Softmax": (TOKENS, {"axis": [-1, 1]}),
    "ZeroPadding1D": (TOKENS, {"padding": [1, (0, 2)]}),
    "ZeroPadding2D": (PICTURE, {"padding": [1, ((1, 0), (0, 2))], **FORMAT}),
}  # fmt: skip

OPAQUE: list[tuple[str, dict[str, Any]]] = [
    ("Conv2D", {"filters": 4, "kernel_size": 3, "groups": 2}),
    ("Flatten", {"data_format": "channels_first"}),
    ("LayerNormalization", {"axis": 1}),
    ("ReLU", {"max_value": 1.0}),
    ("ReLU", {"negative_slope": 0.1}),
    ("Softmax", {"axis": 1}),
    ("BatchNormalization", {"axis": 1}),
    ("Normalization", {"axis": -1, "mean": 0.5, "variance": 0.2, "invert": True}),
]


def drawn(name: str) -> Iterator[dict[str, Any]]:
    """Settings of a layer: each value of each with the first of the others, and eight drawn."""
    _, choices = SETTINGS[name]
    first = {key: values[0] for key, values in choices.items()}
    yield first
    for key, values in choices.items():
        for value in values[1:]:
            yield {**first, key: value}
    every = [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]
    for place in np.random.default_rng(0).permutation(len(every))[:8]:
        yield every[place]


def norm_of_positive_weights(model: Any) -> Any:
    """Statistics of a norm are above 0 in whatever order its weights come."""
    for layer in model.layers:
        if "Normalization" in type(layer).__name__:
            layer.set_weights([np.abs(weight) + 0.1 for weight in layer.get_weights()])
    return model


def samples(shape: tuple[int, ...]) -> np.ndarray:
    draws = [np.random.default_rng(seed).normal(size=(2, *shape)) for seed in SEEDS]
    return np.concatenate([scale * draw for scale in SCALES for draw in draws]).astype(np.float32)


def check(model: Any) -> None:
    """Hold the network of ``model`` equal to it, scale by scale."""
    network = read(model)
    values = [samples(node.options["shape"]) for node in network.inputs]
    fed = values if len(values) > 1 else values[0]
    expected = np.split(np.asarray(model(fed, training=False)), len(SCALES))
    received = np.split(execution.predict(network, *values), len(SCALES))
    for want, got in zip(expected, received, strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=CLOSE * max(np.abs(want).max(), 1e-3))


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_read_right_or_left_alone(kit: Any, name: str) -> None:
    shape, _ = SETTINGS[name]
    compared = 0
    for settings in drawn(name):
        picture = kit.Input(shape)
        try:
            layer = getattr(kit.layers, name)(**settings)
            model = norm_of_positive_weights(randomized(kit.Model(picture, layer(picture))))
            model(np.zeros((1, *shape), np.float32), training=False)
        except (ValueError, TypeError, NotImplementedError, tf.errors.OpError):
            continue  # Keras itself does not compute this on a CPU
        check(model)
        compared += 1
    assert compared


@pytest.mark.parametrize(("name", "settings"), OPAQUE)
def test_a_setting_that_no_reader_knows_is_left_to_the_layer(
    kit: Any, name: str, settings: dict[str, Any]
) -> None:
    picture = kit.Input(SETTINGS[name][0])
    model = kit.Model(picture, getattr(kit.layers, name)(**settings)(picture))
    assert kinds(read(model)) == ["input", "opaque"]


@pytest.mark.parametrize("kit", [keras, keras2])
def test_a_layer_whose_call_was_replaced_computes_itself(kit: Any) -> None:
    picture = kit.Input(PICTURE)
    layer = kit.layers.Conv2D(4, 3)
    plain = layer.call
    layer.call = lambda values: tf.abs(plain(values))
    model = kit.Model(picture, layer(picture))
    network = read(model)
    assert kinds(network) == ["input", "opaque"]
    samples = np.random.default_rng(0).normal(size=(2, *PICTURE)).astype(np.float32)
    np.testing.assert_allclose(execution.run(network, samples), model(samples), atol=1e-6)


@pytest.mark.parametrize("name", sorted(SETTINGS.keys() - {"Identity", "Normalization"}))
def test_plain_layers_are_read(kit: Any, name: str) -> None:
    picture = kit.Input(SETTINGS[name][0])
    settings = next(drawn(name))
    model = kit.Model(picture, getattr(kit.layers, name)(**settings)(picture))
    assert "opaque" not in kinds(read(model))


def test_every_layer_of_the_table_is_drawn() -> None:
    elsewhere = {"Add", "Concatenate", "Multiply", "MultiHeadAttention", *SKIPPED}
    ours = {"ClassToken", "FirstToken", "PatchDropout", "PositionEmbedding", "ReluAttention"}
    assert {*SETTINGS, *elsewhere, *ours} == set(layer_readers.KNOWN_LAYERS)


@pytest.mark.parametrize("name", ["Add", "Multiply"])
def test_values_of_different_rank_are_combined_as_keras_does(kit: Any, name: str) -> None:
    tokens, token = kit.Input((5, 8)), kit.Input((8,))
    check(kit.Model([tokens, token], getattr(kit.layers, name)()([tokens, token])))


@pytest.mark.parametrize(
    "settings",
    [
        {"value_dim": 3},
        {"use_bias": False},
        {"output_shape": 6},
        {"attention_axes": (1,)},
        {"dropout": 0.5},
    ],
)
def test_attention_with_its_settings(kit: Any, settings: dict[str, Any]) -> None:
    tokens = kit.Input(TOKENS)
    attention = kit.layers.MultiHeadAttention(2, 4, **settings)
    model = randomized(kit.Model(tokens, attention(tokens, tokens)))
    assert kinds(read(model)) == ["input", "attention"]
    check(model)


@pytest.mark.parametrize("options", [{"use_causal_mask": True}, {"attention_mask": None}])
def test_attention_with_options_of_its_use(kit: Any, options: dict[str, Any]) -> None:
    tokens = kit.Input(TOKENS)
    check(
        randomized(
            kit.Model(tokens, kit.layers.MultiHeadAttention(2, 4)(tokens, tokens, **options))
        )
    )


@pytest.mark.parametrize("settings", [{"sliding_window": 1}, {"use_gate": True}])
def test_attention_that_only_keras_3_has_is_left_alone(settings: dict[str, Any]) -> None:
    tokens = keras.Input(TOKENS)
    mixed = keras.layers.MultiHeadAttention(2, 4, **settings)(tokens, tokens)
    assert kinds(read(keras.Model(tokens, mixed))) == ["input", "opaque"]


def test_both_kerases_are_told_apart_by_their_classes() -> None:
    for kit in (keras2, keras):
        assert layer_readers._reader_of(kit.layers.Dense(3)) is not None
        assert layer_readers._reader_of(type("Dense", (kit.layers.Dense,), {})(3)) is None


class Permute(keras2.layers.Layer):
    """A user's own layer, which only has the name of one that moves values."""

    def call(self, inputs: Any) -> Any:
        return 3 * inputs


@pytest.mark.parametrize(
    ("layer", "moves"),
    [
        (keras2.layers.Permute((2, 1, 3)), True),
        (Permute(), False),
        (keras2.layers.Resizing(8, 8, interpolation="bilinear"), True),
        (keras2.layers.Resizing(8, 8, interpolation="bicubic"), False),
    ],
)
def test_a_range_is_shared_over_layers_that_stay_within_it(layer: Any, moves: bool) -> None:
    source = keras2.Input((4, 4, 2))
    scores = keras2.layers.Flatten()(layer(keras2.layers.Conv2D(2, 1)(source)))
    (found,) = read(keras2.Model(source, scores)).of_kind("opaque")
    assert found.options["moves"] is moves
