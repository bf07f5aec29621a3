"""Networks that figures are made of: those of the registry, and what published ones are built from.

Widths and depths are small, because what an operator costs per value does not depend on them. Each
is built with random weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from tflconv import models

Build = Callable[[], Any]


class Token(layers.Layer):  # type: ignore[misc]
    """Puts ``count`` learned tokens in front, and adds learned positions."""

    def __init__(self, count: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.count = count

    def build(self, shape: tuple[int, ...]) -> None:
        """Make the weights."""
        tokens = self.count + shape[1]
        self.token = self.add_weight(shape=(1, self.count, shape[2]), initializer="zeros")
        self.positions = self.add_weight(shape=(1, tokens, shape[2]), initializer="zeros")

    def call(self, x: Any) -> Any:
        """Return the tokens with those that were learned."""
        front = ops.broadcast_to(self.token, (ops.shape(x)[0], self.count, x.shape[2]))
        return ops.concatenate([front, x], axis=1) + self.positions


class Scale(layers.Layer):  # type: ignore[misc]
    """LayerScale: a learned factor per channel."""

    def build(self, shape: tuple[int, ...]) -> None:
        """Make the weights."""
        self.gamma = self.add_weight(shape=(shape[-1],), initializer="ones")

    def call(self, x: Any) -> Any:
        """Return ``x`` scaled."""
        return x * self.gamma


def randomized(model: Any, seed: int = 0) -> Any:
    """Draw all weights, those of norms far from 0 and 1."""
    random = np.random.default_rng(seed)
    for layer in model._flatten_layers(include_self=False):
        if layer.weights and not list(layer._flatten_layers(include_self=False)):
            norm = "Normalization" in type(layer).__name__
            layer.set_weights([
                random.uniform(0.5, 1.5, w.shape) if norm and i in (0, 3)
                else random.normal(0, np.prod(w.shape[:-1]) ** -0.5 if len(w.shape) > 1 else 0.1,
                                   w.shape)
                for i, w in enumerate(layer.get_weights())
            ])  # fmt: skip
    return model


def of_registry(name: str, side: int = 32, classes: int = 10, **options: Any) -> Build:
    """How to build the model ``name`` of the registry."""
    from random_model import randomize

    def build() -> Any:
        model = models.build(name, (side, side, 3), classes, **options)
        randomize(model)
        return model

    return build


def network(side: int, body: Callable[[Any], Any], *, ending: str = "logits") -> Build:
    """How to build a network with ``body``, from pixels to a vector, or to a list of outputs."""

    def build() -> Any:
        pixels = keras.Input((side, side, 3), batch_size=None)
        scores = body(pixels)
        if not isinstance(scores, list):
            scores = layers.Dense(10)(scores)
        if ending == "softmax":
            scores = layers.Softmax()(scores)
        return randomized(keras.Model(pixels, scores))

    return build


def transformer(
    *, patch: int, dim: int, depth: int, heads: int, token: int = 1, scaled: bool = False,
    ratio: float = 4, activation: str = "gelu", mean: bool = False,
) -> Callable[[Any], Any]:  # fmt: skip
    """ViT, DeiT, DINO (registers) and CaiT (LayerScale)."""

    def body(x: Any) -> Any:
        x = layers.Conv2D(dim, patch, strides=patch)(x)
        x = layers.Reshape((-1, dim))(x)
        if token:
            x = Token(token)(x)
        for _ in range(depth):
            x = block(x, dim, heads, ratio, activation, scaled=scaled)
        x = layers.LayerNormalization(epsilon=1e-6)(x)
        return layers.GlobalAveragePooling1D()(x) if mean else x[:, 0]

    return body


def block(
    x: Any, dim: int, heads: int, ratio: float, activation: str, *, scaled: bool = False
) -> Any:
    """Attention and MLP, each behind a LayerNormalization."""
    y = layers.LayerNormalization(epsilon=1e-6)(x)
    y = layers.MultiHeadAttention(heads, dim // heads)(y, y)
    x = layers.Add()([x, Scale()(y) if scaled else y])
    y = layers.LayerNormalization(epsilon=1e-6)(x)
    y = layers.Dense(int(dim * ratio), activation=activation)(y)
    y = layers.Dense(dim)(y)
    return layers.Add()([x, Scale()(y) if scaled else y])


def two_heads(x: Any) -> Any:
    """A ViT that says a class and, by a head of its own, a box."""
    x = transformer(patch=8, dim=96, depth=2, heads=4)(x)
    return [layers.Softmax()(layers.Dense(10)(x)), layers.Dense(4, activation="sigmoid")(x)]


def pruned_tokens(x: Any) -> Any:
    """DynamicViT's and EViT's idea: half of the tokens are kept, by their scores."""
    x = layers.Reshape((-1, 96))(layers.Conv2D(96, 8, strides=8)(x))
    for _ in range(2):
        x = block(x, 96, 4, 4, "gelu")
        places = ops.top_k(ops.mean(x, -1), x.shape[1] // 2)[1]
        x = ops.take_along_axis(x, ops.expand_dims(places, -1), axis=1)
    return layers.GlobalAveragePooling1D()(layers.LayerNormalization(epsilon=1e-6)(x))


def cait(x: Any) -> Any:
    """CaiT: LayerScale, and a class token that looks at the patches in the last blocks only."""
    x = layers.Reshape((-1, 96))(layers.Conv2D(96, 8, strides=8)(x))
    for _ in range(2):
        x = block(x, 96, 4, 4, "gelu", scaled=True)
    token = Token(1)(x)[:, :1]
    for _ in range(2):
        y = layers.LayerNormalization(epsilon=1e-6)(layers.Concatenate(axis=1)([token, x]))
        y = layers.MultiHeadAttention(4, 24)(y[:, :1], y)
        token = layers.Add()([token, Scale()(y)])
        y = layers.LayerNormalization(epsilon=1e-6)(token)
        y = layers.Dense(96)(layers.Dense(384, activation="gelu")(y))
        token = layers.Add()([token, Scale()(y)])
    return layers.LayerNormalization(epsilon=1e-6)(token)[:, 0]


def efficientformer(x: Any) -> Any:
    """EfficientFormer: pooling over pictures with BatchNormalization, then attention on tokens."""
    x = convolution(convolution(x, 24, 3, 2), 48, 3, 2)
    for _ in range(2):
        y = layers.AveragePooling2D(3, 1, padding="same")(x)
        x = layers.Add()([x, Scale()(y - x)])
        y = convolution(x, 192, 1, activation="gelu")
        x = layers.Add()([x, Scale()(layers.BatchNormalization()(layers.Conv2D(48, 1)(y)))])
    x = layers.BatchNormalization()(layers.Conv2D(96, 3, strides=2, padding="same")(x))
    x = block(layers.Reshape((-1, 96))(x), 96, 4, 4, "gelu", scaled=True)
    return layers.GlobalAveragePooling1D()(layers.LayerNormalization(epsilon=1e-6)(x))


def fastvit(x: Any) -> Any:
    """FastViT as it is deployed: mixing by depthwise convolutions, attention in the last stage."""
    x = convolution(x, 48, 3, 2, "gelu")
    x = layers.Activation("gelu")(layers.DepthwiseConv2D(3, 2, padding="same")(x))
    x = layers.Conv2D(48, 1, activation="gelu")(x)
    for stage in range(2):
        if stage:
            x = layers.DepthwiseConv2D(7, 2, padding="same")(x)
            x = layers.Conv2D(96, 1, activation="gelu")(x)
            x = layers.Add()([x, layers.DepthwiseConv2D(7, padding="same")(x)])
        dim = x.shape[-1]
        for _ in range(2):
            x = layers.DepthwiseConv2D(3, padding="same")(x) if not stage else attending(x)
            y = layers.BatchNormalization()(layers.DepthwiseConv2D(7, padding="same")(x))
            y = layers.Conv2D(dim, 1)(layers.Conv2D(3 * dim, 1, activation="gelu")(y))
            x = layers.Add()([x, Scale()(y)])
    return layers.GlobalAveragePooling2D()(x)


def attending(x: Any) -> Any:
    """Attention over all pixels behind a BatchNormalization, as in FastViT's last stage."""
    y = layers.Reshape((-1, x.shape[-1]))(layers.BatchNormalization()(x))
    y = layers.MultiHeadAttention(x.shape[-1] // 32, 32, use_bias=False)(y, y)
    return layers.Add()([x, Scale()(layers.Reshape(x.shape[1:])(y))])


def convolution(x: Any, filters: int, size: int, strides: int = 1, activation: str = "relu") -> Any:
    """Convolution, BatchNormalization, activation."""
    x = layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False)(x)
    return layers.Activation(activation)(layers.BatchNormalization()(x))


def poolformer(x: Any) -> Any:
    """PoolFormer: average pooling in the place of attention."""
    x = layers.Conv2D(48, 7, strides=4, padding="same")(x)
    for _ in range(2):
        y = layers.GroupNormalization(1)(x)
        x = layers.Add()([x, Scale()(layers.AveragePooling2D(3, 1, padding="same")(y) - y)])
        y = layers.GroupNormalization(1)(x)
        y = layers.Conv2D(48, 1)(layers.Conv2D(192, 1, activation="gelu")(y))
        x = layers.Add()([x, Scale()(y)])
    return layers.LayerNormalization()(layers.GlobalAveragePooling2D()(x))


def convnext(x: Any) -> Any:
    """ConvNeXt: 7 x 7 depthwise, LayerNormalization, inverted bottleneck with GELU."""
    x = layers.LayerNormalization(epsilon=1e-6)(layers.Conv2D(48, 4, strides=4)(x))
    for stage in range(2):
        if stage:
            x = layers.Conv2D(96, 2, strides=2)(layers.LayerNormalization(epsilon=1e-6)(x))
        dim = x.shape[-1]
        for _ in range(2):
            y = layers.DepthwiseConv2D(7, padding="same")(x)
            y = layers.LayerNormalization(epsilon=1e-6)(y)
            y = layers.Dense(dim)(layers.Dense(4 * dim, activation="gelu")(y))
            x = layers.Add()([x, Scale()(y)])
    return layers.LayerNormalization(epsilon=1e-6)(layers.GlobalAveragePooling2D()(x))


def mixer(x: Any) -> Any:
    """MLP-Mixer."""
    x = layers.Reshape((-1, 64))(layers.Conv2D(64, 8, strides=8)(x))
    tokens = x.shape[1]
    for _ in range(2):
        y = layers.Permute((2, 1))(layers.LayerNormalization(epsilon=1e-6)(x))
        y = layers.Dense(tokens)(layers.Dense(64, activation="gelu")(y))
        x = layers.Add()([x, layers.Permute((2, 1))(y)])
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        x = layers.Add()([x, layers.Dense(64)(layers.Dense(256, activation="gelu")(y))])
    return layers.GlobalAveragePooling1D()(layers.LayerNormalization(epsilon=1e-6)(x))


def mobilevit(x: Any) -> Any:
    """MobileViT: inverted residuals with swish, then attention over the pixels of patches."""
    x = convolution(x, 16, 3, 2, "swish")
    y = convolution(x, 64, 1, 1, "swish")
    y = layers.BatchNormalization()(layers.DepthwiseConv2D(3, 2, padding="same")(y))
    x = layers.BatchNormalization()(layers.Conv2D(32, 1)(layers.Activation("swish")(y)))
    side = x.shape[1]
    y = layers.Conv2D(48, 1)(convolution(x, 32, 3, 1, "swish"))
    y = layers.Reshape((side // 2, 2, side // 2, 2, 48))(y)
    y = layers.Reshape((4, side * side // 4, 48))(layers.Permute((2, 4, 1, 3, 5))(y))
    y = block(y, 48, 4, 2, "swish")
    y = layers.Reshape((2, 2, side // 2, side // 2, 48))(y)
    y = layers.Reshape((side, side, 48))(layers.Permute((3, 1, 4, 2, 5))(y))
    y = layers.Concatenate()([x, convolution(y, 32, 1, 1, "swish")])
    return layers.GlobalAveragePooling2D()(convolution(y, 64, 3, 1, "swish"))


def levit(x: Any) -> Any:
    """LeViT: a stem of convolutions, attention with BatchNormalization and hard swish."""
    for filters in (16, 32, 64):
        x = convolution(x, filters, 3, 2, "hard_swish")
    x = layers.Reshape((-1, 64))(x)
    for _ in range(2):
        y = layers.MultiHeadAttention(4, 16)(x, x)
        x = layers.Add()([x, layers.BatchNormalization()(layers.Activation("hard_swish")(y))])
        y = layers.BatchNormalization()(layers.Dense(128)(x))
        y = layers.BatchNormalization()(layers.Dense(64)(layers.Activation("hard_swish")(y)))
        x = layers.Add()([x, y])
    return layers.GlobalAveragePooling1D()(x)


def swin(x: Any) -> Any:
    """Swin: attention in windows, without and with shift."""
    x = layers.LayerNormalization()(layers.Conv2D(48, 4, strides=4)(x))
    side, width = x.shape[1], 4
    count = side // width
    for shift in (0, 2):
        y = layers.LayerNormalization()(x)
        y = ops.roll(y, (-shift, -shift), (1, 2)) if shift else y
        y = layers.Permute((1, 3, 2, 4, 5))(layers.Reshape((count, width, count, width, 48))(y))
        y = layers.Reshape((count * count, width * width, 48))(y)
        y = layers.MultiHeadAttention(3, 16, attention_axes=(2,))(y, y)
        y = layers.Permute((1, 3, 2, 4, 5))(layers.Reshape((count, count, width, width, 48))(y))
        y = layers.Reshape((side, side, 48))(y)
        x = layers.Add()([x, ops.roll(y, (shift, shift), (1, 2)) if shift else y])
        y = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.Dense(48)(layers.Dense(192, activation="gelu")(y))])
    return layers.GlobalAveragePooling2D()(layers.LayerNormalization()(x))


def squeezing(x: Any) -> Any:
    """EfficientNet's block: swish and squeeze-and-excitation."""
    x = convolution(x, 16, 3, 2, "swish")
    for filters, strides in ((24, 2), (24, 1), (40, 2)):
        source, wide = x, x.shape[-1] * 6
        y = convolution(x, wide, 1, 1, "swish")
        y = layers.DepthwiseConv2D(3, strides, padding="same")(y)
        y = layers.Activation("swish")(layers.BatchNormalization()(y))
        z = layers.GlobalAveragePooling2D(keepdims=True)(y)
        z = layers.Conv2D(wide // 4, 1, activation="swish")(z)
        y = layers.Multiply()([y, layers.Conv2D(wide, 1, activation="sigmoid")(z)])
        x = layers.BatchNormalization()(layers.Conv2D(filters, 1)(y))
        x = layers.Add()([x, source]) if source.shape == x.shape else x
    return layers.GlobalAveragePooling2D()(x)


def plain(x: Any) -> Any:
    """What the models of the registry lack: pooling, scaled pixels, two dense layers."""
    x = layers.BatchNormalization()(layers.Rescaling(1 / 127.5, offset=-1)(x))
    x = convolution(layers.Conv2D(16, 4, strides=4, activation="relu")(x), 32, 3)
    x = layers.Flatten()(layers.AveragePooling2D(2)(x))
    return layers.Dense(16)(layers.Dropout(0.5)(x))


def residual(x: Any) -> Any:
    """ResNet-50's bottlenecks, max pooling behind the stem."""
    x = layers.MaxPooling2D(3, 2, padding="same")(convolution(x, 32, 7, 2))
    for filters, strides in ((32, 1), (32, 1), (64, 2)):
        y = convolution(convolution(x, filters, 1), filters, 3, strides)
        y = layers.BatchNormalization()(layers.Conv2D(filters * 4, 1)(y))
        if y.shape != x.shape:
            x = layers.BatchNormalization()(layers.Conv2D(filters * 4, 1, strides=strides)(x))
        x = layers.ReLU()(layers.Add()([x, y]))
    return layers.GlobalAveragePooling2D()(x)


def dense(x: Any) -> Any:
    """DenseNet: BatchNormalization and ReLU first, concatenations."""
    x = layers.Conv2D(24, 3, strides=2, padding="same")(x)
    for _ in range(3):
        y = layers.ReLU()(layers.BatchNormalization()(x))
        y = layers.Conv2D(16, 3, padding="same")(convolution(layers.Conv2D(32, 1)(y), 32, 1))
        x = layers.Concatenate()([x, y])
    x = layers.AveragePooling2D(2)(layers.Conv2D(32, 1)(x))
    return layers.GlobalAveragePooling2D()(x)


NETWORKS: dict[str, Build] = {
    "small CNN": network(32, plain, ending="softmax"),
    "mobilenet_v1": of_registry("mobilenet_v1"),
    "mobilenet_v2": of_registry("mobilenet_v2"),
    "mobilenet_v2 96 px": of_registry("mobilenet_v2", 96),
    "resnet": of_registry("resnet"),
    "squeezenet": of_registry("squeezenet"),
    "vit": of_registry("vit", patch=4, dim=96, depth=2, heads=3),
    "vit of the demo": of_registry("vit", 28),
    "vit_int8": of_registry("vit_int8"),
    "DeiT, 197 tokens": network(
        224, transformer(patch=16, dim=192, depth=2, heads=3), ending="softmax"
    ),
    "DeiT, 50 tokens": network(112, transformer(patch=16, dim=192, depth=1, heads=3)),
    "DINO, 4 registers": network(112, transformer(patch=16, dim=96, depth=2, heads=3, token=5)),
    "CaiT": network(64, cait),
    "ViT, LayerScale": network(64, transformer(patch=8, dim=96, depth=2, heads=4, scaled=True)),
    "ViT, two heads": network(64, two_heads),
    "ViT, half of the tokens twice": network(64, pruned_tokens),
    "ViT, mean of tokens": network(
        64, transformer(patch=8, dim=64, depth=2, heads=4, token=0, mean=True, ratio=2)
    ),
    "ViT, ReLU": network(64, transformer(patch=8, dim=64, depth=2, heads=2, activation="relu")),
    "Swin": network(64, swin),
    "MobileViT": network(64, mobilevit, ending="softmax"),
    "LeViT": network(64, levit),
    "EfficientFormer": network(64, efficientformer),
    "FastViT": network(64, fastvit),
    "PoolFormer": network(64, poolformer),
    "ConvNeXt": network(64, convnext),
    "MLP-Mixer": network(64, mixer),
    "EfficientNet": network(64, squeezing, ending="softmax"),
    "ResNet-50's": network(64, residual, ending="softmax"),
    "DenseNet": network(64, dense),
}
"""Networks by name."""
