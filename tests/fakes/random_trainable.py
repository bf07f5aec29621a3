"""Random networks of the layers that quantization-aware training takes, with one input and a head.

The networks of ``random_networks`` are of all layers and nearly never such. A number always gives
the same network.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from fakes.random_networks import SAMPLES, RandomNetwork, _randomize

SHAPES = ((6,), (16, 4), (12, 12, 3))
ACTIVATIONS = (None, None, "relu", "relu6", "tanh", "sigmoid", "silu", "gelu")
Step = Callable[[Any, random.Random, Any], Any]
"""Adds a layer or a block to a value, from ``keras.layers`` and a draw."""


def trainable(number: int) -> RandomNetwork:
    """Return the network of ``number``."""
    import keras

    draw = random.Random(f"trainable {number}")
    keras.utils.set_random_seed(number)
    layers, shape = keras.layers, draw.choice(SHAPES)
    source = value = layers.Input(shape, name="values")
    chain: list[str] = []
    for _ in range(draw.choice((2, 3, 4, 5))):
        names = sorted(STEPS[len(value.shape) - 1])
        chain.append(draw.choice(names))
        try:
            value = STEPS[len(value.shape) - 1][chain[-1]](layers, draw, value)
        except ValueError:  # it has become too small for that
            chain.pop()
    if len(value.shape) > 2:
        chain.append(draw.choice(("Flatten", *_GLOBAL)))
        name = chain[-1] if chain[-1] == "Flatten" else f"{chain[-1]}{len(value.shape) - 2}D"
        value = getattr(layers, name)()(value)
    units, ending = draw.choice(((3, "softmax"), (3, None), (1, "sigmoid"), (3, "sigmoid")))
    model = keras.Model(source, layers.Dense(units, activation=ending)(value))
    numbers = np.random.default_rng(number)
    _randomize(model, numbers)
    samples = {"values": numbers.normal(size=(SAMPLES, *shape)).astype(np.float32)}
    return RandomNetwork(model=model, samples=samples, chains=[chain], policy="float32")


_GLOBAL = ("GlobalAveragePooling", "GlobalMaxPooling")


def _conv(name: str) -> Step:
    def step(layers: Any, draw: random.Random, value: Any) -> Any:
        settings = {
            "padding": draw.choice(("same", "valid")), "strides": draw.choice((1, 1, 2)),
            "activation": draw.choice(ACTIVATIONS), "use_bias": draw.random() < 0.7,
        }  # fmt: skip
        size = draw.choice((1, 2, 3))
        filters = () if name.startswith("Depthwise") else (draw.choice((4, 8)),)
        return getattr(layers, name)(*filters, size, **settings)(value)

    return step


def _pool(name: str) -> Step:
    return lambda layers, draw, value: getattr(layers, name)(
        2, strides=draw.choice((None, 1)), padding=draw.choice(("same", "valid"))
    )(value)


def _layer(name: str, *given: Any) -> Step:
    return lambda layers, _, value: getattr(layers, name)(*given)(value)


def _residual(layers: Any, draw: random.Random, value: Any) -> Any:
    branch = layers.Dense(value.shape[-1], activation=draw.choice(ACTIVATIONS))(value)
    return getattr(layers, draw.choice(("Add", "Concatenate")))()([value, branch])


def _excited(layers: Any, _: random.Random, value: Any) -> Any:
    mean = layers.GlobalAveragePooling2D(keepdims=True)(value)
    return layers.Multiply()([value, layers.Dense(value.shape[-1], "sigmoid")(mean)])


def _dense(layers: Any, draw: random.Random, value: Any) -> Any:
    return layers.Dense(draw.choice((4, 8)), activation=draw.choice(ACTIVATIONS))(value)


def _tokens(layers: Any, _: random.Random, value: Any) -> Any:
    return layers.Reshape((-1, value.shape[-1]))(value)


def _attention(layers: Any, _: random.Random, value: Any) -> Any:
    return layers.MultiHeadAttention(2, 3)(value, value)


_ANYWHERE: dict[str, Step] = {
    "BatchNormalization": _layer("BatchNormalization"),
    "Dense": _dense,
    "Dropout": _layer("Dropout", 0.3),
    "LeakyReLU": _layer("LeakyReLU"),
    "ReLU": _layer("ReLU"),
    "Rescaling": _layer("Rescaling", 0.5),
    "residual": _residual,
}
STEPS: dict[int, dict[str, Step]] = {
    1: _ANYWHERE,
    2: _ANYWHERE | {
        "AveragePooling1D": _pool("AveragePooling1D"),
        "Conv1D": _conv("Conv1D"),
        "DepthwiseConv1D": _conv("DepthwiseConv1D"),
        "MaxPooling1D": _pool("MaxPooling1D"),
        "MultiHeadAttention": _attention,
        "SeparableConv1D": _conv("SeparableConv1D"),
        "ZeroPadding1D": _layer("ZeroPadding1D", 1),
    },
    3: _ANYWHERE | {
        "AveragePooling2D": _pool("AveragePooling2D"),
        "Conv2D": _conv("Conv2D"),
        "DepthwiseConv2D": _conv("DepthwiseConv2D"),
        "MaxPooling2D": _pool("MaxPooling2D"),
        "Permute": _layer("Permute", (2, 1, 3)),
        "SeparableConv2D": _conv("SeparableConv2D"),
        "UpSampling2D": _layer("UpSampling2D"),
        "ZeroPadding2D": _layer("ZeroPadding2D", 1),
        "excited": _excited,
        "tokens": _tokens,
    },
}  # fmt: skip
"""What may follow, by the rank of a value without batch."""
