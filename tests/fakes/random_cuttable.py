"""Random networks of layers whose channels can be removed, of either Keras."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

SHAPE = (8, 8, 3)


def network(kit: Any, number: int, *, norms: bool = False) -> Any:
    """Return the network of ``number``, with drawn weights.

    Args:
        kit: Keras 2 or Keras 3.
        number: What is drawn depends on it alone.
        norms: Whether there may be LayerNormalization, which takes statistics over channels.
    """
    draw = random.Random(number)
    kit.utils.set_random_seed(number)
    layers = kit.layers
    pixels = layers.Input(SHAPE)
    x = layers.Conv2D(draw.choice((4, 6)), 3, padding="same")(pixels)
    for _ in range(draw.randint(2, 5)):
        x = draw.choice(_BLOCKS)(layers, draw, x)
    if draw.random() < 0.3:
        x = _inside(kit, draw, x)
    if draw.random() < 0.6:
        x = _attend(layers, draw, x, norms=norms)
    x = draw.choice((layers.Flatten, layers.GlobalAveragePooling2D))()(x)
    x = layers.Dense(draw.choice((5, 7)), activation="relu")(x)
    model = kit.Model(pixels, layers.Dense(3, activation="softmax")(x))
    randomize(model, number)
    return model


def randomize(model: Any, seed: int) -> None:
    """Give every weight of ``model`` a value of its own."""
    drawn = np.random.default_rng(seed)
    model.set_weights(
        [
            drawn.uniform(0.5, 1.5, value.shape) if "variance" in weight.name
            else drawn.normal(0, 0.3, value.shape)
            for weight, value in zip(model.weights, model.get_weights(), strict=True)
        ]
    )  # fmt: skip


def _conv(layers: Any, draw: random.Random, x: Any) -> Any:
    x = layers.Conv2D(
        draw.choice((4, 6, 8)), draw.choice((1, 3)), padding=draw.choice(("same", "valid")),
        use_bias=draw.random() < 0.5, activation=draw.choice((None, "relu")),
    )(x) if x.shape[1] > 3 else x  # fmt: skip
    return _norm(layers, draw, x)


def _norm(layers: Any, draw: random.Random, x: Any) -> Any:
    if draw.random() < 0.5:
        x = layers.BatchNormalization(scale=draw.random() < 0.8)(x)
    return draw.choice((layers.ReLU(), layers.Dropout(0.5), layers.LeakyReLU()))(x)


def _residual(layers: Any, draw: random.Random, x: Any) -> Any:
    y = layers.Conv2D(draw.choice((4, 8)), 1)(x)
    y = layers.DepthwiseConv2D(3, padding="same")(_norm(layers, draw, y))
    return layers.Add()([x, layers.Conv2D(x.shape[-1], 1, use_bias=False)(y)])


def _widening(layers: Any, draw: random.Random, x: Any) -> Any:
    y = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(x)
    return layers.SeparableConv2D(draw.choice((4, 6)), 3, padding="same", activation="relu")(y)


def _joined(layers: Any, draw: random.Random, x: Any) -> Any:
    branches = [layers.Conv2D(draw.choice((3, 4)), 1, activation="relu")(x), x]
    return _norm(layers, draw, layers.Concatenate()(branches))


def _squeezed(layers: Any, draw: random.Random, x: Any) -> Any:
    weights = layers.Reshape((1, 1, x.shape[-1]))(layers.GlobalAveragePooling2D()(x))
    weights = layers.Conv2D(4, 1, activation="relu")(weights)
    return layers.Multiply()([x, layers.Conv2D(x.shape[-1], 1, activation="sigmoid")(weights)])


def _twice(layers: Any, draw: random.Random, x: Any) -> Any:
    shared = layers.Conv2D(x.shape[-1], 1)
    return shared(layers.ReLU()(shared(x)))


def _pooled(layers: Any, draw: random.Random, x: Any) -> Any:
    if x.shape[1] < 5:
        return x
    return draw.choice((layers.MaxPooling2D(), layers.ZeroPadding2D()))(x)


def _inside(kit: Any, draw: random.Random, x: Any) -> Any:
    """A model within the model."""
    value = kit.layers.Input(x.shape[1:])
    return kit.Model(value, _residual(kit.layers, draw, value))(x)


def _attend(layers: Any, draw: random.Random, x: Any, *, norms: bool) -> Any:
    _, height, width, channels = x.shape
    tokens = layers.Reshape((height * width, channels))(x)
    inner = layers.LayerNormalization()(tokens) if norms else tokens
    attended = layers.MultiHeadAttention(draw.choice((2, 3)), 4)(inner, inner)
    tokens = layers.Add()([tokens, attended])
    inner = layers.Dense(draw.choice((6, 8)), activation="gelu")(tokens)
    tokens = layers.Add()([tokens, layers.Dense(channels)(inner)])
    return layers.Reshape((height, width, channels))(tokens)


_BLOCKS = (_conv, _residual, _widening, _joined, _squeezed, _twice, _pooled)
