"""A use of each operator that no node of a network describes, and unusual uses of others.

Each is a function of pictures ``[1, 6, 6, CHANNELS]``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tflconv.core.tensorflow import tf

CHANNELS = 16


def drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, shape[0] ** -0.5, shape).astype(np.float32)


OPERATORS: dict[str, Callable[[Any], Any]] = {
    "abs": tf.abs,
    "cos": tf.cos,
    "elu": tf.nn.elu,
    "exp": tf.exp,
    "floor": tf.floor,
    "leaky": lambda x: tf.nn.leaky_relu(x, 0.1),
    "log softmax": tf.nn.log_softmax,
    "sine": tf.sin,
    "negative": tf.negative,
    "square": tf.square,
    "maximum": lambda x: tf.maximum(x, drawn(CHANNELS)),
    "prelu": lambda x: tf.nn.relu(x) - 0.3 * tf.nn.relu(-x),
    "log": lambda x: tf.math.log(tf.abs(x) + 1),
    "root": lambda x: tf.sqrt(tf.abs(x)),
    "power": lambda x: tf.pow(tf.abs(x) + 0.1, 1.5),
    "quotient": lambda x: 2.0 / (tf.abs(x) + 1),
    "difference": lambda x: 1.0 - x,
    "own quotient": lambda x: x / (tf.abs(x) + 1),
    "largest": lambda x: tf.reduce_max(x, -1, keepdims=True) + x,
    "sum": lambda x: tf.reduce_sum(x, 2),
    "middle": lambda x: tf.reduce_mean(x, (1, 2)),
    "smallest": lambda x: tf.reduce_min(x, 1),
    "mirror": lambda x: tf.pad(x, ((0, 0), (1, 1), (2, 0), (0, 0)), "REFLECT"),
    "padded": lambda x: tf.pad(x, ((0, 0), (1, 0), (0, 2), (0, 1))),
    "padded by ones": lambda x: tf.pad(x, ((0, 0), (1, 0), (0, 2), (0, 0)), constant_values=1.0),
    "depth": lambda x: tf.nn.space_to_depth(x, 2),
    "space": lambda x: tf.nn.depth_to_space(x, 2),
    "bilinear": lambda x: tf.image.resize(x, (9, 7)),
    "nearest": lambda x: tf.image.resize(x, (9, 7), "nearest"),
    "upwards": lambda x: tf.nn.conv2d_transpose(x, drawn(3, 3, 5, CHANNELS), (1, 12, 12, 5), 2),
    "grouped": lambda x: tf.nn.conv2d(x, drawn(3, 3, 4, 8), 1, "VALID"),
    "dilated": lambda x: tf.nn.conv2d(x, drawn(3, 3, CHANNELS, 8), 1, "SAME", dilations=2),
    "strided": lambda x: x[:, ::2, 1:, 3:],
    "reversed": lambda x: x[:, :, :, ::-1],
    "one row": lambda x: x[:, 2],
    "tiled": lambda x: tf.tile(x, (1, 1, 2, 1)),
    "gathered": lambda x: tf.gather(x, [3, 1, 1], axis=2),
    "turned": lambda x: tf.transpose(x, (0, 3, 1, 2)),
    "stacked": lambda x: tf.stack([x, tf.exp(x)], 2),
    "cut": lambda x: tf.split(x, 4, 3)[1] + tf.split(x, [4, 5, 7], 3)[0],
    "apart": lambda x: tf.unstack(x, axis=1)[4],
    "joined": lambda x: tf.concat([x, 2 * x], 1),
    "joined with numbers": lambda x: tf.concat([x, drawn(1, 6, 6, 2)], 3),
    "product": lambda x: tf.matmul(x, x, transpose_b=True),
    "other product": lambda x: tf.matmul(x, x, transpose_a=True),
    "rows": lambda x: tf.reshape(x, (36, CHANNELS)) @ drawn(CHANNELS, 8),
    "softmax": lambda x: tf.nn.softmax(2 * x),
    "across": lambda x: tf.reshape(x, (6, 6, CHANNELS)) + x,
    "clip": lambda x: tf.clip_by_value(x, -1.0, 1.0),
    "largest pool": lambda x: tf.nn.max_pool2d(x, 3, 2, "SAME"),
    "pool": lambda x: tf.nn.avg_pool2d(x, 2, 2, "VALID"),
}
