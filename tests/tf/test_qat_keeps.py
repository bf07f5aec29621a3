"""Quantization-aware training keeps zeros and equal weights, and the file proves it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hand_made import heard

from tflconv import data, models, recipe
from tflconv.compression import QatConfig
from tflconv.compression.examples import Examples
from tflconv.compression.qat import _MIXING, fine_tune, structures
from tflconv.compression.structure import distinct
from tflconv.conversion.optimized import OptimizedModel
from tflconv.core.tensorflow import keras2
from tflconv.network.keras.reader import read
from tflconv.network.nodes import LINEAR
from tflconv.network.passes import PASSES, optimize
from tflconv.tflite import packing

CLUSTERS, SPARSITY = 4, 0.6


def compressed(model: Any) -> Any:
    """``model`` with kernels of few values, most of them zero."""
    for weight in model.trainable_variables:
        if "kernel" not in weight.name:
            continue
        values = weight.numpy()
        book = np.quantile(values, [0.1, 0.4, 0.6, 0.9]).astype(np.float32)
        values = book[np.abs(values[..., np.newaxis] - book).argmin(-1)]
        draw = np.random.default_rng(0).random(values.shape)
        weight.assign(np.where(draw < SPARSITY, 0, values))
    return model


def convolutional() -> Any:
    layers = keras2.layers
    pixels = keras2.Input((28, 28, 1))
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 3, strides=2)(pixels)))
    x = layers.ReLU()(layers.BatchNormalization()(layers.DepthwiseConv2D(3, strides=2)(x)))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(16, 3, activation="relu")(x))
    return keras2.Model(pixels, layers.Dense(10)(x))


def vit() -> Any:
    return models.build("vit_int8", (28, 28, 1), 10, dim=32, depth=1, stem=8)


@pytest.mark.parametrize(("make", "tied"), [(convolutional, True), (vit, False)])
def test_zeros_and_clusters_are_in_the_file(make: Any, tied: bool) -> None:
    """A norm ahead of a kernel scales its rows: zeros stay there, and clusters do not."""
    keras2.utils.set_random_seed(0)
    digits, count = data.load("mnist-sample"), 128 if tied else 48
    examples = Examples(
        images=np.asarray(digits.train.images[:count], np.float32) / 255,
        labels=digits.train.labels[:count],
    )
    passes = [step for step in PASSES if step.name not in _MIXING]
    network, _ = optimize(read(compressed(make())), passes)
    before = structures(network)
    assert before
    losses: list[float] = []
    trained, ranges = fine_tune(
        network,
        examples,
        QatConfig(epochs=4, learning_rate=0.01, batch_size=count // 4),
        progress=heard(losses),
    )
    assert losses[-1] < losses[0]
    for node in network.of_kind(*LINEAR):
        kernel, after = node.weights["kernel"], trained[node.name].weights["kernel"]
        assert (after[kernel == 0] == 0).all(), node.name
        assert (after != kernel).any(), node.name
    content = OptimizedModel(trained, trained=ranges).make(recipe.get("static_wi8_ai8"))
    sparse = [each for each in integer_kernels(content) if (each[0] == 0).mean() > SPARSITY - 0.15]
    assert len(sparse) == len(before)
    if tied:
        assert max(distinct(*each) for each in sparse) == CLUSTERS + 1


def integer_kernels(content: bytes) -> list[tuple[Any, int]]:
    """The int8 kernels in a file, each with the axis of its channels."""
    model = packing.unpack(content)
    found = []
    for tensor in model.subgraphs[0].tensors:
        buffer = model.buffers[tensor.buffer].data
        if buffer is None or tensor.type != INT8 or len(tensor.shape) < 2:
            continue
        kernel = np.frombuffer(bytes(buffer), np.int8).reshape(tensor.shape)
        found.append((kernel, tensor.quantization.quantizedDimension))
    return found


INT8 = 9
"""The type in a file's schema."""
