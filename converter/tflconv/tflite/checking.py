"""Check what was read of a ``.tflite`` file: indices, sizes of constants, numbers of inputs."""

from __future__ import annotations

from tflconv.tflite import schema
from tflconv.tflite.contents import Operator, Subgraph

_NEEDED = {
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D"), (2, 4)),
    **dict.fromkeys(("FULLY_CONNECTED",), (2, 1)),
    **dict.fromkeys(("BATCH_MATMUL",), (2, 2)),
    **dict.fromkeys(("ADD", "SUB", "MUL", "DIV", "GATHER", "EMBEDDING_LOOKUP"), (2, 0)),
    **dict.fromkeys(("MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "PRELU"), (2, 0)),
    **dict.fromkeys(("RESHAPE", "QUANTIZE", "DEQUANTIZE", "DENSIFY", "SOFTMAX"), (1, 0)),
    "CONV_3D": (2, 5),
    "TRANSPOSE_CONV": (3, 1),
    "STRIDED_SLICE": (4, 0),
}
"""Number of inputs that an operator needs, and the least rank of the first two."""


def check(graph: Subgraph) -> None:
    """Check that a subgraph holds together before anything is computed of it.

    Args:
        graph: The subgraph, as it was read.

    Raises:
        ValueError: An index has no tensor, a constant the wrong size, or an operator too few
            inputs.
    """
    known = range(-1, len(graph.tensors))
    ends = (*graph.inputs, *graph.outputs)
    used = [index for o in graph.operators for index in (*o.inputs, *o.outputs)]
    for index in (*ends, *used):
        if index not in known or (index < 0 and index in ends):
            raise ValueError(f"tensor {index} is missing")
    for tensor in graph.tensors:
        whole = tensor.dtype in schema.BITS and not tensor.sparse
        if tensor.constant and whole and len(tensor.data) != tensor.bytes:
            raise ValueError(f"tensor {tensor.index} has {len(tensor.data)} bytes")
    for operator in graph.operators:
        _check_arity(graph, operator)


def _check_arity(graph: Subgraph, operator: Operator) -> None:
    least, rank = _NEEDED.get(operator.name, (0, 0))
    present = [index for index in operator.inputs[:least] if index >= 0]
    ranks = [len(graph.tensors[index].shape) for index in present[:2]]
    if len(present) < least or min(ranks, default=rank) < rank:
        raise ValueError(f"operator {operator.index}, {operator.name}, lacks inputs")
    if least and not graph.output_tensors(operator):
        raise ValueError(f"operator {operator.index}, {operator.name}, has no output")
