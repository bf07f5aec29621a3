"""Keep the ranges of sums and differences within what LiteRT's integer kernels can compute.

Where large operands cancel, as in a LayerNormalization over one value, the result has a range of
next to nothing. LiteRT's kernels end the whole process over a scale that is a million times smaller
than that of an operand. The result cannot be finer than a step of its operands, 1/255 of their
range, so that a range of ``LEAST`` of theirs loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ai_edge_litert import schema_py_generated as fb

from tflconv.conversion.calibration import TensorRanges
from tflconv.tflite import editing

LEAST = 1 / 4096
"""Smallest range of a result, as a share of the largest range of its operands."""

_POWERS = {"ADD": 1, "SUB": 1, "SQUARED_DIFFERENCE": 2}
"""The power of its operands that each result is of."""


def widened(model: fb.ModelT, ranges: TensorRanges) -> TensorRanges:
    """Return ``ranges`` in which every sum and difference has room.

    Args:
        model: A float model; its tensors have names.
        ranges: Ranges of its activations.
    """
    graph, named, wide = model.subgraphs[0], editing.float_activations(model), dict(ranges)
    for operator in graph.operators:
        result = named.get(int(operator.outputs[0]), "")
        power = _POWERS.get(editing.operator_name(model, operator))
        if power is not None and result in wide:
            operands = [int(index) for index in operator.inputs]
            least = LEAST * max(_widths(model, operands, named, wide), default=0.0) ** power
            ends = wide[result]
            if float(ends["max"].flat[0] - ends["min"].flat[0]) < least:
                wide[result] = ends | {"max": ends["min"] + np.float32(least)}
    return wide


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
            yield 2 * float(np.abs(editing.values(model, tensor, np.float32)).max(initial=0.0))
