"""Give an int8 model inputs and outputs of another type: float, or uint8 as pixels from a camera.

An int8 value ``q`` and the uint8 value ``q + 128`` stand for the same number if the zero point is
larger by 128 as well. One QUANTIZE would do, but XNNPACK has it only from and to float: by way of
float each value comes out exactly, the model stays in one partition, and it costs a quarter.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite import editing


def use_uint8(model: fb.ModelT) -> None:
    """Give a model with int8 inputs and outputs uint8 ones that stand for the same numbers."""
    graph = model.subgraphs[0]
    for place, inner in enumerate(list(map(int, graph.inputs))):
        if _is_signed(graph.tensors[inner]):
            _unsigned_input(model, place, inner)
    for inner in dict.fromkeys(map(int, graph.outputs)):
        if _is_signed(graph.tensors[inner]):
            _unsigned_output(model, inner)


def use_float(model: fb.ModelT) -> None:
    """Give a model with quantized inputs and outputs float ones."""
    graph = model.subgraphs[0]
    quantize, dequantize = fb.BuiltinOperator.QUANTIZE, fb.BuiltinOperator.DEQUANTIZE
    for place, inner in enumerate(list(map(int, graph.inputs))):
        if not stands_for_numbers(graph.tensors[inner]):
            continue
        outer = _float_twin(graph, inner)
        graph.operators.insert(0, editing.operator(model, quantize, outer, inner))
        replace_input(model, place, outer)
    for inner in dict.fromkeys(map(int, graph.outputs)):
        if not stands_for_numbers(graph.tensors[inner]):
            continue
        outer = _float_twin(graph, inner)
        graph.operators.append(editing.operator(model, dequantize, inner, outer))
        replace_output(model, inner, outer)


def _unsigned_input(model: fb.ModelT, place: int, inner: int) -> None:
    outer = _unsigned_twin(model.subgraphs[0], inner)
    model.subgraphs[0].operators[:0] = _by_way_of_float(model, outer, inner)
    replace_input(model, place, outer)


def _unsigned_output(model: fb.ModelT, inner: int) -> None:
    outer = _unsigned_twin(model.subgraphs[0], inner)
    model.subgraphs[0].operators += _by_way_of_float(model, inner, outer)
    replace_output(model, inner, outer)


def replace_input(model: fb.ModelT, place: int, outer: int) -> None:
    """Make the tensor ``outer`` the input at ``place``, in the signature, too."""
    graph = model.subgraphs[0]
    inputs = list(map(int, graph.inputs))
    for signature in model.signatureDefs or ():
        _rename(signature.inputs, inputs[place], outer)
    graph.inputs = [*inputs[:place], outer, *inputs[place + 1 :]]


def replace_output(model: fb.ModelT, inner: int, outer: int) -> None:
    """Make the tensor ``outer`` each output that was ``inner``, in the signature, too."""
    graph = model.subgraphs[0]
    for signature in model.signatureDefs or ():
        _rename(signature.outputs, inner, outer)
    graph.outputs = [outer if int(index) == inner else int(index) for index in graph.outputs]


def _unsigned_twin(graph: fb.SubGraphT, index: int) -> int:
    outer = copy.deepcopy(graph.tensors[index])
    outer.type, outer.buffer = fb.TensorType.UINT8, 0
    outer.name = editing.suffixed(outer.name, "_uint8")
    assert outer.quantization is not None
    assert outer.quantization.zeroPoint is not None
    outer.quantization.zeroPoint = [int(zero) + 128 for zero in outer.quantization.zeroPoint]
    return editing.add_tensor(graph, outer)


def _is_signed(tensor: fb.TensorT) -> bool:
    return tensor.type == fb.TensorType.INT8 and stands_for_numbers(tensor)


def stands_for_numbers(tensor: fb.TensorT) -> bool:
    """Return whether the integers of ``tensor`` have a scale."""
    quantization = tensor.quantization
    scales = None if quantization is None else quantization.scale
    return scales is not None and len(scales) > 0


def _float_twin(graph: fb.SubGraphT, index: int) -> int:
    twin = editing.tensor_like(graph, index, "_float")
    graph.tensors[twin].type = fb.TensorType.FLOAT32
    graph.tensors[twin].quantization = None
    return twin


def _by_way_of_float(model: fb.ModelT, source: int, target: int) -> list[fb.OperatorT]:
    graph = model.subgraphs[0]
    between = _float_twin(graph, source)
    return [
        editing.operator(model, fb.BuiltinOperator.DEQUANTIZE, source, between),
        editing.operator(model, fb.BuiltinOperator.QUANTIZE, between, target),
    ]


def _rename(entries: Sequence[fb.TensorMapT], old: int, new: int) -> None:
    for entry in entries:
        if entry.tensorIndex == old:
            entry.tensorIndex = new
