"""Compute single operators of a ``.tflite`` file with NumPy, exactly and without a runtime.

What a group of operators computes says more about it than how it is written: a LayerNormalization
has a dozen spellings, and constants may be computed of other constants. So operators that only
calculate or move values can be tried here on a few numbers. Convolutions and products are not
among them. (https://ai.google.dev/edge/litert/conversion/tensorflow/operation; the operators behave
as their namesakes of TensorFlow.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tflconv.tflite.contents import Operator, TfliteTensor

Values = NDArray[Any]
Shape = tuple[int, ...]
_Function = Callable[..., Values]
_Mover = Callable[[Operator, Sequence[Values], Sequence[Shape]], Iterable[Values]]

_erf = np.frompyfunc(math.erf, 1, 1)


def _gelu(x: Values) -> Values:
    return np.asarray(x * (1 + np.asarray(_erf(x / math.sqrt(2)), np.float64)) / 2)


def _gelu_tanh(x: Values) -> Values:
    return np.asarray(x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2)


def _sigmoid(x: Values) -> Values:
    return np.asarray(1 / (1 + np.exp(-x)))


FUNCTIONS: Mapping[str, _Function] = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "silu": lambda x: x * _sigmoid(x),
    "hard_swish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
}
"""Activations of one number by their names in a ``Network``."""

ELEMENTWISE: Mapping[str, _Function] = {
    "ABS": np.abs,
    "ADD": np.add,
    "DIV": np.true_divide,
    "EXP": np.exp,
    "HARD_SWISH": FUNCTIONS["hard_swish"],
    "LOGISTIC": _sigmoid,
    "MAXIMUM": np.maximum,
    "MINIMUM": np.minimum,
    "MUL": np.multiply,
    "NEG": np.negative,
    "POW": np.power,
    "RELU": FUNCTIONS["relu"],
    "RELU6": FUNCTIONS["relu6"],
    "RELU_N1_TO_1": lambda x: np.clip(x, -1, 1),
    "RSQRT": lambda x: 1 / np.sqrt(x),
    "SQRT": np.sqrt,
    "SQUARE": np.square,
    "SQUARED_DIFFERENCE": lambda a, b: np.square(a - b),
    "SUB": np.subtract,
    "TANH": np.tanh,
}
"""Operators that compute each number of their output from one number of each input."""

REDUCING: Mapping[str, _Function] = {
    "MEAN": np.mean, "REDUCE_MAX": np.max, "REDUCE_MIN": np.min, "SUM": np.sum,
}  # fmt: skip
"""Operators that compute along the axes that their second input names."""


def constant(tensor: TfliteTensor) -> Values:
    """Return the values of a constant.

    Raises:
        ValueError: Its type has no counterpart in NumPy.
    """
    if tensor.dtype not in _STORED:
        raise ValueError(f"constants of {tensor.dtype} cannot be read")
    stored = np.dtype(tensor.dtype).newbyteorder("<")
    values = np.frombuffer(tensor.data, dtype=stored).reshape(tensor.shape)
    return np.asarray(values.astype(np.float32) if tensor.dtype == "float16" else values)


_STORED = ("bool", "float16", "float32", "float64", "int16", "int32", "int64", "int8", "uint8")


def knows(operator: Operator) -> bool:
    """Whether ``compute`` can compute ``operator``."""
    return operator.name in ELEMENTWISE or operator.name in REDUCING or operator.name in MOVING


def moves(operator: Operator) -> bool:
    """Whether ``operator`` only moves, repeats or leaves out values."""
    return operator.name in MOVING


def compute(
    operator: Operator, inputs: Sequence[Values], shapes: Sequence[Shape]
) -> tuple[Values, ...]:
    """Return the outputs of ``operator``.

    Args:
        operator: One that this module ``knows``.
        inputs: Values of its inputs.
        shapes: Shapes of its outputs.
    """
    if operator.name in ELEMENTWISE:
        return (np.asarray(ELEMENTWISE[operator.name](*inputs)),)
    if operator.name in REDUCING:
        axes = tuple(int(axis) for axis in np.ravel(inputs[1]))
        keep = bool(operator.options.get("keepDims"))
        reduced = REDUCING[operator.name](inputs[0], axis=axes, keepdims=keep)
        return (np.asarray(reduced),)
    return tuple(MOVING[operator.name](operator, inputs, shapes))


def _number(operator: Operator, option: str) -> int:
    return int(cast(int, operator.options.get(option) or 0))


def _reshaped(_: Operator, inputs: Sequence[Values], shapes: Sequence[Shape]) -> list[Values]:
    return [inputs[0].reshape(shapes[0])]


def _transposed(_: Operator, inputs: Sequence[Values], __: Sequence[Shape]) -> list[Values]:
    return [np.transpose(inputs[0], [int(axis) for axis in inputs[1]])]


def _sliced(_: Operator, inputs: Sequence[Values], shapes: Sequence[Shape]) -> list[Values]:
    begins = [int(begin) for begin in inputs[1]]
    window = (slice(begin, begin + side) for begin, side in zip(begins, shapes[0], strict=True))
    return [inputs[0][tuple(window)]]


def _strided(operator: Operator, inputs: Sequence[Values], _: Sequence[Shape]) -> list[Values]:
    masks = {key: _number(operator, f"{key}Mask") for key in _MASKS}
    index: list[slice | int | None] = []
    for place, (begin, end, step) in enumerate(zip(*inputs[1:4], strict=True)):
        marked = {key for key, mask in masks.items() if mask >> place & 1}
        if marked & {"ellipsis", "newAxis"}:
            raise ValueError("STRIDED_SLICE with new axes")
        if "shrinkAxis" in marked:
            index.append(int(begin))
        else:
            first = None if "begin" in marked else int(begin)
            last = None if "end" in marked else int(end)
            index.append(slice(first, last, int(step)))
    return [np.asarray(inputs[0][tuple(index)])]


_MASKS = ("begin", "end", "ellipsis", "newAxis", "shrinkAxis")


def _split(_: Operator, inputs: Sequence[Values], shapes: Sequence[Shape]) -> list[Values]:
    axis, value = int(inputs[0]), inputs[1]
    return _cut(value, axis, shapes)


def _split_by_sizes(_: Operator, inputs: Sequence[Values], shapes: Sequence[Shape]) -> list[Values]:
    return _cut(inputs[0], int(inputs[2]), shapes)


def _cut(value: Values, axis: int, shapes: Sequence[Shape]) -> list[Values]:
    ends = np.cumsum([shape[axis] for shape in shapes])[:-1]
    return np.split(value, ends, axis)


def _unpacked(operator: Operator, inputs: Sequence[Values], _: Sequence[Shape]) -> list[Values]:
    return list(np.moveaxis(inputs[0], _number(operator, "axis"), 0))


def _packed(operator: Operator, inputs: Sequence[Values], _: Sequence[Shape]) -> list[Values]:
    return [np.stack(inputs, _number(operator, "axis"))]


def _joined(operator: Operator, inputs: Sequence[Values], _: Sequence[Shape]) -> list[Values]:
    return [np.concatenate(inputs, _number(operator, "axis"))]


def _gathered(operator: Operator, inputs: Sequence[Values], _: Sequence[Shape]) -> list[Values]:
    if _number(operator, "batchDims"):
        raise ValueError("GATHER in batches")
    return [np.take(inputs[0], inputs[1].astype(np.int64), _number(operator, "axis"))]


def _broadcast(_: Operator, inputs: Sequence[Values], shapes: Sequence[Shape]) -> list[Values]:
    return [np.broadcast_to(inputs[0], shapes[0])]


def _filled(_: Operator, inputs: Sequence[Values], shapes: Sequence[Shape]) -> list[Values]:
    return [np.broadcast_to(inputs[1], shapes[0])]


def _tiled(_: Operator, inputs: Sequence[Values], __: Sequence[Shape]) -> list[Values]:
    return [np.tile(inputs[0], [int(times) for times in inputs[1]])]


def _shape(_: Operator, inputs: Sequence[Values], __: Sequence[Shape]) -> list[Values]:
    return [np.asarray(inputs[0].shape, np.int32)]


def _same(_: Operator, inputs: Sequence[Values], __: Sequence[Shape]) -> list[Values]:
    return [inputs[0]]


MOVING: Mapping[str, _Mover] = {
    "BROADCAST_TO": _broadcast,
    "CAST": _same,
    "CONCATENATION": _joined,
    "DEQUANTIZE": _same,
    "EXPAND_DIMS": _reshaped,
    "FILL": _filled,
    "GATHER": _gathered,
    "PACK": _packed,
    "RESHAPE": _reshaped,
    "SHAPE": _shape,
    "SLICE": _sliced,
    "SPLIT": _split,
    "SPLIT_V": _split_by_sizes,
    "SQUEEZE": _reshaped,
    "STRIDED_SLICE": _strided,
    "TILE": _tiled,
    "TRANSPOSE": _transposed,
    "UNPACK": _unpacked,
}
"""Operators that only move, repeat, leave out or count values."""
