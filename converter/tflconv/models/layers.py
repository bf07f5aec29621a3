"""The layers of our models: those of Keras 2, and five that it lacks.

The five are registered with Keras under ``tflconv``. Import this module before you open a saved
model with Keras alone.
"""

from __future__ import annotations

from tflconv.core.jsonvalue import JsonValue
from tflconv.core.tensorflow import keras2, tf
from tflconv.core.typing import Shape, Tensor

Activation = keras2.layers.Activation
Add = keras2.layers.Add
BatchNormalization = keras2.layers.BatchNormalization
Concatenate = keras2.layers.Concatenate
Conv2D = keras2.layers.Conv2D
Dense = keras2.layers.Dense
DepthwiseConv2D = keras2.layers.DepthwiseConv2D
Flatten = keras2.layers.Flatten
GlobalAveragePooling1D = keras2.layers.GlobalAveragePooling1D
GlobalAveragePooling2D = keras2.layers.GlobalAveragePooling2D
LayerNormalization = keras2.layers.LayerNormalization
MaxPooling2D = keras2.layers.MaxPooling2D
MultiHeadAttention = keras2.layers.MultiHeadAttention
ReLU = keras2.layers.ReLU
Reshape = keras2.layers.Reshape


@keras2.saving.register_keras_serializable("tflconv")
class ClassToken(keras2.layers.Layer):
    """A learned token in front of the others, as the class token of BERT (Devlin et al. 2018)."""

    def build(self, input_shape: Shape) -> None:
        """Create the token."""
        self.token = self.add_weight("token", (1, 1, input_shape[-1]), initializer="zeros")

    def call(self, tokens: Tensor) -> Tensor:
        """Take ``[n, tokens, dim]`` to ``[n, 1 + tokens, dim]``."""
        token = tf.tile(self.token, (tf.shape(tokens)[0], 1, 1))
        return tf.concat([token, tokens], axis=1)


@keras2.saving.register_keras_serializable("tflconv")
class PositionEmbedding(keras2.layers.Layer):
    """A learned vector per position, added to the token at that position."""

    def build(self, input_shape: Shape) -> None:
        """Create one vector per token."""
        normal = keras2.initializers.TruncatedNormal(stddev=0.02)
        self.positions = self.add_weight("positions", (1, *input_shape[1:]), initializer=normal)

    def call(self, tokens: Tensor) -> Tensor:
        """Take ``[n, tokens, dim]`` to the same shape."""
        return tokens + self.positions


@keras2.saving.register_keras_serializable("tflconv")
class FirstToken(keras2.layers.Layer):
    """The first token of all, which is the class token."""

    def call(self, tokens: Tensor) -> Tensor:
        """Take ``[n, tokens, dim]`` to ``[n, 1, dim]``."""
        return tokens[:, :1]


@keras2.saving.register_keras_serializable("tflconv")
class PatchDropout(keras2.layers.Layer):
    """Dropout of a random share of the patches in training; the ``first`` tokens always stay.

    It regularizes, and shortens a training step by nearly that share (Liu et al. 2022,
    "PatchDropout", https://arxiv.org/abs/2208.07220). At inference it does nothing. The seed is
    computed from the tokens, so an interrupted training resumes with the same draws.
    """

    def __init__(self, rate: float, first: int = 1, **options: object) -> None:
        super().__init__(**options)
        self.rate = rate
        self.first = first

    def call(self, tokens: Tensor, training: bool | None = None) -> Tensor:
        """Take ``[n, first + patches, dim]`` to ``[n, first + kept, dim]``, if in training."""
        if not training:
            return tokens
        first = self.first
        patches = tokens.shape[1] - first
        count = max(1, round(patches * (1 - self.rate)))
        seed = tf.bitcast(tf.reduce_sum(tokens), tf.int32)
        chance = tf.random.stateless_uniform((tf.shape(tokens)[0], patches), (seed, 0))
        chosen = first + tf.math.top_k(chance, count, sorted=False).indices
        patches_kept = tf.gather(tokens, chosen, axis=1, batch_dims=1)
        return tf.concat([tokens[:, :first], patches_kept], axis=1)

    def get_config(self) -> dict[str, JsonValue]:
        """Return the settings from which Keras builds this layer again."""
        return {**super().get_config(), "rate": self.rate, "first": self.first}


@keras2.saving.register_keras_serializable("tflconv")
class ReluAttention(keras2.layers.Layer):
    """Self-attention with weights ``relu(scores) / tokens`` instead of softmax.

    Wortsman et al. 2023, "Replacing softmax with ReLU in vision transformers".
    """

    def __init__(self, heads: int, **options: object) -> None:
        super().__init__(**options)
        self.heads = heads

    def build(self, input_shape: Shape) -> None:
        """Create the four projections, ``[dim, dim]`` each."""
        dim = input_shape[-1]
        self.query, self.key, self.value, self.output_projection = (
            Dense(dim, name=name) for name in ("query", "key", "value", "output")
        )
        for projection in (self.query, self.key, self.value, self.output_projection):
            projection.build(input_shape)

    def call(self, tokens: Tensor) -> Tensor:
        """Take ``[n, tokens, dim]`` to the same shape."""
        count, dim = tokens.shape[1:]
        query, key, value = (
            self._split(project(tokens)) for project in (self.query, self.key, self.value)
        )
        scores = tf.matmul(query, key, transpose_b=True) * (dim // self.heads) ** -0.5
        mixed = tf.transpose(tf.matmul(tf.nn.relu(scores) / count, value), (0, 2, 1, 3))
        projected: Tensor = self.output_projection(tf.reshape(mixed, (-1, count, dim)))
        return projected

    def _split(self, tokens: Tensor) -> Tensor:
        count, dim = tokens.shape[1:]
        heads = tf.reshape(tokens, (-1, count, self.heads, dim // self.heads))
        return tf.transpose(heads, (0, 2, 1, 3))

    def get_config(self) -> dict[str, JsonValue]:
        """Return the settings from which Keras builds this layer again."""
        return {**super().get_config(), "heads": self.heads}
