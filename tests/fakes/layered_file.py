"""A ``.tflite`` file whose operators repeat themselves, as the layers of a network do."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
from ai_edge_litert import schema_py_generated as fb

LAYER = ("RELU", "TANH", "LOGISTIC", "ABS")
SIDES = [1, 8]


def layered(path: Path, layers: int, *, last: str = "NEG") -> Path:
    """Write ``layers`` times ``LAYER``, then ``last``."""
    names = [*LAYER * layers, last]
    model, graph = fb.ModelT(), fb.SubGraphT()
    model.version, model.buffers, model.subgraphs = 3, [fb.BufferT()], [graph]
    kinds = list(dict.fromkeys(names))
    model.operatorCodes = [_code(name) for name in kinds]
    graph.tensors = [_tensor(f"t{number}") for number in range(len(names) + 1)]
    graph.operators = [_operator(kinds.index(name), place) for place, name in enumerate(names)]
    graph.inputs, graph.outputs = [0], [len(names)]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def _code(name: str) -> fb.OperatorCodeT:
    code = fb.OperatorCodeT()
    code.builtinCode = getattr(fb.BuiltinOperator, name)
    code.deprecatedBuiltinCode, code.version = code.builtinCode, 1
    return code


def _tensor(name: str) -> fb.TensorT:
    tensor = fb.TensorT()
    tensor.shape, tensor.type, tensor.buffer = SIDES, fb.TensorType.FLOAT32, 0
    tensor.name = name.encode()
    return tensor


def _operator(kind: int, place: int) -> fb.OperatorT:
    operator = fb.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = kind, [place], [place + 1]
    return operator
