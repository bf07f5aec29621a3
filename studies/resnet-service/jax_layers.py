"""The layers of our networks for Keras 3 on JAX: those of Keras, four that it lacks, one anew.

``tflconv.models`` describes a network to a namespace of layers. This one makes a Keras 3 model of
it, where TensorFlow is not installed. Layers and their weights have the names and the order of
``tflconv.models.layers``, so weights go from one to the other by name.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras.layers import (
    Activation,
    Add,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    LayerNormalization,
    MaxPooling2D,
    MultiHeadAttention,
    ReLU,
    Reshape,
)

Shape = tuple[int | None, ...]

__all__ = [
    "Activation",
    "Add",
    "BatchNormalization",
    "ClassToken",
    "Concatenate",
    "Conv2D",
    "Dense",
    "DepthwiseConv2D",
    "FirstToken",
    "Flatten",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "LayerNormalization",
    "MaxPooling2D",
    "MultiHeadAttention",
    "PositionEmbedding",
    "ReLU",
    "ReluAttention",
    "Reshape",
]


class DepthwiseConv2D(keras.layers.DepthwiseConv2D):
    """A depthwise convolution as shifted products, which XLA fuses; GPU libraries are slow at it.

    Only what the registry uses: padding ``same``, one filter per channel, channels last.
    """

    def call(self, inputs: jax.Array) -> jax.Array:
        """Take ``[n, height, width, channels]`` to the same, smaller by the stride."""
        steps, sides = self.strides, inputs.shape[1:3]
        counts = [-(-side // step) for side, step in zip(sides, steps, strict=True)]
        spans = [(count - 1) * step + 1 for count, step in zip(counts, steps, strict=True)]
        padded = jnp.pad(inputs, ((0, 0), *map(_border, spans, self.kernel_size, sides), (0, 0)))
        kernel = jnp.asarray(self.kernel, jnp.float32)[..., 0]
        total = jnp.zeros((), jnp.float32)
        for row, column in np.ndindex(*self.kernel_size):
            rows = slice(row, row + spans[0], steps[0])
            columns = slice(column, column + spans[1], steps[1])
            total = total + padded[:, rows, columns] * kernel[row, column]
        total = total if self.bias is None else total + jnp.asarray(self.bias, jnp.float32)
        return self.activation(total.astype(inputs.dtype))


def _border(span: int, taps: int, side: int) -> tuple[int, int]:
    """Zeros before and after a side, as padding ``same`` has them."""
    missing = max(0, span - 1 + taps - side)
    return missing // 2, missing - missing // 2


class ClassToken(keras.layers.Layer):
    """A learned class token in front of the others."""

    def build(self, input_shape: Shape) -> None:
        """Create the token."""
        self.token = self.add_weight(
            name="token", shape=(1, 1, input_shape[-1]), initializer="zeros"
        )

    def call(self, tokens: jax.Array) -> jax.Array:
        """Take ``[n, tokens, dim]`` to ``[n, 1 + tokens, dim]``."""
        token = jnp.asarray(self.token, tokens.dtype)
        return jnp.concatenate([jnp.tile(token, (tokens.shape[0], 1, 1)), tokens], axis=1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape with one token more."""
        return (input_shape[0], (input_shape[1] or 0) + 1, input_shape[2])


class PositionEmbedding(keras.layers.Layer):
    """A learned vector per position, added to the token at that position."""

    def build(self, input_shape: Shape) -> None:
        """Create one vector per token."""
        normal = keras.initializers.TruncatedNormal(stddev=0.02)
        shape = (1, *input_shape[1:])
        self.positions = self.add_weight(name="positions", shape=shape, initializer=normal)

    def call(self, tokens: jax.Array) -> jax.Array:
        """Take ``[n, tokens, dim]`` to the same shape."""
        return tokens + jnp.asarray(self.positions, tokens.dtype)


class FirstToken(keras.layers.Layer):
    """The first token of all, which is the class token."""

    def call(self, tokens: jax.Array) -> jax.Array:
        """Take ``[n, tokens, dim]`` to ``[n, 1, dim]``."""
        return tokens[:, :1]


class ReluAttention(keras.layers.Layer):
    """Self-attention with weights ``relu(scores) / tokens`` instead of softmax."""

    def __init__(self, heads: int, **options: Any) -> None:
        super().__init__(**options)
        self.heads = heads

    def build(self, input_shape: Shape) -> None:
        """Create the four projections, ``[dim, dim]`` each."""
        names = ("query", "key", "value", "output")
        self.projections = [Dense(input_shape[-1], name=name) for name in names]
        for projection in self.projections:
            projection.build(input_shape)
        self.built = True

    def call(self, tokens: jax.Array) -> jax.Array:
        """Take ``[n, tokens, dim]`` to the same shape."""
        count, dim = tokens.shape[1:]
        query, key, value = (self._split(project(tokens)) for project in self.projections[:3])
        scores = jnp.matmul(query, jnp.swapaxes(key, 2, 3)) * (dim // self.heads) ** -0.5
        mixed = jnp.swapaxes(jnp.matmul(jax.nn.relu(scores) / count, value), 1, 2)
        return self.projections[3](jnp.reshape(mixed, (-1, count, dim)))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the input."""
        return input_shape

    def _split(self, tokens: jax.Array) -> jax.Array:
        count, dim = tokens.shape[1:]
        heads = jnp.reshape(tokens, (-1, count, self.heads, dim // self.heads))
        return jnp.swapaxes(heads, 1, 2)
