"""Keras models as networks: layers that are known, that are not, and models that are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from keras_networks import check_equal, kinds, randomized, sequential, transformer

keras = pytest.importorskip("keras", minversion="3")

from tflconv.compression.channel_graph import channel_graph  # noqa: E402
from tflconv.errors import TflconvError  # noqa: E402
from tflconv.network.keras.reader import read, read_with_layers  # noqa: E402
from tflconv.network.passes import optimize  # noqa: E402


def test_unknown_layers_stay_and_their_surroundings_improve(kit: Any) -> None:
    model = sequential(
        kit,
        (8, 8, 3),
        kit.layers.Conv2D(4, 3),
        kit.layers.BatchNormalization(),
        kit.layers.LeakyReLU(),
        kit.layers.Conv2D(4, 3, use_bias=False),
        kit.layers.BatchNormalization(),
    )
    network, _ = optimize(read(model))
    assert kinds(network) == ["input", "conv", "opaque", "conv"]
    check_equal(model, network)


@pytest.mark.parametrize("function", ["elu", "hard_sigmoid", "softplus", "tanh", "swish", "linear"])
def test_no_activation_is_lost(kit: Any, function: str) -> None:
    model = sequential(kit, (5, 6), kit.layers.Dense(8), kit.layers.Activation(function))
    check_equal(model, read(model))


def test_hard_swish_is_read() -> None:
    model = sequential(keras, (5, 6), keras.layers.Dense(8), keras.layers.Activation("hard_swish"))
    check_equal(model, read(model))
    assert [node.options["function"] for node in read(model).of_kind("activation")] == [
        "hard_swish"
    ]


def test_normalization_in_the_model_folds_and_the_largest_of_each_channel_is_read(kit: Any) -> None:
    model = kit.Sequential(
        [
            kit.Input((9, 9, 3)),
            kit.layers.Normalization(mean=[0.5, 0.1, 0.2], variance=[0.1, 0.2, 0.3]),
            kit.layers.Conv2D(5, 3),
            kit.layers.GlobalMaxPooling2D(),
        ]
    )
    network, _ = optimize(read(model))
    assert kinds(network) == ["input", "conv", "pool", "reshape"]
    check_equal(model, network)


def test_augmentation_inside_of_a_model_is_for_training_only(kit: Any) -> None:
    moved = kit.Sequential(
        [
            kit.layers.RandomFlip("horizontal"),
            kit.layers.RandomRotation(0.1),
            kit.layers.RandomZoom(0.1),
            kit.layers.RandomTranslation(0.1, 0.1),
            kit.layers.RandomContrast(0.1),
        ]
    )
    pixels = kit.Input((9, 9, 3))
    model = kit.Model(pixels, kit.layers.Conv2D(5, 3)(moved(pixels)))
    network, _ = optimize(read(model))
    assert kinds(network) == ["input", "conv"]
    check_equal(model, network)


def test_models_inside_models_are_read_through(kit: Any) -> None:
    inner = sequential(kit, (8, 8, 3), kit.layers.Conv2D(4, 3), kit.layers.BatchNormalization())
    pixels = kit.Input((8, 8, 3))
    model = kit.Model(pixels, kit.layers.ReLU()(inner(pixels)))
    network, _ = optimize(read(model))
    assert kinds(network) == ["input", "conv"]
    check_equal(model, network)


def test_attention_of_a_saved_model_is_read(kit: Any, tmp_path: Path) -> None:
    model = transformer(kit)
    model.save(tmp_path / "model.keras")
    opened = kit.models.load_model(tmp_path / "model.keras", compile=False)
    network = read(opened)
    assert len(network.of_kind("attention")) == 2
    check_equal(model, optimize(network)[0])


def test_masked_attention_is_left_alone(kit: Any) -> None:
    tokens = kit.Input((5, 8))
    mixed = kit.layers.MultiHeadAttention(2, 4)(tokens, tokens, use_causal_mask=True)
    model = randomized(kit.Model(tokens, mixed))
    network = read(model)
    assert kinds(network) == ["input", "opaque"]
    check_equal(model, network)


def test_attention_to_other_tokens(kit: Any) -> None:
    tokens = kit.Input((5, 8))
    others = kit.layers.Dense(8)(tokens)
    values = kit.layers.Dense(6)(tokens)
    mixed = kit.layers.MultiHeadAttention(2, 4)(tokens, values, key=others)
    model = randomized(kit.Model(tokens, mixed))
    check_equal(model, optimize(read(model))[0])


def test_model_with_a_call_of_its_own_is_refused(kit: Any) -> None:
    class Own(kit.Model):  # type: ignore[misc, name-defined]
        def call(self, x: Any) -> Any:
            return x

    with pytest.raises(TflconvError, match="not visible"):
        read(Own())


def test_input_of_any_size_is_refused(kit: Any) -> None:
    pixels = kit.Input((None, None, 3))
    with pytest.raises(TflconvError, match="no fixed shape"):
        read(kit.Model(pixels, kit.layers.Conv2D(4, 3)(pixels)))


def test_channels_of_sequences_are_left_alone() -> None:
    """Their layers are read, and have kernels of another rank than the nodes have."""
    values = keras.Input((12, 3))
    row = keras.layers.Conv1D(8, 3, activation="relu")(values)
    hidden = keras.layers.Dense(6)(keras.layers.GlobalMaxPooling1D()(row))
    network, uses = read_with_layers(keras.Model(values, keras.layers.Dense(3)(hidden)))
    graph = channel_graph(network, uses)
    assert list(graph.unknown.values()) == ["Conv1D"]
    pinned = [
        all(int(i) in graph.pinned for i in place.labels["outputs"]) for place in graph.places
    ]
    assert pinned == [True, True, False, True]
