"""Reading and editing the flatbuffer of a ``.tflite`` file as plain Python objects.

The schema is public (``tensorflow/compiler/mlir/lite/schema/schema.fbs``) and ai-edge-litert
brings its Python classes, so nothing here needs TensorFlow.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from typing import Any

from ai_edge_litert import schema_py_generated as fb

SIGNATURE = "serving_default"
_FLOATS = {fb.TensorType.FLOAT32, fb.TensorType.FLOAT16, fb.TensorType.FLOAT64}
_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")
_ARITHMETIC = ("ADD", "DIV", "MUL", "SUB")
_MOVING = ("CAST", "CONCATENATION", "EXPAND_DIMS", "PAD", "PADV2", "RESHAPE", "SQUEEZE")
_OP_NAMES = {code: name for name, code in vars(fb.BuiltinOperator).items() if name.isupper()}


def sign(model: Any, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Name the inputs and outputs in signature 0, by which runtimes find them."""
    graph = model.subgraphs[0]
    signature = fb.SignatureDefT()
    signature.signatureKey = SIGNATURE.encode()
    signature.subgraphIndex = 0
    signature.inputs = _named(inputs, graph.inputs)
    signature.outputs = _named(outputs, graph.outputs)
    model.signatureDefs = [signature]


def use_uint8(model: Any) -> None:
    """Give a model with int8 inputs and outputs unsigned ones, as cameras deliver pixels.

    An int8 value ``q`` and the uint8 value ``q + 128`` stand for the same number if the zero
    point moves along. One QUANTIZE would do, but XNNPACK has it only from and to float: by way of
    float each value comes out exactly, the model stays in one partition, and it costs a quarter.
    """
    graph = model.subgraphs[0]
    graph.inputs, graph.outputs = list(graph.inputs), list(graph.outputs)
    for position, inner in enumerate(graph.inputs):
        outer = graph.inputs[position] = _unsigned_twin(graph, int(inner))
        graph.operators[:0] = _by_way_of_float(model, outer, int(inner))
        _rename_in_signature(model, "inputs", int(inner), outer)
    for position, inner in enumerate(graph.outputs):
        outer = graph.outputs[position] = _unsigned_twin(graph, int(inner))
        graph.operators += _by_way_of_float(model, int(inner), outer)
        _rename_in_signature(model, "outputs", int(inner), outer)


def operators(model: Any) -> Iterator[tuple[Any, Any, str]]:
    """``(subgraph, operator, name)`` of every operator in ``model``."""
    for graph in model.subgraphs:
        for operator in graph.operators:
            yield graph, operator, operator_name(model, operator)


def operator_name(model: Any, operator: Any) -> str:
    """``CONV_2D``, or the custom code: Flex operators are called ``Flex...``."""
    code = model.operatorCodes[operator.opcodeIndex]
    builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
    if builtin == fb.BuiltinOperator.CUSTOM:
        return str(code.customCode.decode())
    return str(_OP_NAMES[builtin])


def float_operators(model: Any) -> list[str]:
    """Operators that compute in float, except conversions at the graph's own boundary.

    Each comes as ``NAME (output tensor)``: in the order of execution, but those that only convert
    to and from float come last.
    """
    found = [
        (name in _CONVERSIONS, f"{name} ({_tensor_name(graph, operator.outputs[0])})")
        for graph, operator, name in operators(model)
        if _touches_float(graph, operator) and not _at_boundary(graph, operator, name)
    ]
    return [text for _, text in sorted(found, key=lambda entry: entry[0])]


def quantized_operators(model: Any) -> list[str]:
    """Names of operators that compute in integers by a scale, in the order of execution."""
    return [
        name
        for graph, operator, name in operators(model)
        if any(_is_quantized(graph.tensors[i]) for i in operator.outputs)
    ]


def names(graph: Any, indices: Sequence[int]) -> list[str]:
    """Names of the tensors at ``indices``."""
    return [_tensor_name(graph, int(index)) for index in indices]


def input_shapes(model: Any) -> list[tuple[int, ...]]:
    """Shapes of the main graph's inputs, with batch."""
    graph = model.subgraphs[0]
    return [tuple(map(int, graph.tensors[i].shape)) for i in graph.inputs]


def output_sizes(model: Any) -> list[int]:
    """How many values each output of the main graph has."""
    graph = model.subgraphs[0]
    return [math.prod(map(int, graph.tensors[i].shape)) for i in graph.outputs]


def leading_arithmetic(model: Any) -> list[str]:
    """What happens to the first input before anything is learned, as ``MUL (scale/mul)``.

    Follows the input through operators that only move values, and stops at the first that
    computes something else. Rescaling and Normalization layers show here, whatever their name.
    """
    graph = model.subgraphs[0]
    current, found = int(graph.inputs[0]), []
    for _, operator, name in operators(model):
        if current not in operator.inputs:
            continue
        if name not in (*_ARITHMETIC, *_MOVING):
            break
        if name in _ARITHMETIC:
            if not _has_constant(model, graph, operator, current):
                break
            found.append(f"{name} ({_tensor_name(graph, operator.outputs[0])})")
        current = int(operator.outputs[0])
    return found


def float_activations(model: Any) -> dict[int, str]:
    """Index and name of the main graph's float tensors that are computed or fed, not stored."""
    graph = model.subgraphs[0]
    computed = {int(i) for operator in graph.operators for i in operator.outputs}
    return {
        index: _tensor_name(graph, index)
        for index in sorted(computed | {int(i) for i in graph.inputs})
        if graph.tensors[index].type == fb.TensorType.FLOAT32
    }


def flex_operators(model: Any) -> list[str]:
    """Names of operators that need TensorFlow or custom kernels at run time."""
    names = {name for _, _, name in operators(model) if name not in vars(fb.BuiltinOperator)}
    return sorted(names)


def _has_constant(model: Any, graph: Any, operator: Any, current: int) -> bool:
    """Whether all operands but ``current`` are stored in the file."""
    others = [int(index) for index in operator.inputs if int(index) != current]
    stored = [model.buffers[graph.tensors[index].buffer].data for index in others]
    return bool(stored) and all(data is not None and len(data) > 0 for data in stored)


def _unsigned_twin(graph: Any, index: int) -> int:
    inner = graph.tensors[index]
    outer = copy.deepcopy(inner)
    outer.type = fb.TensorType.UINT8
    outer.name = inner.name + b"_uint8"
    outer.quantization.zeroPoint = [int(zero) + 128 for zero in inner.quantization.zeroPoint]
    outer.buffer = 0
    graph.tensors.append(outer)
    return len(graph.tensors) - 1


def operator(model: Any, builtin: int, source: int, target: int) -> Any:
    """A new operator without options that computes the tensor ``target`` from ``source``."""
    made = fb.OperatorT()
    made.opcodeIndex = _operator_code(model, builtin)
    made.inputs, made.outputs = [source], [target]
    return made


def _by_way_of_float(model: Any, source: int, target: int) -> list[Any]:
    graph = model.subgraphs[0]
    between = copy.copy(graph.tensors[source])
    between.name, between.type = between.name + b"_float", fb.TensorType.FLOAT32
    between.quantization, between.buffer = None, 0
    graph.tensors.append(between)
    middle = len(graph.tensors) - 1
    return [
        operator(model, fb.BuiltinOperator.DEQUANTIZE, source, middle),
        operator(model, fb.BuiltinOperator.QUANTIZE, middle, target),
    ]


def _operator_code(model: Any, builtin: int) -> int:
    for index, code in enumerate(model.operatorCodes):
        if max(code.builtinCode, code.deprecatedBuiltinCode) == builtin:
            return index
    code = fb.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = 2
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _rename_in_signature(model: Any, side: str, old: int, new: int) -> None:
    for signature in model.signatureDefs or ():
        for entry in getattr(signature, side):
            if entry.tensorIndex == old:
                entry.tensorIndex = new


def _named(names: Sequence[str], tensors: Sequence[int]) -> list[Any]:
    entries = []
    for name, index in zip(names, tensors, strict=True):
        entry = fb.TensorMapT()
        entry.name, entry.tensorIndex = name.encode(), int(index)
        entries.append(entry)
    return entries


def _touches_float(graph: Any, operator: Any) -> bool:
    indices = [*operator.inputs, *operator.outputs]
    return any(i >= 0 and graph.tensors[i].type in _FLOATS for i in indices)


def _is_quantized(tensor: Any) -> bool:
    return tensor.quantization is not None and tensor.quantization.scale is not None


def _at_boundary(graph: Any, operator: Any, name: str) -> bool:
    ends = {*graph.inputs, *graph.outputs}
    return name in _CONVERSIONS and bool({operator.inputs[0], operator.outputs[0]} & ends)


def _tensor_name(graph: Any, index: int) -> str:
    name: str = graph.tensors[index].name.decode()
    return name
