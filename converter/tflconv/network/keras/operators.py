"""Compute single operators of a ``.tflite`` file with TensorFlow, which lowers them to the same.

(https://ai.google.dev/edge/litert/conversion/tensorflow/operation.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from tflconv.core.tensorflow import tf
from tflconv.core.typing import Tensor
from tflconv.network.nodes import CannotRewrite, Node
from tflconv.tflite.contents import Operator

_Run = Callable[[Operator, Sequence[Tensor]], "Tensor | list[Tensor]"]


def knows(name: str) -> bool:
    """Whether operators called ``name`` can be computed."""
    return name in _RUNNERS


def run(node: Node, inputs: Sequence[Tensor]) -> Tensor:
    """Return the output of ``node``, of kind ``operator``, for a batch of 1.

    Raises:
        CannotRewrite: It is not known here how to compute the operator.
    """
    operator: Operator = node.options["operator"]
    if not knows(operator.name):
        raise CannotRewrite(f"{operator.name} cannot be rewritten.")
    shapes, varying = node.options["shapes"], iter(inputs)
    given = iter(tf.reshape(value, shape) for value, shape in zip(varying, shapes, strict=True))
    constants = node.options["constants"]
    arguments = [
        tf.constant(constants[place]) if place in constants else next(given)
        for place in range(len(operator.inputs))
        if operator.inputs[place] >= 0
    ]
    results = _RUNNERS[operator.name](operator, arguments)
    chosen = results[node.options["place"]] if isinstance(results, list) else results
    return tf.reshape(chosen, (1, *node.options["shape"]))


def _number(operator: Operator, option: str) -> int:
    return int(cast(int, operator.options.get(option) or 0))


def _real(operator: Operator, option: str) -> float:
    return float(cast(float, operator.options.get(option) or 0.0))


def _plain(function: Callable[..., Tensor]) -> _Run:
    return lambda _, inputs: function(*inputs)


def _reduced(function: Callable[..., Tensor]) -> _Run:
    return lambda operator, inputs: function(
        inputs[0], inputs[1], keepdims=bool(operator.options.get("keepDims"))
    )


def _padding(operator: Operator) -> str:
    return ("SAME", "VALID")[_number(operator, "padding")]


def _strides(operator: Operator) -> tuple[int, int]:
    return _number(operator, "strideH"), _number(operator, "strideW")


def _conv(operator: Operator, inputs: Sequence[Tensor]) -> Tensor:
    dilations = _number(operator, "dilationHFactor"), _number(operator, "dilationWFactor")
    kernel = tf.transpose(inputs[1], (1, 2, 3, 0))
    value = tf.nn.conv2d(
        inputs[0], kernel, _strides(operator), _padding(operator), dilations=dilations
    )
    return value + inputs[2] if len(inputs) > 2 else value


def _upwards(operator: Operator, inputs: Sequence[Tensor]) -> Tensor:
    kernel = tf.transpose(inputs[1], (1, 2, 0, 3))
    value: Tensor = tf.nn.conv2d_transpose(
        inputs[2], kernel, inputs[0], _strides(operator), _padding(operator)
    )
    return value + inputs[3] if len(inputs) > 3 else value


def _product(operator: Operator, inputs: Sequence[Tensor]) -> Tensor:
    left, right = bool(operator.options.get("adjX")), bool(operator.options.get("adjY"))
    return tf.matmul(inputs[0], inputs[1], transpose_a=left, transpose_b=right)


def _layer(_: Operator, inputs: Sequence[Tensor]) -> Tensor:
    flat = tf.reshape(inputs[0], (-1, inputs[1].shape[-1]))
    value = tf.matmul(flat, inputs[1], transpose_b=True)
    return value + inputs[2] if len(inputs) > 2 else value


def _padded(_: Operator, inputs: Sequence[Tensor]) -> Tensor:
    value = inputs[2] if len(inputs) > 2 else 0
    return tf.pad(inputs[0], inputs[1], constant_values=value)


def _strided(operator: Operator, inputs: Sequence[Tensor]) -> Tensor:
    masks = {
        f"{key}_mask": _number(operator, f"{option}Mask")
        for key, option in (
            ("begin", "begin"), ("end", "end"), ("ellipsis", "ellipsis"),
            ("new_axis", "newAxis"), ("shrink_axis", "shrinkAxis"),
        )
    }  # fmt: skip
    value: Tensor = tf.strided_slice(*inputs, **masks)
    return value


def _resized(method: str) -> _Run:
    def resize(operator: Operator, inputs: Sequence[Tensor]) -> Tensor:
        raw = {"bilinear": tf.raw_ops.ResizeBilinear, "nearest": tf.raw_ops.ResizeNearestNeighbor}
        value: Tensor = raw[method](
            images=inputs[0],
            size=inputs[1],
            align_corners=bool(operator.options.get("alignCorners")),
            half_pixel_centers=bool(operator.options.get("halfPixelCenters")),
        )
        return value

    return resize


_RUNNERS: Mapping[str, _Run] = {
    "ABS": _plain(tf.abs),
    "ADD": _plain(tf.add),
    "ADD_N": lambda _, inputs: tf.add_n(list(inputs)),
    "BATCH_MATMUL": _product,
    "BROADCAST_TO": _plain(tf.broadcast_to),
    "CAST": lambda _, inputs: tf.cast(inputs[0], tf.float32),
    "CONCATENATION": lambda operator, inputs: tf.concat(list(inputs), _number(operator, "axis")),
    "CONV_2D": _conv,
    "COS": _plain(tf.cos),
    "DEPTH_TO_SPACE": lambda o, inputs: tf.nn.depth_to_space(inputs[0], _number(o, "blockSize")),
    "DIV": _plain(tf.divide),
    "ELU": _plain(tf.nn.elu),
    "EXP": _plain(tf.exp),
    "FLOOR": _plain(tf.floor),
    "FULLY_CONNECTED": _layer,
    "GATHER": lambda o, inputs: tf.gather(
        inputs[0], inputs[1], axis=_number(o, "axis"), batch_dims=_number(o, "batchDims")
    ),
    "LEAKY_RELU": lambda o, inputs: tf.nn.leaky_relu(inputs[0], _real(o, "alpha")),
    "LOG": _plain(tf.math.log),
    "LOG_SOFTMAX": _plain(tf.nn.log_softmax),
    "MAXIMUM": _plain(tf.maximum),
    "MEAN": _reduced(tf.reduce_mean),
    "MINIMUM": _plain(tf.minimum),
    "MIRROR_PAD": lambda o, inputs: tf.pad(
        inputs[0], inputs[1], ("REFLECT", "SYMMETRIC")[_number(o, "mode")]
    ),
    "MUL": _plain(tf.multiply),
    "NEG": _plain(tf.negative),
    "PACK": lambda operator, inputs: tf.stack(list(inputs), _number(operator, "axis")),
    "PAD": _padded,
    "PADV2": _padded,
    "POW": _plain(tf.pow),
    "PRELU": lambda _, inputs: tf.nn.relu(inputs[0]) - inputs[1] * tf.nn.relu(-inputs[0]),
    "REDUCE_MAX": _reduced(tf.reduce_max),
    "REDUCE_MIN": _reduced(tf.reduce_min),
    "RELU_N1_TO_1": lambda _, inputs: tf.clip_by_value(inputs[0], -1.0, 1.0),
    "RESIZE_BILINEAR": _resized("bilinear"),
    "RESIZE_NEAREST_NEIGHBOR": _resized("nearest"),
    "RSQRT": _plain(tf.math.rsqrt),
    "SIN": _plain(tf.sin),
    "SLICE": _plain(tf.slice),
    "SOFTMAX": lambda operator, inputs: tf.nn.softmax(inputs[0] * _real(operator, "beta")),
    "SPACE_TO_DEPTH": lambda o, inputs: tf.nn.space_to_depth(inputs[0], _number(o, "blockSize")),
    "SPLIT": lambda o, inputs: tf.split(inputs[1], _number(o, "numSplits"), inputs[0]),
    "SPLIT_V": lambda _, inputs: tf.split(inputs[0], inputs[1], inputs[2]),
    "SQRT": _plain(tf.sqrt),
    "SQUARE": _plain(tf.square),
    "SQUARED_DIFFERENCE": _plain(tf.math.squared_difference),
    "STRIDED_SLICE": _strided,
    "SUB": _plain(tf.subtract),
    "SUM": _reduced(tf.reduce_sum),
    "TILE": _plain(tf.tile),
    "TRANSPOSE": _plain(tf.transpose),
    "TRANSPOSE_CONV": _upwards,
    "UNPACK": lambda operator, inputs: tf.unstack(inputs[0], axis=_number(operator, "axis")),
}
