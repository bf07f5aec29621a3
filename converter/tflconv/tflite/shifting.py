"""Shift an input before it is quantized, and take the shift back in the layer that reads it.

    W x + b  =  W (x + c) + (b - c sum(W))

Rounding does not shift along: values that lie between two steps come to lie on one.
"""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite import biases, editing

_MOVING = ("RESHAPE", "TRANSPOSE", "SQUEEZE", "EXPAND_DIMS")
_OUTPUT_AXIS = {"CONV_2D": 0, "FULLY_CONNECTED": 0, "DEPTHWISE_CONV_2D": 3}


def quantizer(model: fb.ModelT, index: int) -> fb.OperatorT | None:
    """Return what makes int8 of a float input of the main graph that nothing else reads."""
    reader = _only_reader(model, index)
    if reader is None or editing.operator_name(model, reader) != "QUANTIZE":
        return None
    made = model.subgraphs[0].tensors[int(reader.outputs[0])]
    return reader if made.type == fb.TensorType.INT8 else None


def shift(model: fb.ModelT, quantizing: fb.OperatorT, by: float) -> bool:
    """Add ``by`` to an input, if a layer reads it that can take that back.

    A convolution that pads its input pads with what was 0 before, so that at its edges the outputs
    differ by what ``by`` does there.

    Args:
        model: A quantized model.
        quantizing: What makes int8 of the input.
        by: What is added.

    Returns:
        Whether such a layer reads it; else nothing is changed.
    """
    layer = _only_reader(model, int(quantizing.outputs[0]))
    if layer is None or not _is_int8(model, layer):
        return False
    biases.add(model, layer, -by * _sums(model, layer))
    graph, index = model.subgraphs[0], int(quantizing.inputs[0])
    shifted = editing.tensor_like(graph, index, "/shifted")
    constant = editing.tensor_like(graph, index, "/shift")
    graph.tensors[constant].shape, graph.tensors[constant].shapeSignature = [1], None
    graph.tensors[constant].buffer = editing.add_buffer(model, np.array([by], np.float32))
    adding = editing.operator(model, fb.BuiltinOperator.ADD, index, shifted)
    adding.inputs = [index, constant]
    adding.builtinOptionsType = fb.BuiltinOptions.AddOptions
    adding.builtinOptions = fb.AddOptionsT()
    graph.operators.insert(graph.operators.index(quantizing), adding)
    quantizing.inputs = [shifted]
    return True


def _only_reader(model: fb.ModelT, index: int) -> fb.OperatorT | None:
    """The operator that alone reads a tensor; those that move values are passed."""
    graph = model.subgraphs[0]
    readers = [each for each in graph.operators if index in map(int, each.inputs)]
    if len(readers) != 1 or index in map(int, graph.outputs):
        return None
    (reader,) = readers
    moves = editing.operator_name(model, reader) in _MOVING
    return _only_reader(model, int(reader.outputs[0])) if moves else reader


def _is_int8(model: fb.ModelT, layer: fb.OperatorT) -> bool:
    if editing.operator_name(model, layer) not in _OUTPUT_AXIS:
        return False
    kernel = model.subgraphs[0].tensors[int(layer.inputs[1])]
    return kernel.type == fb.TensorType.INT8 and editing.has_values(model, kernel)


def _sums(model: fb.ModelT, layer: fb.OperatorT) -> biases.Doubles:
    """The sum of the weights of each output channel, as real numbers."""
    kernel = model.subgraphs[0].tensors[int(layer.inputs[1])]
    steps = editing.values(model, kernel, np.int8).astype(np.float64)
    shape = tuple(int(side) for side in kernel.shape)
    axis = _OUTPUT_AXIS[editing.operator_name(model, layer)]
    others = tuple(each for each in range(len(shape)) if each != axis)
    return np.asarray(steps.reshape(shape).sum(axis=others) * biases.scales(kernel))
