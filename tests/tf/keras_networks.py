"""Keras models with something for every pass, and the comparison that all their tests make.

``kit`` is the module of either Keras. Weights are random, statistics and scales of norms far from
their initial 0 and 1: what a pass leaves out shows in the outputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import interpreter as litert

from tflconv.core import quiet
from tflconv.network.keras import execution
from tflconv.network.nodes import Network

CLOSE = 1e-5


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


def check_equal(model: Any, network: Network, *, softmax: bool = False) -> None:
    """Hold the outputs equal; ``softmax``: that of the model was taken from the network."""
    expected, received = outputs(model, network)
    if softmax:
        shares = np.exp(received - received.max(-1, keepdims=True))
        received = shares / shares.sum(-1, keepdims=True)
    assert expected.std() > 1e-3
    np.testing.assert_allclose(received, expected, atol=CLOSE * max(1, np.abs(expected).max()))


def ran(content: bytes, values: np.ndarray) -> np.ndarray:
    """What LiteRT makes of ``values``, one by one, as real numbers."""
    with quiet.native_stderr():
        runtime = litert.Interpreter(model_content=content, num_threads=1)
        runtime.allocate_tensors()
        (source,), (target,) = runtime.get_input_details(), runtime.get_output_details()
        results = []
        for value in values:
            runtime.set_tensor(source["index"], _stored(value[np.newaxis], source))
            runtime.invoke()
            results.append(_real(runtime.get_tensor(target["index"])[0], target))
    return np.array(results)


def _stored(value: np.ndarray, detail: Any) -> np.ndarray:
    if detail["dtype"] == np.float32:
        return value
    scale, zero_point = detail["quantization"]
    return np.clip(np.rint(value / scale) + zero_point, -128, 127).astype(np.int8)


def _real(value: np.ndarray, detail: Any) -> np.ndarray:
    if detail["dtype"] == np.float32:
        return value
    scale, zero_point = detail["quantization"]
    return (value.astype(np.float32) - zero_point) * scale


def cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The cosine of each row of ``left`` with that of ``right``."""
    lengths = np.linalg.norm(left, axis=-1) * np.linalg.norm(right, axis=-1)
    return np.asarray((left * right).sum(-1) / lengths)


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
