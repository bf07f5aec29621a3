"""Every registered model in Keras: its cost as it was traced, and its way through a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflconv import models
from tflconv.core.tensorflow import keras2, tf
from tflconv.models import layers

SHAPE = (32, 32, 3)
OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("mobilenet_v2", {"alpha": 0.5, "halvings": 5, "head": 320}),
    ("resnet", {"width": 8, "blocks": 2}),
    ("resnet", {"width": 8, "blocks": 1, "fourth_width": 16, "separable_stages": 2}),
    ("mobilenet_v3_small", {"alpha": 0.35, "head": 64}),
    ("resnet_imagenet", {"width": 4, "depth": 18}),
    ("resnet_imagenet", {"width": 4, "depth": 50}),
    ("squeezenet", {"halvings": 4}),
    ("mobilevit_int8", {"width": 0.5, "heads": 2, "head": 64}),
    ("vit", {"patch": 8, "dim": 24, "depth": 2, "heads": 3, "mlp_ratio": 1.5}),
    ("vit", {"patch": 8, "patch_dropout": 0.5}),
    ("vit", {"patch": 8, "registers": 4}),
]
FITTING = {"vit": {"patch": 8}}
CASES = [(name, FITTING.get(name, {})) for name in models.names()] + OPTIONS


@pytest.mark.parametrize(("name", "options"), CASES)
def test_traced_parameters_are_those_of_keras(name: str, options: dict[str, Any]) -> None:
    model = models.build(name, SHAPE, 7, **options)
    assert models.cost(name, SHAPE, 7, **options).parameters == model.count_params()
    assert model.output_shape == (None, 7)


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2", "resnet", "squeezenet"])
def test_traced_macs_are_those_tensorflow_counts(name: str) -> None:
    model = models.build(name, SHAPE, 7)
    concrete = tf.function(model).get_concrete_function(tf.TensorSpec((1, *SHAPE)))
    kinds = {"Conv2D", "DepthwiseConv2dNative", "MatMul"}
    flops = sum(
        _flops(concrete.graph, operation)
        for operation in concrete.graph.get_operations()
        if operation.type in kinds
    )
    assert flops == 2 * models.cost(name, SHAPE, 7).macs


def _flops(graph: Any, operation: Any) -> int:
    from tensorflow.python.framework.ops import get_stats_for_node_def

    return int(get_stats_for_node_def(graph, operation.node_def, "flops").value)


def test_patch_dropout_hides_patches_only_while_training() -> None:
    tokens = np.random.default_rng(0).normal(size=(3, 9, 4)).astype(np.float32)
    layer = layers.PatchDropout(0.5)
    np.testing.assert_array_equal(layer(tokens), tokens)
    kept = layer(tokens, training=True).numpy()
    assert kept.shape == (3, 5, 4)
    np.testing.assert_array_equal(kept[:, 0], tokens[:, 0])
    for before, after in zip(tokens, kept, strict=True):
        assert len({tuple(row) for row in after} & {tuple(row) for row in before}) == 5
    np.testing.assert_array_equal(layer(tokens, training=True), kept)
    assert not np.array_equal(layer(tokens + 1, training=True) - 1, kept)


def test_patch_dropout_hides_no_registers() -> None:
    tokens = np.random.default_rng(0).normal(size=(3, 9, 4)).astype(np.float32)
    kept = layers.PatchDropout(0.5, 3)(tokens, training=True).numpy()
    assert kept.shape == (3, 6, 4)
    np.testing.assert_array_equal(kept[:, :3], tokens[:, :3])


@pytest.mark.parametrize("registers", [0, 2])
def test_a_vit_learns_with_patch_dropout(registers: int) -> None:
    model = models.build("vit", SHAPE, 7, patch=8, patch_dropout=0.5, registers=registers)
    pixels = np.random.default_rng(0).normal(size=(2, *SHAPE)).astype(np.float32)
    assert model(pixels, training=True).shape == (2, 7)
    with tf.GradientTape() as tape:
        logits = model(pixels, training=True)
    assert None not in tape.gradient(logits, model.trainable_variables)


@pytest.mark.parametrize("name", ["mobilenet_v2", "vit"])
def test_a_saved_model_opens_where_our_layers_were_imported(name: str, tmp_path: Path) -> None:
    model = models.build(name, SHAPE, 7, **FITTING.get(name, {}))
    pixels = np.random.default_rng(0).normal(size=(2, *SHAPE)).astype(np.float32)
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "pixels.npy", pixels)
    program = (
        "import sys, numpy as np, tflconv.models.layers, tf_keras; from pathlib import Path\n"
        "folder = Path(sys.argv[1])\n"
        "model = tf_keras.models.load_model(folder / 'model.keras')\n"
        "np.save(folder / 'logits.npy', model(np.load(folder / 'pixels.npy')))"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path], check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), model(pixels), atol=1e-5)


def test_the_class_token_sees_every_patch() -> None:
    model = models.build("vit", (8, 8, 1), 3, patch=4, dim=16, depth=1, heads=2)
    base = np.zeros((1, 8, 8, 1), np.float32)
    for row in (0, 4):
        for column in (0, 4):
            changed = base.copy()
            changed[0, row : row + 4, column : column + 4] = np.eye(4)[..., None]
            assert not np.allclose(model(changed), model(base), atol=1e-6)


def test_our_layers_do_not_shadow_each_other() -> None:
    registered = keras2.saving.get_custom_objects()
    ours = [name for name in registered if name.startswith("tflconv>")]
    assert {"tflconv>ClassToken", "tflconv>PositionEmbedding"} <= set(ours)
    assert all(registered[name].__module__ == "tflconv.models.layers" for name in ours)
