"""Each pass gives an equal network: proved on random weights and BatchNorm statistics."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tflconv import cli, models  # noqa: E402
from tflconv.core.tensorflow import keras2  # noqa: E402
from tflconv.errors import TflconvError  # noqa: E402
from tflconv.network import passes  # noqa: E402
from tflconv.network.keras import execution  # noqa: E402
from tflconv.network.keras.reader import read  # noqa: E402
from tflconv.network.nodes import Network  # noqa: E402
from tflconv.network.passes import attention, centering, folding, optimize  # noqa: E402

CLOSE = 1e-5


@pytest.fixture(params=["keras2", "keras3"])
def kit(request: pytest.FixtureRequest) -> Any:
    """Either Keras."""
    return keras2 if request.param == "keras2" else keras


def randomized(model: Any, seed: int = 0) -> Any:
    """Random weights; statistics and scales of norms far from their initial 0 and 1."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        norm = "Normalization" in type(layer).__name__
        layer.set_weights(
            [
                rng.uniform(0.3, 2, w.shape) if norm and index in (0, 3) else _normal(rng, w.shape)
                for index, w in enumerate(layer.get_weights())
            ]
        )
    return model


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Small enough that a deep network neither dies nor explodes."""
    return rng.normal(0, np.prod(shape[:-1]) ** -0.5 if len(shape) > 1 else 0.4, shape)


def outputs(model: Any, network: Network, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    shape = network.inputs[0].options["shape"]
    values = np.random.default_rng(seed).normal(size=(3, *shape)).astype(np.float32)
    return np.asarray(model(values, training=False)), execution.predict(network, values)


def check_equal(model: Any, network: Network) -> None:
    expected, received = outputs(model, network)
    assert expected.std() > 1e-3
    np.testing.assert_allclose(received, expected, atol=CLOSE * max(1, np.abs(expected).max()))


def kinds(network: Network) -> list[str]:
    return [node.kind for node in network]


def sequential(kit: Any, shape: tuple[int, ...], *layers: Any) -> Any:
    return randomized(kit.Sequential([kit.Input(shape), *layers]))


def conv_norm(kit: Any) -> Any:
    return sequential(
        kit,
        (9, 9, 3),
        kit.layers.Conv2D(5, 3, strides=2, padding="same", use_bias=False),
        kit.layers.BatchNormalization(),
        kit.layers.ReLU(),
        kit.layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2),
        kit.layers.BatchNormalization(),
        kit.layers.ReLU(max_value=6),
        kit.layers.SeparableConv2D(4, 3, activation="relu"),
    )


def norm_dense(kit: Any) -> Any:
    return sequential(
        kit,
        (7, 6),
        kit.layers.BatchNormalization(),
        kit.layers.Dense(8),
        kit.layers.Dropout(0.5),
        kit.layers.BatchNormalization(),
        kit.layers.Activation("gelu"),
        kit.layers.BatchNormalization(),
        kit.layers.GlobalAveragePooling1D(),
        kit.layers.Dense(3, activation="softmax"),
    )


def scaled_input(kit: Any) -> Any:
    return sequential(
        kit,
        (8, 8, 3),
        kit.layers.Rescaling(1 / 127.5, offset=-1),
        kit.layers.Conv2D(4, 4, strides=4),
    )


def two_dense(kit: Any) -> Any:
    return sequential(kit, (6,), kit.layers.Dense(20), kit.layers.Dense(3))


def pooled(kit: Any) -> Any:
    return sequential(
        kit,
        (8, 8, 3),
        kit.layers.Conv2D(4, 3, padding="same"),
        kit.layers.AveragePooling2D(2),
        kit.layers.AveragePooling2D(3, strides=1, padding="same"),
        kit.layers.MaxPooling2D(2),
    )


def transformer(kit: Any, heads: int = 3) -> Any:
    pixels = kit.Input((8, 8, 3))
    grid = kit.layers.Conv2D(12, 2, strides=2)(pixels)
    tokens = kit.layers.Reshape((16, 12))(grid)
    for _ in range(2):
        normal = kit.layers.LayerNormalization()(tokens)
        mixed = kit.layers.MultiHeadAttention(heads, 4)(normal, normal)
        tokens = kit.layers.Add()([tokens, mixed])
        inner = kit.layers.LayerNormalization()(tokens)
        inner = kit.layers.Dense(24, activation="gelu")(inner)
        tokens = kit.layers.Add()([tokens, kit.layers.Dense(12)(inner)])
    tokens = kit.layers.LayerNormalization()(tokens)
    logits = kit.layers.Dense(5)(kit.layers.GlobalAveragePooling1D()(tokens))
    return randomized(kit.Model(pixels, logits))


APPLIES: dict[str, tuple[Callable[[Any], Any], str, int]] = {
    # pass: (model, kind of node, how many of them it takes away)
    "remove_identities": (norm_dense, "identity", 1),
    "fold_affine_into_previous": (conv_norm, "affine", 2),
    "move_affine_past_mean": (norm_dense, "affine", 0),
    "fold_affine_into_next": (scaled_input, "affine", 1),
    "split_affines": (scaled_input, "affine", -1),
    "merge_linear": (two_dense, "dense", 1),
    "pool_by_depthwise": (pooled, "pool", 1),
    "fold_attention_scale": (transformer, "attention", 0),
    "split_heads": (transformer, "attention", 2),
    "center_residuals": (transformer, "layer_norm", 0),
    "split_layer_norm": (transformer, "layer_norm", 0),
    "fuse_relu": (conv_norm, "activation", 1),
}


@pytest.mark.parametrize("name", APPLIES)
def test_pass_leaves_the_outputs_equal(name: str, kit: Any) -> None:
    make, kind, removed = APPLIES[name]
    model = make(kit)
    before = read(model)
    chosen = [each for each in passes.PASSES if each.name == name]
    after, (outcome,) = optimize(before, chosen)
    assert outcome.skipped is None
    assert len(before.of_kind(kind)) - len(after.of_kind(kind)) == removed
    check_equal(model, after)


@pytest.mark.parametrize("make", [conv_norm, scaled_input, two_dense, pooled, transformer])
def test_all_passes_together_leave_the_outputs_equal(make: Any, kit: Any) -> None:
    model = make(kit)
    check_equal(model, optimize(read(model))[0])


@pytest.mark.parametrize("each", passes.PASSES, ids=lambda each: each.name)
def test_pass_that_does_not_apply_says_why(each: passes.NamedPass) -> None:
    network = read(sequential(keras2, (6,), keras2.layers.Dense(3)))
    result, (outcome,) = optimize(network, [each])
    assert result is network
    assert outcome.skipped == each.needs


def test_nothing_of_batch_norm_is_left(kit: Any) -> None:
    network, _ = optimize(read(conv_norm(kit)))
    assert kinds(network) == ["input", "conv", "depthwise", "depthwise", "conv"]


def test_norm_before_a_dense_layer_and_after_a_mean_folds(kit: Any) -> None:
    model = norm_dense(kit)
    network, _ = optimize(read(model))
    assert kinds(network) == ["input", "dense", "activation", "mean", "dense"]
    expected, received = outputs(model, network)
    soft = np.exp(received) / np.exp(received).sum(-1, keepdims=True)
    np.testing.assert_allclose(soft, expected, atol=CLOSE)


def test_input_shift_does_not_fold_into_a_padded_convolution(kit: Any) -> None:
    model = sequential(
        kit,
        (8, 8, 3),
        kit.layers.Rescaling(1 / 127.5, offset=-1),
        kit.layers.Conv2D(4, 3, padding="same"),
    )
    network = folding.fold_affine_into_next(read(model))
    assert "affine" in kinds(network)


def test_input_scale_alone_folds_into_a_padded_convolution(kit: Any) -> None:
    model = sequential(
        kit,
        (8, 8, 3),
        kit.layers.Rescaling(1 / 255),
        kit.layers.Conv2D(4, 3, padding="same"),
    )
    network = folding.fold_affine_into_next(read(model))
    assert kinds(network) == ["input", "conv"]
    check_equal(model, network)


def test_norm_that_two_branches_read_folds_into_both(kit: Any) -> None:
    source = kit.Input((5, 6))
    normal = kit.layers.BatchNormalization()(source)
    both = [kit.layers.Dense(4)(normal), kit.layers.Dense(4)(normal)]
    model = randomized(kit.Model(source, kit.layers.Add()(both)))
    network, _ = optimize(read(model))
    assert kinds(network) == ["input", "dense", "dense", "add"]
    check_equal(model, network)


def test_norm_that_the_residual_reads_too_stays(kit: Any) -> None:
    source = kit.Input((5, 6))
    normal = kit.layers.BatchNormalization()(source)
    inner = kit.layers.Dense(6)(normal)
    model = randomized(kit.Model(source, kit.layers.Add()([normal, inner])))
    network, _ = optimize(read(model))
    assert "affine" in kinds(network)
    check_equal(model, network)


def test_residual_that_somebody_else_reads_is_not_centered(kit: Any) -> None:
    source = kit.Input((5, 6))
    stream = kit.layers.Dense(8)(source)
    normal = kit.layers.LayerNormalization()(stream)
    model = randomized(kit.Model(source, kit.layers.Concatenate()([stream, normal])))
    network = read(model)
    assert centering.center_residuals(network) is network


def test_attention_becomes_products_without_transposes(kit: Any) -> None:
    network = attention.split_heads(read(transformer(kit)))
    assert len(network.of_kind("matmul")) == 2 * 3 * 2
    network = attention.symmetric_operands(network)
    right = {product.inputs[1] for product in network.of_kind("matmul")}
    assert all(network[name].options["symmetric"] for name in right)


@pytest.mark.parametrize("name", ["vit", "vit_int8", "mobilenet_v2"])
def test_our_models_stay_equal(name: str) -> None:
    model = randomized(models.build(name, (28, 28, 1), 10))
    before = read(model)
    assert "opaque" not in kinds(before)
    check_equal(model, before)
    check_equal(model, optimize(before)[0])


def test_vit_int8_has_nothing_but_integer_friendly_nodes() -> None:
    network, _ = optimize(read(randomized(models.build("vit_int8", (32, 32, 3), 10))))
    friendly = {"input", "conv", "dense", "matmul", "add", "concat", "mean", "reshape", "affine"}
    assert set(kinds(network)) == friendly
    assert [node.name for node in network.of_kind("affine")] == ["positions"]


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


def test_fused_relu_and_pruning_are_named_in_the_outcomes(kit: Any) -> None:
    _, outcomes = optimize(read(norm_dense(kit)))
    applied = {outcome.name for outcome in outcomes if outcome.skipped is None}
    assert {"remove_identities", "drop_softmax", "move_affine_past_mean"} <= applied


def test_input_of_any_size_is_refused(kit: Any) -> None:
    pixels = kit.Input((None, None, 3))
    with pytest.raises(TflconvError, match="no fixed shape"):
        read(kit.Model(pixels, kit.layers.Conv2D(4, 3)(pixels)))


def test_the_command_tells_what_each_pass_did_or_why_nothing(
    kit: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "small.keras"
    norm_dense(kit).save(path)
    with pytest.raises(SystemExit) as ended:
        cli.main(["convert", str(path), "--rewrite", "optimized"])
    assert ended.value.code == 0
    told = capsys.readouterr().err
    assert "split_heads: does not apply: no attention\n" in told
    assert re.search(r"remove_identities: \d+ operations become \d+\n", told)
    assert all(f"{each.name}: " in told for each in passes.PASSES)
