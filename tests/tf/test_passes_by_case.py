"""What passes make of particular networks, and what they leave alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_networks import (
    CLOSE,
    check_equal,
    conv_norm,
    kinds,
    norm_dense,
    outputs,
    randomized,
    sequential,
    transformer,
)

from tflconv import cli, models
from tflconv.network.keras.reader import read
from tflconv.network.passes import PASSES, attention, centering, folding, optimize


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


def test_a_norm_right_behind_another_reads_what_that_scales(kit: Any) -> None:
    norms = [kit.layers.LayerNormalization() for _ in range(3)]
    model = sequential(kit, (5, 6), *norms, kit.layers.Dense(4))
    check_equal(model, folding.split_layer_norm(read(model)))


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


def test_fused_relu_and_pruning_are_named_in_the_outcomes(kit: Any) -> None:
    _, outcomes = optimize(read(norm_dense(kit)))
    applied = {outcome.name for outcome in outcomes if outcome.skipped is None}
    assert {"remove_identities", "drop_softmax", "move_affine_past_mean"} <= applied


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
    assert re.search(r"move_affine_past_mean: \d+ operations, changed\n", told)
    assert re.search(r"fold_affine_into_\w+: \d+ operations become \d+\n", told)
    assert all(f"{each.name}: " in told for each in PASSES)
