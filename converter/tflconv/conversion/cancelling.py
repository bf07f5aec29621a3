"""Keep the ranges of sums and products within what integer kernels can compute.

Where large operands cancel, as in a LayerNormalization over one value, the result has a range of
next to nothing. LiteRT's kernels end the whole process over a scale that is a million times smaller
than that of an operand. The result cannot be finer than a step of its operands, 1/255 of their
range, so that a range of ``LEAST`` of theirs loses nothing.

A layer whose ReLU never lets anything through has a range of nothing at all, and XNNPACK refuses
the whole file over a result in steps that are 256 times finer than the products of the operands'
steps: over a range below 1/65 000 of the product of both ranges. ``LEAST_OF_PRODUCT`` is twice
that, and no more: a normalization multiplies differences and factors that are never both large,
so that its results are small beside that product, and need all of their steps.

Of operands that have the step of their result, as those of CONCATENATION, a result of next to
nothing takes that room away, so it is as wide as the room of each.

What enters a layer only as zeros has no range, either, and in such steps a bias is beyond 32 bits.
What enters needs no finer steps than those in which the bias is told from 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from ai_edge_litert import schema_py_generated as fb

from tflconv.conversion.calibration import TensorRanges
from tflconv.conversion.extremes import Ends
from tflconv.tflite import biases, editing

LEAST = 1 / 4096
"""Smallest range of a sum, as a share of the largest range of its operands; of what enters a layer,
as a share of what would outweigh its bias."""

LEAST_OF_PRODUCT = 1 / 32768
"""Smallest range of a product, as a share of the product of its operands' ranges."""

_POWERS = {"ADD": 1, "SUB": 1, "SQUARED_DIFFERENCE": 2}
"""The power of its operands that each result is of."""

_CHOOSING = frozenset(
    {"CONCATENATION", "DYNAMIC_UPDATE_SLICE", "MAXIMUM", "MINIMUM", "PACK", "PAD", "PADV2",
     "SELECT", "SELECT_V2"}
)  # fmt: skip
"""Operators whose result is made of values of their operands, in one step for all."""

_PRODUCTS = {
    "BATCH_MATMUL": (0, 1), "CONV_2D": (0, 1), "DEPTHWISE_CONV_2D": (0, 1),
    "FULLY_CONNECTED": (0, 1), "MUL": (0, 1), "TRANSPOSE_CONV": (1, 2),
}  # fmt: skip
"""Which inputs each multiplies."""


def widened(model: fb.ModelT, ranges: TensorRanges) -> TensorRanges:
    """Return ``ranges`` in which every sum, difference and product has room.

    Args:
        model: A float model; its tensors have names.
        ranges: Ranges of its activations.
    """
    graph, named, wide = model.subgraphs[0], editing.float_activations(model), dict(ranges)
    rooms: dict[str, float] = {}
    for operator in graph.operators:
        kind = editing.operator_name(model, operator)
        result = named.get(int(operator.outputs[0]), "")
        entering = named.get(int(operator.inputs[0]), "") if len(operator.inputs) else ""
        rooms[result] = _least(model, operator, named, wide)
        if kind in _CHOOSING:  # all have one step, that of the result
            taken = [named.get(int(index), "") for index in operator.inputs]
            rooms[result] = max(rooms.get(name, 0.0) for name in taken)
        _give_room(wide, result, rooms[result])
        if kind in biases.WITH_BIAS:
            _give_room(wide, entering, LEAST * _share_of_bias(model, operator))
        if kind == "RELU" and result in wide and _is_positive(wide.get(entering)):
            wide[result] = wide[entering]  # it cuts nothing off, and can be left out
    return wide


def _is_positive(ends: Ends | None) -> bool:
    return ends is not None and float(ends["min"].flat[0]) >= 0


def _give_room(ranges: dict[str, Ends], name: str, least: float) -> None:
    """Let the range called ``name``, if there is one, be as wide as ``least``."""
    ends = ranges.get(name)
    if ends is not None and float(ends["max"].flat[0] - ends["min"].flat[0]) < least:
        ranges[name] = ends | {"max": ends["min"] + np.float32(least)}


def _share_of_bias(model: fb.ModelT, layer: fb.OperatorT) -> float:
    """What must enter ``layer`` to outweigh its bias; 0 where it has none or no weights."""
    tensors = model.subgraphs[0].tensors
    constants = [tensors[int(index)] for index in layer.inputs[1:3] if index >= 0]
    if len(constants) < 2 or not all(editing.has_values(model, each) for each in constants):
        return 0.0
    kernel, bias = (_largest(model, tensor) for tensor in constants)
    return bias / kernel if kernel else 0.0


def _largest(model: fb.ModelT, tensor: fb.TensorT) -> float:
    """The largest absolute value of a float constant; 0 of another one."""
    if tensor.type != fb.TensorType.FLOAT32:
        return 0.0
    return float(np.abs(editing.values(model, tensor, np.float32)).max(initial=0.0))


def _least(
    model: fb.ModelT, operator: fb.OperatorT, named: dict[int, str], ranges: TensorRanges
) -> float:
    """The smallest range of a result by the ranges of its operands; 0 for other operators."""
    kind = editing.operator_name(model, operator)
    if kind in _POWERS:
        operands = [int(index) for index in operator.inputs]
        return LEAST * max(_widths(model, operands, named, ranges), default=0.0) ** _POWERS[kind]
    if kind in _PRODUCTS:
        factors = [int(operator.inputs[place]) for place in _PRODUCTS[kind]]
        widths = list(_widths(model, factors, named, ranges))
        return LEAST_OF_PRODUCT * math.prod(widths) if len(widths) == len(factors) else 0.0
    return 0.0


def _widths(
    model: fb.ModelT, operands: list[int], named: dict[int, str], ranges: TensorRanges
) -> Iterator[float]:
    """How wide the ranges of operands are, 0 and constants included."""
    for index in operands:
        tensor = model.subgraphs[0].tensors[index]
        if index in named and named[index] in ranges:
            ends = ranges[named[index]]
            low, high = float(ends["min"].flat[0]), float(ends["max"].flat[0])
            yield max(high, 0.0) - min(low, 0.0)
        elif editing.has_values(model, tensor) and tensor.type == fb.TensorType.FLOAT32:
            yield 2 * _largest(model, tensor)
