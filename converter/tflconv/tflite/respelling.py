"""Spell operators that litert-quantizer leaves in float by those that it quantizes.

What comes out is the same, number for number: a NEG is a MUL by -1, a SQUARE a MUL by itself, a
SPLIT_V the slices that it makes, a CAST of true and false chooses 1 or 0, a TILE of sides of 1 is
a BROADCAST_TO, SQUEEZE and EXPAND_DIMS are RESHAPEs, a REVERSE_V2 gathers the last first, and a
constant of MAXIMUM or MINIMUM gets as many sides as its result. Keras 3 writes LayerNormalization
with a NEG, a GRU of Keras 2 splits its weights, Bidirectional reverses, Masking casts its mask, and
RepeatVector is a TILE.
"""

from __future__ import annotations

import copy

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from numpy.typing import NDArray

from tflconv.tflite import editing


def respell(model: fb.ModelT) -> bool:
    """Replace the operators of the main graph of ``model`` that have another spelling.

    Returns:
        Whether there were any.
    """
    graph = model.subgraphs[0]
    before, spelled = graph.operators, list[fb.OperatorT]()
    for operator in graph.operators:
        spell = _SPELLINGS.get(editing.operator_name(model, operator))
        is_float = graph.tensors[int(operator.outputs[0])].type == fb.TensorType.FLOAT32
        spelled += spell(model, graph, operator) if spell and is_float else [operator]
    graph.operators = spelled
    return spelled != before


def _negated(model: fb.ModelT, graph: fb.SubGraphT, operator: fb.OperatorT) -> list[fb.OperatorT]:
    minus_one = _constant(model, graph, np.array([-1], np.float32), fb.TensorType.FLOAT32)
    return [_product(model, operator, minus_one)]


def _squared(model: fb.ModelT, _: fb.SubGraphT, operator: fb.OperatorT) -> list[fb.OperatorT]:
    return [_product(model, operator, int(operator.inputs[0]))]


def _chosen(model: fb.ModelT, graph: fb.SubGraphT, operator: fb.OperatorT) -> list[fb.OperatorT]:
    """A choice between 1 and 0 for a CAST of true and false; else the operator as it is."""
    mask, target = int(operator.inputs[0]), int(operator.outputs[0])
    if graph.tensors[mask].type != fb.TensorType.BOOL:
        return [operator]
    made = editing.operator(model, fb.BuiltinOperator.SELECT_V2, mask, target)
    single = (1,) * len(list(graph.tensors[target].shape))  # litert-quantizer needs equal ranks
    one, zero = (
        _constant(model, graph, np.full(single, value, np.float32), fb.TensorType.FLOAT32)
        for value in (1, 0)
    )
    made.inputs = [mask, one, zero]
    made.builtinOptionsType = fb.BuiltinOptions.SelectV2Options
    made.builtinOptions = fb.SelectV2OptionsT()
    return [made]


def _product(model: fb.ModelT, operator: fb.OperatorT, factor: int) -> fb.OperatorT:
    source, target = int(operator.inputs[0]), int(operator.outputs[0])
    made = editing.operator(model, fb.BuiltinOperator.MUL, source, target)
    made.inputs = [source, factor]
    made.builtinOptionsType, made.builtinOptions = fb.BuiltinOptions.MulOptions, fb.MulOptionsT()
    return made


def _sliced(model: fb.ModelT, graph: fb.SubGraphT, operator: fb.OperatorT) -> list[fb.OperatorT]:
    """One SLICE for each part of a SPLIT_V along a stored axis; else the operator as it is."""
    source, _, stored = map(int, operator.inputs)
    axes = editing.values(model, graph.tensors[stored], np.int32)
    if len(axes) != 1:
        return [operator]
    rank = len(list(graph.tensors[source].shape))
    axis, start, made = int(axes[0]) % rank, 0, []
    for target in map(int, operator.outputs):
        size = [int(side) for side in graph.tensors[target].shape]
        begin = [start if place == axis else 0 for place in range(rank)]
        start += size[axis]
        made.append(_slice(model, graph, (source, target), begin, size))
    return made


def _of_all_sides(
    model: fb.ModelT, graph: fb.SubGraphT, operator: fb.OperatorT
) -> list[fb.OperatorT]:
    """The operator with its constants as wide as its result; a copy if there are such."""
    rank = len(list(graph.tensors[int(operator.outputs[0])].shape))
    ends = [int(end) for end in operator.inputs]
    wide = [_widened(model, graph, end, rank) for end in ends]
    if wide == ends:
        return [operator]
    made = copy.copy(operator)
    made.inputs = wide
    return [made]


def _widened(model: fb.ModelT, graph: fb.SubGraphT, index: int, rank: int) -> int:
    tensor = graph.tensors[index]
    sides = [int(side) for side in tensor.shape]
    if not (0 < len(sides) < rank and editing.has_values(model, tensor)):
        return index
    values = editing.values(model, tensor, np.float32)
    wide = values.reshape([1] * (rank - len(sides)) + sides)
    return _constant(model, graph, wide, fb.TensorType.FLOAT32)


def _broadcast(model: fb.ModelT, graph: fb.SubGraphT, operator: fb.OperatorT) -> list[fb.OperatorT]:
    """A BROADCAST_TO for a TILE that repeats single values; else the operator as it is."""
    source, target = int(operator.inputs[0]), int(operator.outputs[0])
    sides = [[int(side) for side in graph.tensors[end].shape] for end in (source, target)]
    if any(before not in (1, after) for before, after in zip(*sides, strict=True)):
        return [operator]
    return [_of_shape(model, graph, fb.BuiltinOperator.BROADCAST_TO, source, target)]


def _reshaped(model: fb.ModelT, graph: fb.SubGraphT, operator: fb.OperatorT) -> list[fb.OperatorT]:
    ends = int(operator.inputs[0]), int(operator.outputs[0])
    return [_of_shape(model, graph, fb.BuiltinOperator.RESHAPE, *ends)]


def _reversed(model: fb.ModelT, graph: fb.SubGraphT, operator: fb.OperatorT) -> list[fb.OperatorT]:
    """A GATHER for a REVERSE_V2 along one stored axis; else the operator as it is."""
    source, stored = map(int, operator.inputs)
    axes = editing.values(model, graph.tensors[stored], np.int32)
    if len(axes) != 1:
        return [operator]
    sides = list(graph.tensors[source].shape)
    axis = int(axes[0]) % len(sides)
    places = np.arange(int(sides[axis]), dtype=np.int32)[::-1]
    made = editing.operator(model, fb.BuiltinOperator.GATHER, source, int(operator.outputs[0]))
    made.inputs = [source, _constant(model, graph, places, fb.TensorType.INT32)]
    options = fb.GatherOptionsT()
    options.axis = axis
    made.builtinOptionsType, made.builtinOptions = fb.BuiltinOptions.GatherOptions, options
    return [made]


def _of_shape(
    model: fb.ModelT, graph: fb.SubGraphT, kind: int, source: int, target: int
) -> fb.OperatorT:
    """An operator whose second input is the shape of its result."""
    made = editing.operator(model, kind, source, target)
    shape = np.array([int(side) for side in graph.tensors[target].shape], np.int32)
    made.inputs = [source, _constant(model, graph, shape, fb.TensorType.INT32)]
    return made


def _slice(
    model: fb.ModelT,
    graph: fb.SubGraphT,
    ends: tuple[int, int],
    begin: list[int],
    size: list[int],
) -> fb.OperatorT:
    made = editing.operator(model, fb.BuiltinOperator.SLICE, *ends)
    places = (np.array(sides, np.int32) for sides in (begin, size))
    made.inputs = [ends[0], *(_constant(model, graph, p, fb.TensorType.INT32) for p in places)]
    return made


def _constant(model: fb.ModelT, graph: fb.SubGraphT, values: NDArray[np.number], dtype: int) -> int:
    tensor = fb.TensorT()
    tensor.type, tensor.shape = dtype, list(values.shape)
    tensor.name = f"respelled_{len(graph.tensors)}".encode()
    tensor.buffer = editing.add_buffer(model, values)
    return editing.add_tensor(graph, tensor)


_SPELLINGS = {
    "CAST": _chosen, "EXPAND_DIMS": _reshaped, "MAXIMUM": _of_all_sides, "MINIMUM": _of_all_sides,
    "NEG": _negated, "REVERSE_V2": _reversed, "SPLIT_V": _sliced, "SQUARE": _squared,
    "SQUEEZE": _reshaped, "TILE": _broadcast,
}  # fmt: skip
