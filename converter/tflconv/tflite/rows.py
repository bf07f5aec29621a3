"""Operators that make one value of each row of a tensor, for files that are edited by hand."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite import editing


def reduce(model: fb.ModelT, builtin: int, source: int, suffix: str) -> tuple[fb.OperatorT, int]:
    """Return an operator that reduces the last axis to one value, and its result.

    Args:
        model: The model that it is for; the operator is not added to its graph.
        builtin: Code of the operator, such as ``SUM``.
        source: Index of what it reads.
        suffix: Of the name of its result, after that of ``source``.
    """
    graph = model.subgraphs[0]
    target = editing.tensor_like(graph, source, suffix)
    graph.tensors[target].shape = [*map(int, graph.tensors[source].shape[:-1]), 1]
    reducing = editing.operator(model, builtin, source, target)
    reducing.inputs = [source, _last_axis(model, source)]
    reducing.builtinOptionsType, options = fb.BuiltinOptions.ReducerOptions, fb.ReducerOptionsT()
    options.keepDims = True
    reducing.builtinOptions = options
    return reducing, target


def _last_axis(model: fb.ModelT, like: int) -> int:
    """A constant that names the last axis of the tensor ``like``, one for all of as many axes."""
    graph = model.subgraphs[0]
    axis = np.array([len(graph.tensors[like].shape) - 1], np.int32)
    for index, tensor in enumerate(graph.tensors):
        is_one = tensor.type == fb.TensorType.INT32 and np.array_equal(tensor.shape, [1])
        if is_one and np.array_equal(editing.values(model, tensor, np.int32), axis):
            return index
    index = editing.tensor_like(graph, like, "/last_axis")
    made = graph.tensors[index]
    made.shape, made.type, made.quantization = [1], fb.TensorType.INT32, None
    made.buffer = editing.add_buffer(model, axis)
    return index


def pair(
    model: fb.ModelT,
    builtin: int,
    options: fb.DivOptionsT | fb.SubOptionsT,
    sources: tuple[int, int],
    target: int,
) -> fb.OperatorT:
    """Return an operator of two inputs.

    Args:
        model: The model that it is for; the operator is not added to its graph.
        builtin: Code of the operator, such as ``DIV``.
        options: Its options in the schema, such as ``DivOptionsT()``.
        sources: Indices of what it reads.
        target: Index of its result.
    """
    made = editing.operator(model, builtin, sources[0], target)
    made.inputs, made.builtinOptions = [*sources], options
    made.builtinOptionsType = getattr(fb.BuiltinOptions, type(options).__name__.removesuffix("T"))
    return made
