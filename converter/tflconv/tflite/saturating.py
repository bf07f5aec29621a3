"""Let integers clip by themselves what a RELU, RELU6 and their like clip.

XNNPACK takes these in float only, and the built-in kernels of int8 take 43 instructions a value. A
QUANTIZE from one range of int8 to another takes one, in XNNPACK, and what lies outside of the range
saturates: at 0, where the smallest integer stands for it.
"""

from __future__ import annotations

import math
from types import MappingProxyType

from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite import biases, editing

_LIMITS = MappingProxyType({
    "RELU": (0.0, math.inf),
    "RELU6": (0.0, 6.0),
    "RELU_0_TO_1": (0.0, 1.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
})  # fmt: skip
_SLACK = 0.51
"""Steps that a range may reach beyond the limits: both ends of one around 0 are no whole steps."""

_RATIOS = (2**-8, 2**7)
"""Of the steps before and after, between which XNNPACK takes a QUANTIZE."""


def clip_by_range(model: fb.ModelT) -> None:
    """Replace each int8 operator that clips to limits within which its results' range lies.

    Args:
        model: A quantized model.
    """
    graph = model.subgraphs[0]
    for place, operator in enumerate(graph.operators):
        limits = _LIMITS.get(editing.operator_name(model, operator))
        if limits is None:
            continue
        source, target = int(operator.inputs[0]), int(operator.outputs[0])
        before, after = (_steps(graph.tensors[index]) for index in (source, target))
        if before is None or after is None:
            continue
        (scale, _), (step, zero_point) = before, after
        low, high = ((end - zero_point) * step for end in (-128, 127))
        within = limits[0] - _SLACK * step <= low and high <= limits[1] + _SLACK * step
        if within and _RATIOS[0] <= scale / step <= _RATIOS[1]:
            made = editing.operator(model, fb.BuiltinOperator.QUANTIZE, source, target)
            graph.operators[place] = made


def _steps(tensor: fb.TensorT) -> tuple[float, int] | None:
    """Scale and zero point of an int8 tensor."""
    quantization = tensor.quantization
    known = quantization is not None and quantization.scale is not None
    return biases.spelling(tensor) if known and tensor.type == fb.TensorType.INT8 else None
