"""Inspect and change a model that was unpacked into plain objects.

``packing`` makes the objects of a file and a file of the objects; ``ends``, ``int4``,
``modernizing``, ``unfusing`` and ``stripping`` are edits made of the functions here.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, TypeVar

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from numpy.typing import NDArray

from tflconv.tflite import schema

SIGNATURE = "serving_default"
_FLOATS = {fb.TensorType.FLOAT32, fb.TensorType.FLOAT16, fb.TensorType.FLOAT64}
_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")
_ARITHMETIC = ("ADD", "DIV", "MUL", "SUB")
_CHOOSING = ("SELECT", "SELECT_V2")
_INDEX_MOVING = ("CAST", "EXPAND_DIMS", "RESHAPE", "SQUEEZE")
_MOVING = ("CAST", "CONCATENATION", "EXPAND_DIMS", "PAD", "PADV2", "RESHAPE", "SQUEEZE")

Number = TypeVar("Number", bound=np.number)


def sign(model: fb.ModelT, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Give ``model`` one signature, in which runtimes look up inputs and outputs by name.

    Args:
        model: The model.
        inputs: Names of the inputs of its main graph, in their order.
        outputs: Names of the outputs of its main graph, in their order.
    """
    graph = model.subgraphs[0]
    signature = fb.SignatureDefT()
    signature.signatureKey = SIGNATURE.encode()
    signature.subgraphIndex = 0
    signature.inputs = _named(inputs, graph.inputs)
    signature.outputs = _named(outputs, graph.outputs)
    model.signatureDefs = [signature]


def name_tensors(model: fb.ModelT) -> None:
    """Give each tensor without a name a unique one, which ranges and the quantizer need."""
    for number, graph in enumerate(model.subgraphs):
        for index, tensor in enumerate(graph.tensors):
            tensor.name = tensor.name or f"tensor_{number}_{index}".encode()


def operators(model: fb.ModelT) -> Iterator[tuple[fb.SubGraphT, fb.OperatorT, str]]:
    """Yield subgraph, operator and name of every operator in ``model``."""
    for graph in model.subgraphs:
        for operator in graph.operators:
            yield graph, operator, operator_name(model, operator)


def operator_name(model: fb.ModelT, operator: fb.OperatorT) -> str:
    """Return the name of an operator: ``CONV_2D``, or its custom code, such as ``FlexErf``."""
    return code_name(model.operatorCodes[operator.opcodeIndex])


def code_name(code: fb.OperatorCodeT) -> str:
    """Return the name of the operators with ``code``."""
    return schema.operator_name(_builtin(code), code.customCode)


def set_builtin(code: fb.OperatorCodeT, builtin: int) -> None:
    """Let operators with ``code`` be of the kind ``builtin``; the old field ends at 127."""
    code.builtinCode, code.deprecatedBuiltinCode = builtin, min(builtin, _OLD_FIELD)


def float_operators(model: fb.ModelT) -> list[str]:
    """Return the operators that compute in float, except conversions of inputs and outputs.

    Returns:
        One ``NAME (output tensor)`` per operator, in the order of execution, but those that only
        convert to and from float last.
    """
    entries = [
        (name in _CONVERSIONS, f"{name} ({_tensor_name(graph, operator.outputs[0])})")
        for graph, operator, name in operators(model)
        if _touches_float(graph, operator) and not _at_boundary(model, graph, operator, name)
    ]
    return [text for _, text in sorted(entries, key=lambda entry: entry[0])]


def quantized_operators(model: fb.ModelT) -> list[str]:
    """Return the names of operators with quantized outputs, in the order of execution."""
    return [
        name
        for graph, operator, name in operators(model)
        if any(_is_quantized(graph.tensors[i]) for i in operator.outputs)
    ]


def names(graph: fb.SubGraphT, indices: Iterable[int]) -> list[str]:
    """Return the names of the tensors at ``indices``."""
    return [_tensor_name(graph, int(index)) for index in indices]


def input_shapes(model: fb.ModelT) -> list[tuple[int, ...]]:
    """Return the shapes of the inputs of the main graph, with batch."""
    graph = model.subgraphs[0]
    return [tuple(map(int, graph.tensors[i].shape)) for i in graph.inputs]


def input_names(model: fb.ModelT) -> list[str]:
    """Return the names of the inputs of the main graph: those of its signature, if it has one."""
    return _end_names(model, "inputs")


def output_names(model: fb.ModelT) -> list[str]:
    """Return the names of the outputs of the main graph: those of its signature, if it has one."""
    return _end_names(model, "outputs")


def follow_signature(model: fb.ModelT) -> None:
    """Make the outputs of the main graph those of its signature, in its order.

    litert-quantizer leaves the two apart where an operator that it quantizes reads an output that
    it keeps in float: the graph then ends in integers that no caller asked for.
    """
    graph = model.subgraphs[0]
    signed = [int(e.tensorIndex) for s in (model.signatureDefs or [])[:1] for e in s.outputs]
    if len(signed) == len(graph.outputs) and set(signed) != set(map(int, graph.outputs)):
        graph.outputs = signed


def reads_outputs(model: fb.ModelT) -> bool:
    """Return whether an operator of the main graph reads one of its outputs."""
    graph = model.subgraphs[0]
    outputs = set(map(int, graph.outputs))
    return any(not outputs.isdisjoint(map(int, each.inputs)) for each in graph.operators)


def output_sizes(model: fb.ModelT) -> list[int]:
    """Return the number of values of each output of the main graph."""
    graph = model.subgraphs[0]
    return [math.prod(map(int, graph.tensors[i].shape)) for i in graph.outputs]


def leading_arithmetic(model: fb.ModelT) -> list[str]:
    """Return the arithmetic on the first input before any trained layer, as ``MUL (scale/mul)``.

    Follows the input through operators that only move values, and stops at the first that computes
    something else. Rescaling and Normalization layers appear here, whatever their names.
    """
    graph = model.subgraphs[0]
    current, arithmetic = int(graph.inputs[0]), []
    for _, operator, name in operators(model):
        if current not in operator.inputs:
            continue
        if name not in (*_ARITHMETIC, *_MOVING):
            break
        if name in _ARITHMETIC:
            if not _has_constant(model, graph, operator, current):
                break
            arithmetic.append(f"{name} ({_tensor_name(graph, operator.outputs[0])})")
        current = int(operator.outputs[0])
    return arithmetic


def float_activations(model: fb.ModelT) -> dict[int, str]:
    """Return index and name of the float inputs and results of the main graph, not constants."""
    graph = model.subgraphs[0]
    computed = {int(i) for operator in graph.operators for i in operator.outputs}
    return {
        index: _tensor_name(graph, index)
        for index in sorted(computed | {int(i) for i in graph.inputs})
        if graph.tensors[index].type == fb.TensorType.FLOAT32
    }


def operator(model: fb.ModelT, builtin: int, source: int, target: int) -> fb.OperatorT:
    """Make an operator without options; it is not added to a graph.

    Args:
        model: The model that it is for, which gets its code if it lacks it.
        builtin: Code of the operator.
        source: Index of its input.
        target: Index of its output.
    """
    entry = fb.OperatorT()
    entry.opcodeIndex = _operator_code(model, builtin)
    entry.inputs, entry.outputs = [source], [target]
    return entry


def add_tensor(graph: fb.SubGraphT, tensor: fb.TensorT) -> int:
    """Add ``tensor`` to ``graph`` and return its index."""
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def tensor_like(graph: fb.SubGraphT, index: int, suffix: str) -> int:
    """Add a tensor without values like that at ``index`` and return its index."""
    twin = copy.copy(graph.tensors[index])
    twin.name, twin.buffer = suffixed(twin.name, suffix), 0
    return add_tensor(graph, twin)


def drop_unused_tensors(model: fb.ModelT) -> None:
    """Remove the tensors that no operator, input or output names from the graphs of ``model``."""
    for number, graph in enumerate(model.subgraphs):
        ends = [*map(int, graph.inputs), *map(int, graph.outputs)]
        named = {i for o in graph.operators for i in _tensors(o)} - {-1}
        places = {old: new for new, old in enumerate(sorted(named.union(ends)))} | {-1: -1}
        graph.tensors = [graph.tensors[old] for old in places if old >= 0]
        graph.inputs = [places[int(i)] for i in graph.inputs]
        graph.outputs = [places[int(i)] for i in graph.outputs]
        for operator in graph.operators:
            operator.inputs = [places[int(i)] for i in operator.inputs]
            operator.outputs = [places[int(i)] for i in operator.outputs]
            if operator.intermediates is not None:
                operator.intermediates = [places[int(i)] for i in operator.intermediates]
        for signature in model.signatureDefs or ():
            if signature.subgraphIndex == number:
                for entry in (*signature.inputs, *signature.outputs):
                    entry.tensorIndex = places[int(entry.tensorIndex)]


def _tensors(operator: fb.OperatorT) -> tuple[int, ...]:
    """What ``operator`` names: inputs, outputs, and what some keep between its steps."""
    inner = () if operator.intermediates is None else operator.intermediates
    return (*map(int, operator.inputs), *map(int, operator.outputs), *map(int, inner))


def suffixed(name: bytes | None, suffix: str) -> bytes:
    """Return ``name``, which a tensor may lack, with ``suffix``."""
    return (name or b"") + suffix.encode()


def has_values(model: fb.ModelT, tensor: fb.TensorT) -> bool:
    """Return whether the values of ``tensor`` are stored in the file."""
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def values(model: fb.ModelT, tensor: fb.TensorT, dtype: type[Number]) -> NDArray[Number]:
    """Return the stored values of ``tensor``, flat; an empty array if none are stored."""
    data = model.buffers[tensor.buffer].data
    stored = np.asarray([] if data is None else data, np.uint8)
    return np.frombuffer(stored.tobytes(), np.dtype(dtype).newbyteorder("<"))


def add_buffer(model: fb.ModelT, content: NDArray[np.number]) -> int:
    """Store the bytes of ``content`` in a new buffer and return its index."""
    buffer = fb.BufferT()
    little = content.astype(content.dtype.newbyteorder("<"), copy=False)
    buffer.data = np.frombuffer(little.tobytes(), np.uint8)
    model.buffers.append(buffer)
    return len(model.buffers) - 1


def _end_names(model: fb.ModelT, ends: Literal["inputs", "outputs"]) -> list[str]:
    """Names of ``ends`` in the signature; of their tensors where it has none."""
    graph = model.subgraphs[0]
    indices = [int(index) for index in getattr(graph, ends)]
    signed = [
        (int(entry.tensorIndex), schema.text(entry.name))
        for signature in (model.signatureDefs or [])[:1]
        for entry in getattr(signature, ends)
    ]
    names = schema.signed_names(indices, signed)
    return [name or _tensor_name(graph, index) for name, index in zip(names, indices, strict=True)]


def _has_constant(
    model: fb.ModelT, graph: fb.SubGraphT, operator: fb.OperatorT, current: int
) -> bool:
    """Whether all operands but ``current`` are stored in the file."""
    others = [graph.tensors[index] for index in operator.inputs if index != current]
    return bool(others) and all(has_values(model, tensor) for tensor in others)


def _operator_code(model: fb.ModelT, builtin: int) -> int:
    for index, known in enumerate(model.operatorCodes):
        if _builtin(known) == builtin:
            return index
    code = fb.OperatorCodeT()
    set_builtin(code, builtin)
    code.version = _VERSIONS.get(builtin, 2)
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


_OLD_FIELD = fb.BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES
"""What the field of one byte says of operators that it cannot name."""

_VERSIONS = {fb.BuiltinOperator.RELU_N1_TO_1: 1, fb.BuiltinOperator.RESHAPE: 1}
"""Version of the operators that LiteRT knows no second one of."""


def _builtin(code: fb.OperatorCodeT) -> int:
    return schema.builtin_code(code.builtinCode, code.deprecatedBuiltinCode)


def _named(names: Sequence[str], tensors: Iterable[int]) -> list[fb.TensorMapT]:
    entries = []
    for name, index in zip(names, tensors, strict=True):
        entry = fb.TensorMapT()
        entry.name, entry.tensorIndex = name.encode(), int(index)
        entries.append(entry)
    return entries


def _touches_float(graph: fb.SubGraphT, operator: fb.OperatorT) -> bool:
    indices = [*operator.inputs, *operator.outputs]
    return any(i >= 0 and graph.tensors[i].type in _FLOATS for i in indices)


def _is_quantized(tensor: fb.TensorT) -> bool:
    return tensor.quantization is not None and tensor.quantization.scale is not None


def _at_boundary(model: fb.ModelT, graph: fb.SubGraphT, operator: fb.OperatorT, name: str) -> bool:
    """Whether it converts an input or output, such as pixels that the model takes as integers."""
    cast = {
        int(other.outputs[0])
        for other in graph.operators
        if operator_name(model, other) == "CAST" and other.inputs[0] in graph.inputs
    }
    if name == "CAST":
        return int(operator.outputs[0]) in cast
    ends = {*graph.inputs, *graph.outputs, *cast}
    return name in _CONVERSIONS and bool({operator.inputs[0], operator.outputs[0]} & ends)


def _tensor_name(graph: fb.SubGraphT, index: int) -> str:
    return schema.text(graph.tensors[index].name)
