"""Let a graph begin with the operator that leaves XNNPACK the fewest partitions.

The body of a loop pays for each partition in every step: the steps of an LSTM that began with its
first product, and not with the reading of the next input, took 600 instructions more each.
"""

from __future__ import annotations

from pathlib import Path

from ai_edge_litert import schema_py_generated as fb

from tflconv.inspection import delegation
from tflconv.tflite import packing, reading


def begin_well(model: fb.ModelT) -> bytes:
    """Return the file of ``model``, whose graphs begin with what leaves the fewest partitions.

    Args:
        model: A model; it is changed.
    """
    content = packing.pack(model)
    open_ones = [number for number, graph in enumerate(model.subgraphs) if _has_choice(graph)]
    if not open_ones:
        return content
    graphs = reading.parse(content, Path("model.tflite")).subgraphs
    first = {number: delegation.better_beginning(graphs[number]) for number in open_ones}
    moved = {number: index for number, index in first.items() if index is not None}
    for number, index in moved.items():
        operators = model.subgraphs[number].operators
        operators.insert(0, operators.pop(index))
    return packing.pack(model) if moved else content


def _has_choice(graph: fb.SubGraphT) -> bool:
    """Whether several operators wait for no other; most graphs are read from one end."""
    made = {int(index) for operator in graph.operators for index in operator.outputs}
    ready = sum(made.isdisjoint(map(int, operator.inputs)) for operator in graph.operators)
    return ready > 1
