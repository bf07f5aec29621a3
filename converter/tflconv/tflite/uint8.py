"""Give an int8 model uint8 inputs and outputs, the type of pixels from a camera.

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
    graph.inputs = [_unsigned_input(model, int(inner)) for inner in graph.inputs]
    graph.outputs = [_unsigned_output(model, int(inner)) for inner in graph.outputs]


def _unsigned_input(model: fb.ModelT, inner: int) -> int:
    outer = _unsigned_twin(model.subgraphs[0], inner)
    model.subgraphs[0].operators[:0] = _by_way_of_float(model, outer, inner)
    for signature in model.signatureDefs or ():
        _rename(signature.inputs, inner, outer)
    return outer


def _unsigned_output(model: fb.ModelT, inner: int) -> int:
    outer = _unsigned_twin(model.subgraphs[0], inner)
    model.subgraphs[0].operators += _by_way_of_float(model, inner, outer)
    for signature in model.signatureDefs or ():
        _rename(signature.outputs, inner, outer)
    return outer


def _unsigned_twin(graph: fb.SubGraphT, index: int) -> int:
    outer = copy.deepcopy(graph.tensors[index])
    outer.type, outer.buffer = fb.TensorType.UINT8, 0
    outer.name = editing.suffixed(outer.name, "_uint8")
    assert outer.quantization is not None
    assert outer.quantization.zeroPoint is not None
    outer.quantization.zeroPoint = [int(zero) + 128 for zero in outer.quantization.zeroPoint]
    return editing.add_tensor(graph, outer)


def _by_way_of_float(model: fb.ModelT, source: int, target: int) -> list[fb.OperatorT]:
    graph = model.subgraphs[0]
    between = editing.tensor_like(graph, source, "_float")
    graph.tensors[between].type = fb.TensorType.FLOAT32
    graph.tensors[between].quantization = None
    return [
        editing.operator(model, fb.BuiltinOperator.DEQUANTIZE, source, between),
        editing.operator(model, fb.BuiltinOperator.QUANTIZE, between, target),
    ]


def _rename(entries: Sequence[fb.TensorMapT], old: int, new: int) -> None:
    for entry in entries:
        if entry.tensorIndex == old:
            entry.tensorIndex = new
