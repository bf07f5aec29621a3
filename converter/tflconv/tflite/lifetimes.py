"""How long each intermediate tensor of a graph is needed, and how much memory all take at most."""

from __future__ import annotations

from itertools import accumulate

from tflconv.core.bounded import VARIABLE, working_limit
from tflconv.errors import TflconvError
from tflconv.tflite.contents import Subgraph, TfliteModel

_ALIGNMENT = 64
"""A tensor begins at a multiple of so many bytes."""


def lifetimes(graph: Subgraph) -> list[tuple[int, int, int]]:
    """Return ``(first step, last step, bytes)`` of every tensor that is not constant."""
    end = len(graph.operators)
    first = dict.fromkeys(graph.inputs, 0)
    last = dict.fromkeys(graph.outputs, end)
    for operator in graph.operators:
        for index in operator.outputs:
            first.setdefault(index, operator.index)
            last.setdefault(index, operator.index)
        for index in operator.inputs:
            last[index] = max(last.get(index, 0), operator.index)
    return [
        (step, max(step, last.get(index, 0)), _aligned(graph.tensors[index].bytes))
        for index, step in first.items()
        if index >= 0 and not graph.tensors[index].constant
    ]


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def most_bytes(graph: Subgraph) -> int:
    """Return the bytes of all tensors that are needed at one time, at the worst time."""
    changes = [0] * (len(graph.operators) + 2)
    for first, last, size in lifetimes(graph):
        changes[first] += size
        changes[last + 1] -= size
    return max(accumulate(changes))


def check_memory(model: TfliteModel) -> None:
    """Check that the tensors that a file declares fit into memory as a file of its size may need.

    Raises:
        TflconvError: They take more.
    """
    needed, limit = sum(map(most_bytes, model.subgraphs)), working_limit(model.bytes)
    if needed > limit:
        raise TflconvError(
            f"{model.path} declares tensors of {needed >> 20} MB at a time; a file of its size may"
            f" have {limit >> 20} MB.",
            hint=f"If you trust the file, raise the limit: {VARIABLE}=1024 allows 6144 MB.",
        )
