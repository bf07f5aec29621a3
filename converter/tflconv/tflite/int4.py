"""Store weights of FULLY_CONNECTED in 4 bits, two per byte.

A symmetric int8 weight is one of 255 multiples of its scale; in int4 it is one of 15. XNNPACK has
kernels for int4 weights of FULLY_CONNECTED only, so convolutions keep 8 bits. The scale of a bias
is the product of the scales of inputs and weights, so the bias is rescaled as well.
"""

from __future__ import annotations

import copy
from collections.abc import Collection

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from numpy.typing import NDArray

from tflconv.tflite import editing

_RATIO = 127 / 7
"""Step of an int4 weight in steps of an int8 weight; the largest weight is 7 or 127 steps."""


def use_int4(model: fb.ModelT, kept: Collection[str] = ()) -> None:
    """Convert to int4 the constant int8 weights that only FULLY_CONNECTED operators read.

    Args:
        model: A model with weights of 8 bits.
        kept: Names of those that stay as they are.
    """
    for graph in model.subgraphs:
        readers = _readers(model, graph)
        chosen = {
            index
            for index in readers
            if _fits_int4(model, graph, index, readers[index])
            and editing.names(graph, [index])[0] not in kept
        }
        for operator in graph.operators:
            if len(operator.inputs) > 1 and int(operator.inputs[1]) in chosen:
                _rescale_bias(model, graph, operator)
        for index in chosen:
            _convert(model, graph.tensors[index])
    editing.drop_unused_tensors(model)


def packed(values: NDArray[np.int8]) -> NDArray[np.uint8]:
    """Return values from -8 to 7 as int4, two per byte, the first in the lower half.

    Example:
        >>> packed(np.array([1, -1, 7], np.int8)).tolist()
        [241, 7]
    """
    halves = np.append(values.ravel(), np.zeros(values.size % 2, np.int8)).view(np.uint8) & 0xF
    return np.asarray(halves[::2] | halves[1::2] << 4, np.uint8)


def _readers(model: fb.ModelT, graph: fb.SubGraphT) -> dict[int, set[tuple[str, int]]]:
    """By tensor, the operators that read it, each with the position of the tensor."""
    readers: dict[int, set[tuple[str, int]]] = {}
    for operator in graph.operators:
        name = editing.operator_name(model, operator)
        for position, index in enumerate(operator.inputs):
            readers.setdefault(int(index), set()).add((name, position))
    return readers


def _fits_int4(
    model: fb.ModelT, graph: fb.SubGraphT, index: int, readers: set[tuple[str, int]]
) -> bool:
    tensor = graph.tensors[index]
    return (
        readers == {("FULLY_CONNECTED", 1)}
        and tensor.type == fb.TensorType.INT8
        and editing.has_values(model, tensor)
    )


def _convert(model: fb.ModelT, tensor: fb.TensorT) -> None:
    wide = editing.values(model, tensor, np.int8)
    tensor.type = fb.TensorType.INT4
    tensor.quantization = _rescaled(tensor.quantization)
    tensor.buffer = editing.add_buffer(model, packed(np.rint(wide / _RATIO).astype(np.int8)))


def _rescale_bias(model: fb.ModelT, graph: fb.SubGraphT, operator: fb.OperatorT) -> None:
    """Give ``operator`` a bias of its own, with the scale of its products."""
    if len(operator.inputs) < 3 or operator.inputs[2] < 0:
        return
    bias = graph.tensors[operator.inputs[2]]
    if bias.type != fb.TensorType.INT32:
        return
    steps = np.rint(editing.values(model, bias, np.int32) / _RATIO).astype(np.int32)
    twin = copy.copy(bias)
    twin.quantization = _rescaled(bias.quantization)
    twin.buffer = editing.add_buffer(model, steps)
    operator.inputs = [*operator.inputs[:2], editing.add_tensor(graph, twin)]


def _rescaled(quantization: fb.QuantizationParametersT | None) -> fb.QuantizationParametersT:
    twin = copy.copy(quantization)
    assert twin is not None
    assert twin.scale is not None
    twin.scale = [np.float32(scale * _RATIO) for scale in twin.scale]
    return twin
