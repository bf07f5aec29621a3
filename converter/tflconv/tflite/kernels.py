"""Which versions of an operator LiteRT knows, as it says itself.

Each version of an operator takes more types or options than the one before, and LiteRT opens no
file that names one beyond its own, whether the graph gets there or not. It is asked by files that
name one operator and have none.
"""

from __future__ import annotations

from functools import cache

import flatbuffers
from ai_edge_litert import interpreter as litert
from ai_edge_litert import schema_py_generated as fb

from tflconv.tflite import schema

_CODES = {name: code for code, name in schema.OPERATORS.items()}
_FIRST_BYTE = 127
"""Codes beyond it stand in a second field, and this in the first."""


@cache
def known(name: str, version: int) -> bool:
    """Return whether the LiteRT that is installed has a kernel of an operator.

    Args:
        name: Its name in the schema.
        version: Its version.

    Example:
        >>> known("CONV_2D", 1), known("CONV_2D", 999)
        (True, False)
    """
    try:
        litert.Interpreter(model_content=_file(_CODES[name], version))
    except (ValueError, RuntimeError):
        return False
    return True


def newest(name: str, below: int) -> int:
    """Return the highest version ``below`` another that LiteRT has a kernel of, 0 if none."""
    versions = range(min(below, 100) - 1, 0, -1)
    return next((version for version in versions if known(name, version)), 0)


def _file(code: int, version: int) -> bytes:
    model, graph, tensor, kind = fb.ModelT(), fb.SubGraphT(), fb.TensorT(), fb.OperatorCodeT()
    kind.builtinCode, kind.deprecatedBuiltinCode = code, min(code, _FIRST_BYTE)
    kind.version = version
    tensor.shape, tensor.name = [1], b"x"
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [tensor], [], [0], [0]
    model.version, model.operatorCodes = 3, [kind]
    model.subgraphs, model.buffers = [graph], [fb.BufferT()]
    builder = flatbuffers.Builder(256)
    builder.Finish(model.Pack(builder), schema.IDENTIFIER)
    return bytes(builder.Output())
