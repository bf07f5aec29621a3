"""The tiny models of ``ops/``: one operator or one pattern each, with what is known of it by hand.

Constants are drawn with fixed seeds. ``OpModel`` names the operators that must come out, in their
order, and the multiply-accumulates that they cost; ``make_ops.py`` does not write another model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from tflconv.core.tensorflow import tf

Kind = Literal["float32", "int8", "dynamic_range", "float16"]
PICTURE = (1, 6, 6, 2)
ROW = (1, 8)
TOKENS = (1, 4, 6)


@dataclass(frozen=True, kw_only=True)
class OpModel:
    """A function of inputs with these shapes, and what the converter makes of it.

    ``positive``: it is fed with numbers above 0 only.
    """

    function: Callable[..., Any]
    ops: tuple[str, ...]
    inputs: tuple[tuple[int, ...], ...] = (PICTURE,)
    macs: int = 0
    kind: Kind = "float32"
    positive: bool = False


def drawn(*shape: int, seed: int = 0) -> Any:
    """Normal numbers, the same every time."""
    return tf.constant(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def conv(x: Any, size: int = 3, **options: Any) -> Any:
    """Two channels to three."""
    settings = {"strides": 1, "padding": "VALID", **options}
    return tf.nn.bias_add(tf.nn.conv2d(x, drawn(size, size, 2, 3), **settings), drawn(3, seed=1))


def depthwise(x: Any, multiplier: int = 1, stride: int = 1, padding: str = "VALID") -> Any:
    """Windows of 3 x 3 over two channels."""
    kernel = drawn(3, 3, 2, multiplier)
    value = tf.nn.depthwise_conv2d(x, kernel, (1, stride, stride, 1), padding)
    return tf.nn.bias_add(value, drawn(2 * multiplier, seed=1))


def dense(x: Any, outputs: int = 4, seed: int = 0) -> Any:
    """A product and a bias over the last axis."""
    return tf.matmul(x, drawn(x.shape[-1], outputs, seed=seed)) + drawn(outputs, seed=seed + 1)


def shared(x: Any) -> Any:
    """The same weights twice: the file holds them once."""
    kernel = drawn(8, 8)
    return tf.matmul(tf.nn.relu(tf.matmul(x, kernel)), kernel)


def transposed_conv(x: Any) -> Any:
    """Every pixel spread over 2 x 2."""
    return tf.nn.conv2d_transpose(x, drawn(2, 2, 3, 2), (1, 12, 12, 3), 2)


def batch_norm(x: Any) -> Any:
    """A convolution without bias, scaled and shifted: one operator."""
    return tf.nn.conv2d(x, drawn(3, 3, 2, 3), 1, "VALID") * drawn(3, seed=1) + drawn(3, seed=2)


def layer_norm(x: Any) -> Any:
    """As it comes from Keras, over the last axis."""
    mean = tf.reduce_mean(x, -1, keepdims=True)
    variance = tf.reduce_mean(tf.math.squared_difference(x, mean), -1, keepdims=True)
    normal = (x - mean) * tf.math.rsqrt(variance + 1e-3)
    return normal * drawn(x.shape[-1]) + drawn(x.shape[-1], seed=1)


def rms_norm(x: Any) -> Any:
    """LayerNorm without its mean."""
    return x * tf.math.rsqrt(tf.reduce_mean(x * x, -1, keepdims=True) + 1e-3)


def attention(x: Any) -> Any:
    """One head of three channels."""
    query, key, value = (dense(x, 3, seed=10 * part) for part in range(3))
    shares = tf.nn.softmax(tf.matmul(query * 3**-0.5, key, transpose_b=True))
    return dense(tf.matmul(shares, value), 6, seed=40)


def mlp(x: Any) -> Any:
    """Two layers with GELU between, around which the tokens pass."""
    return x + dense(tf.nn.gelu(dense(x, 8)), 6, seed=2)


def residual(x: Any) -> Any:
    """A convolution that is added to what it reads."""
    inner = tf.nn.conv2d(x, drawn(3, 3, 2, 2), 1, "SAME") + drawn(2, seed=1)
    return tf.nn.relu(x + inner)


def gate(x: Any) -> Any:
    """Squeeze and excitation: every channel weighed by a mean of all."""
    mean = tf.reduce_mean(x, (1, 2), keepdims=True)
    share = tf.nn.sigmoid(tf.nn.conv2d(mean, drawn(1, 1, 2, 2), 1, "VALID"))
    return x * share


def prelu(x: Any) -> Any:
    """As Keras writes it; the converter knows the pattern."""
    return tf.nn.relu(x) + -drawn(1, 1, 2) * tf.nn.relu(-x)


def pool(function: Any, **options: Any) -> Callable[[Any], Any]:
    """Windows of 2 x 2 side by side, unless ``options`` say otherwise."""
    settings = {"ksize": 2, "strides": 2, "padding": "VALID", **options}
    return lambda x: function(x, **settings)


def hard_swish(x: Any) -> Any:
    """The pattern of MobileNetV3."""
    return x * tf.nn.relu6(x + 3.0) * (1 / 6)


LAYER_NORM = (
    "MEAN", "SQUARED_DIFFERENCE", "MEAN", "ADD", "RSQRT", "SUB", "MUL", "MUL", "ADD",
)  # fmt: skip
ATTENTION = (
    "FULLY_CONNECTED", "FULLY_CONNECTED", "BATCH_MATMUL", "SOFTMAX", "FULLY_CONNECTED",
    "BATCH_MATMUL", "FULLY_CONNECTED",
)  # fmt: skip
ROWS, TOKEN_ROWS = (ROW,), (TOKENS,)
PAIR = (PICTURE, PICTURE)

FLOAT = {
    "conv_valid": OpModel(function=conv, ops=("CONV_2D",), macs=16 * 3 * 18),
    "conv_same": OpModel(
        function=lambda x: conv(x, padding="SAME"), ops=("CONV_2D",), macs=36 * 3 * 18
    ),
    "conv_stride_2": OpModel(
        function=lambda x: conv(x, strides=2, padding="SAME"), ops=("CONV_2D",), macs=9 * 3 * 18
    ),
    "conv_dilation_2": OpModel(
        function=lambda x: conv(x, dilations=2), ops=("CONV_2D",), macs=4 * 3 * 18
    ),
    "conv_1x1": OpModel(function=lambda x: conv(x, 1), ops=("CONV_2D",), macs=36 * 3 * 2),
    "conv_relu": OpModel(
        function=lambda x: tf.nn.relu(conv(x)), ops=("CONV_2D",), macs=16 * 3 * 18
    ),
    "conv_relu6": OpModel(
        function=lambda x: tf.nn.relu6(conv(x)), ops=("CONV_2D",), macs=16 * 3 * 18
    ),
    "conv_batch_norm": OpModel(function=batch_norm, ops=("CONV_2D",), macs=16 * 3 * 18),
    "depthwise_valid": OpModel(function=depthwise, ops=("DEPTHWISE_CONV_2D",), macs=16 * 2 * 9),
    "depthwise_stride_2": OpModel(
        function=lambda x: depthwise(x, stride=2, padding="SAME"),
        ops=("DEPTHWISE_CONV_2D",),
        macs=9 * 2 * 9,
    ),
    "depthwise_multiplier_2": OpModel(
        function=lambda x: depthwise(x, 2), ops=("DEPTHWISE_CONV_2D",), macs=16 * 4 * 9
    ),
    "transpose_conv": OpModel(
        function=transposed_conv, ops=("TRANSPOSE_CONV",), macs=36 * 2 * 2 * 2 * 3
    ),
    "dense": OpModel(function=dense, ops=("FULLY_CONNECTED",), inputs=ROWS, macs=32),
    "dense_without_bias": OpModel(
        function=lambda x: tf.matmul(x, drawn(8, 4)),
        ops=("FULLY_CONNECTED",),
        inputs=ROWS,
        macs=32,
    ),
    "dense_relu": OpModel(
        function=lambda x: tf.nn.relu(dense(x)), ops=("FULLY_CONNECTED",), inputs=ROWS, macs=32
    ),
    "dense_shared": OpModel(
        function=shared, ops=("FULLY_CONNECTED", "FULLY_CONNECTED"), inputs=ROWS, macs=128
    ),
    "add": OpModel(function=tf.add, ops=("ADD",), inputs=PAIR),
    "add_relu": OpModel(function=lambda x, y: tf.nn.relu(x + y), ops=("ADD",), inputs=PAIR),
    "add_broadcast": OpModel(function=lambda x: x + drawn(2), ops=("ADD",)),
    "sub": OpModel(function=tf.subtract, ops=("SUB",), inputs=PAIR),
    "mul": OpModel(function=tf.multiply, ops=("MUL",), inputs=PAIR),
    "mul_broadcast": OpModel(function=lambda x: x * drawn(6, 1, 2), ops=("MUL",)),
    "squared_difference": OpModel(
        function=tf.math.squared_difference, ops=("SQUARED_DIFFERENCE",), inputs=PAIR
    ),
    "rsqrt": OpModel(function=tf.math.rsqrt, ops=("RSQRT",), positive=True),
    "softmax": OpModel(function=tf.nn.softmax, ops=("SOFTMAX",), inputs=ROWS),
    "mean": OpModel(function=lambda x: tf.reduce_mean(x, (1, 2)), ops=("MEAN",)),
    "mean_kept": OpModel(
        function=lambda x: tf.reduce_mean(x, (1, 2), keepdims=True), ops=("MEAN",)
    ),
    "average_pool": OpModel(function=pool(tf.nn.avg_pool2d), ops=("AVERAGE_POOL_2D",)),
    "average_pool_same": OpModel(
        function=pool(tf.nn.avg_pool2d, ksize=3, strides=1, padding="SAME"),
        ops=("AVERAGE_POOL_2D",),
    ),
    "max_pool": OpModel(function=pool(tf.nn.max_pool2d), ops=("MAX_POOL_2D",)),
    "pad": OpModel(function=lambda x: tf.pad(x, ((0, 0), (1, 0), (0, 2), (0, 0))), ops=("PAD",)),
    "concat": OpModel(
        function=lambda x, y: tf.concat([x, y], -1), ops=("CONCATENATION",), inputs=PAIR
    ),
    "reshape": OpModel(function=lambda x: tf.reshape(x, (1, 9, 8)), ops=("RESHAPE",)),
    "transpose": OpModel(function=lambda x: tf.transpose(x, (0, 3, 1, 2)), ops=("TRANSPOSE",)),
    "batch_matmul": OpModel(
        function=tf.matmul, ops=("BATCH_MATMUL",), inputs=((1, 4, 6), (1, 6, 3)), macs=4 * 6 * 3
    ),
    "batch_matmul_transposed": OpModel(
        function=lambda x, y: tf.matmul(x, y, transpose_b=True),
        ops=("BATCH_MATMUL",),
        inputs=((1, 4, 6), (1, 3, 6)),
        macs=4 * 6 * 3,
    ),
    "relu": OpModel(function=tf.nn.relu, ops=("RELU",)),
    "relu6": OpModel(function=tf.nn.relu6, ops=("RELU6",)),
    "leaky_relu": OpModel(function=tf.nn.leaky_relu, ops=("LEAKY_RELU",)),
    "prelu": OpModel(function=prelu, ops=("PRELU",)),
    "elu": OpModel(function=tf.nn.elu, ops=("ELU",)),
    "hard_swish": OpModel(function=hard_swish, ops=("HARD_SWISH",)),
    "gelu": OpModel(function=tf.nn.gelu, ops=("GELU",)),
    "gelu_tanh": OpModel(function=lambda x: tf.nn.gelu(x, approximate=True), ops=("GELU",)),
    "swish": OpModel(function=tf.nn.silu, ops=("LOGISTIC", "MUL")),
    "tanh": OpModel(function=tf.nn.tanh, ops=("TANH",)),
    "logistic": OpModel(function=tf.nn.sigmoid, ops=("LOGISTIC",)),
    "resize_bilinear": OpModel(
        function=lambda x: tf.image.resize(x, (9, 9)), ops=("RESIZE_BILINEAR",)
    ),
    "resize_nearest": OpModel(
        function=lambda x: tf.image.resize(x, (9, 9), "nearest"), ops=("RESIZE_NEAREST_NEIGHBOR",)
    ),
    "strided_slice": OpModel(function=lambda x: x[:, 1:5, ::2], ops=("STRIDED_SLICE",)),
    "strided_slice_dropping": OpModel(
        function=lambda x: x[:, 0], ops=("STRIDED_SLICE",), inputs=TOKEN_ROWS
    ),
    "slice": OpModel(function=lambda x: tf.slice(x, (0, 1, 1, 0), (1, 4, 4, 1)), ops=("SLICE",)),
    "split": OpModel(function=lambda x: tf.split(x, 2, 1), ops=("SPLIT",)),
    "space_to_depth": OpModel(
        function=lambda x: tf.nn.space_to_depth(x, 2), ops=("SPACE_TO_DEPTH",)
    ),
    "layer_norm": OpModel(
        function=layer_norm,
        ops=LAYER_NORM,
        inputs=TOKEN_ROWS,
    ),
    "rms_norm": OpModel(
        function=rms_norm, ops=("MUL", "MEAN", "ADD", "RSQRT", "MUL"), inputs=TOKEN_ROWS
    ),
    "attention": OpModel(
        function=attention,
        ops=ATTENTION,
        inputs=TOKEN_ROWS,
        macs=3 * 4 * 6 * 3 + 2 * 4 * 4 * 3 + 4 * 3 * 6,
    ),
    "mlp": OpModel(
        function=mlp,
        ops=("FULLY_CONNECTED", "GELU", "FULLY_CONNECTED", "ADD"),
        inputs=TOKEN_ROWS,
        macs=2 * 4 * 6 * 8,
    ),
    "residual": OpModel(function=residual, ops=("CONV_2D", "ADD"), macs=36 * 2 * 18),
    "squeeze_excite": OpModel(function=gate, ops=("MEAN", "CONV_2D", "LOGISTIC", "MUL"), macs=4),
    "class_token": OpModel(
        function=lambda x: tf.concat([drawn(1, 1, 6), x], 1),
        ops=("CONCATENATION",),
        inputs=TOKEN_ROWS,
    ),
}

INTEGERS = (
    "conv_same", "conv_relu6", "depthwise_valid", "dense", "add", "sub", "mul", "softmax", "mean",
    "average_pool", "max_pool", "concat", "batch_matmul", "leaky_relu", "hard_swish", "gelu",
    "tanh", "logistic", "transpose", "strided_slice", "residual", "squared_difference",
)  # fmt: skip


def half(name: str) -> OpModel:
    """The model with float16 weights and bias, which are unpacked before they are used."""
    model = FLOAT[name]
    return replace(model, kind="float16", ops=("DEQUANTIZE", "DEQUANTIZE", *model.ops))


MODELS = {
    **FLOAT,
    **{f"{name}_int8": replace(FLOAT[name], kind="int8") for name in INTEGERS},
    **{f"{name}_float16": half(name) for name in ("conv_valid", "depthwise_valid", "dense")},
    # Just as many weights as the converter rounds without samples: 1024.
    "dense_dynamic_range": OpModel(
        function=lambda x: dense(x, 32),
        ops=("FULLY_CONNECTED",),
        inputs=((1, 32),),
        macs=1024,
        kind="dynamic_range",
    ),
    "conv_dynamic_range": OpModel(
        function=lambda x: tf.nn.conv2d(x, drawn(1, 1, 32, 32), 1, "VALID") + drawn(32, seed=1),
        ops=("CONV_2D",),
        inputs=((1, 2, 1, 32),),
        macs=2 * 1024,
        kind="dynamic_range",
    ),
}
