"""Give a model that computes partly in float inputs and outputs of 8-bit integers.

An end that is only converted to or from integers is left out, and those integers take its place, so
that nothing is rounded twice. Any other gets a conversion of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite import editing
from tflconv.tflite.ends import replace_input, replace_output, stands_for_numbers, use_uint8

Range = tuple[float, float]
"""Smallest and largest value."""

_LOWEST, _STEPS = {fb.TensorType.INT8: -128, fb.TensorType.UINT8: 0}, 255
_QUANTIZE, _DEQUANTIZE = fb.BuiltinOperator.QUANTIZE, fb.BuiltinOperator.DEQUANTIZE


def use_integers(
    model: fb.ModelT,
    ranges: Sequence[Range | None],
    results: Sequence[Range | None],
    *,
    unsigned: bool,
) -> list[str]:
    """Give a model with float inputs and outputs int8 or uint8 ones.

    Args:
        model: The model.
        ranges: Range of each input; None where it is not known.
        results: Those of the outputs.
        unsigned: Whether they become uint8.

    Returns:
        Names of the float inputs and outputs that stay so, because they have no range.
    """
    inputs, outputs = editing.input_names(model), editing.output_names(model)
    kind = fb.TensorType.UINT8 if unsigned else fb.TensorType.INT8
    left = [
        *(inputs[i] for i, each in enumerate(ranges) if not _takes(model, i, each, kind)),
        *(outputs[i] for i, each in enumerate(results) if not _gives(model, i, each, kind)),
    ]
    if unsigned:
        use_uint8(model)
    return left


def _takes(model: fb.ModelT, place: int, limits: Range | None, kind: int) -> bool:
    graph = model.subgraphs[0]
    outer = int(graph.inputs[place])
    if graph.tensors[outer].type != fb.TensorType.FLOAT32:
        return True
    inner = _without_quantize(model, outer)
    if inner is None and limits is not None:
        inner = _integer_twin(graph, outer, limits, kind)
        graph.operators.insert(0, editing.operator(model, _DEQUANTIZE, inner, outer))
    if inner is not None:
        replace_input(model, place, inner)
    return inner is not None


def _gives(model: fb.ModelT, place: int, limits: Range | None, kind: int) -> bool:
    graph = model.subgraphs[0]
    outer = int(graph.outputs[place])
    if graph.tensors[outer].type != fb.TensorType.FLOAT32:
        return True
    inner = _without_dequantize(model, outer)
    if inner is None and limits is not None:
        inner = _integer_twin(graph, outer, limits, kind)
        graph.operators.append(editing.operator(model, _QUANTIZE, outer, inner))
    if inner is not None:
        replace_output(model, outer, inner)
    return inner is not None


def _without_quantize(model: fb.ModelT, outer: int) -> int | None:
    """The int8 tensor that all readers of an input make of it, after they were removed."""
    graph = model.subgraphs[0]
    readers = [each for each in graph.operators if outer in map(int, each.inputs)]
    made = [int(each.outputs[0]) for each in readers]
    alike = {_scale_of(graph.tensors[index]) for index in made}
    only = {editing.operator_name(model, each) for each in readers} == {"QUANTIZE"}
    if not only or len(alike) != 1 or None in alike or {outer, *made} & set(_outputs(graph)):
        return None
    graph.operators = [each for each in graph.operators if each not in readers]
    for each in graph.operators:
        each.inputs = [made[0] if int(index) in made else int(index) for index in each.inputs]
    return made[0]


def _without_dequantize(model: fb.ModelT, outer: int) -> int | None:
    """The int8 tensor that an output is made of; what makes it goes if nothing else reads it."""
    graph = model.subgraphs[0]
    maker = next((each for each in graph.operators if outer in map(int, each.outputs)), None)
    if maker is None or editing.operator_name(model, maker) != "DEQUANTIZE":
        return None
    inner = int(maker.inputs[0])
    if _scale_of(graph.tensors[inner]) is None or editing.has_values(model, graph.tensors[inner]):
        return None
    if not any(outer in map(int, each.inputs) for each in graph.operators):
        graph.operators.remove(maker)
    return inner


def _scale_of(tensor: fb.TensorT) -> tuple[float, int] | None:
    """Scale and zero point of an int8 tensor that has one of each."""
    quantization = tensor.quantization
    if tensor.type != fb.TensorType.INT8 or not stands_for_numbers(tensor):
        return None
    assert quantization is not None
    scales, zeros = quantization.scale, quantization.zeroPoint
    assert scales is not None
    assert zeros is not None
    return (float(scales[0]), int(zeros[0])) if len(scales) == 1 else None


def _integer_twin(graph: fb.SubGraphT, outer: int, limits: Range, kind: int) -> int:
    low, high = min(limits[0], 0.0), max(limits[1], 0.0)
    scale = float(np.float32((high - low) / _STEPS)) or 1.0
    inner = editing.tensor_like(graph, outer, "_integers")
    twin = graph.tensors[inner]
    twin.type, twin.quantization = kind, fb.QuantizationParametersT()
    twin.quantization.scale = [scale]
    twin.quantization.zeroPoint = [round(_LOWEST[kind] - low / scale)]
    return inner


def _outputs(graph: fb.SubGraphT) -> list[int]:
    return [int(index) for index in graph.outputs]
