"""Find activation functions in a graph that are written as several operators.

PyTorch's GELU comes as five, Swish as two, a clipped ReLU as two. A candidate is a product, or a
minimum or maximum, that one tensor enters; its values over the numbers that matter decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tflconv.network.nodes import Node
from tflconv.network.tflite.graph import MainGraph, Region, between
from tflconv.tflite.arithmetic import ELEMENTWISE, FUNCTIONS
from tflconv.tflite.contents import Operator

_LAST = ("DIV", "MAXIMUM", "MINIMUM", "MUL")
_DEEPEST = 10
_CLOSE = 2e-6
_GRID = np.concatenate([np.linspace(-30, 30, 601), np.linspace(-8, 8, 1601)])


def find(graph: MainGraph) -> Iterator[Region]:
    """Yield the activation functions of several operators in ``graph``."""
    for operator in graph.operators:
        if operator.name in _LAST:
            region = _ending(graph, operator)
            if region is not None:
                yield region


def _ending(graph: MainGraph, last: Operator) -> Region | None:
    output = last.outputs[0]
    for source in _ancestors(graph, last):
        operators = between(graph, {source}, output)
        if operators and len(operators) > 1 and graph.shape(source) == graph.shape(output):
            function = _function(graph, operators, source, output)
            if function is not None:
                return Region(
                    node=Node(name="", kind="activation", options={"function": function}),
                    inputs=(source,),
                    output=output,
                    operators=frozenset(operator.index for operator in operators),
                )
    return None


def _ancestors(graph: MainGraph, last: Operator) -> list[int]:
    """What ``last`` is calculated from, number by number, nearest first."""
    ancestors, waiting = list[int](), [last]
    while waiting and len(ancestors) < _DEEPEST:
        for tensor in graph.varying(waiting.pop(0)):
            if tensor not in ancestors:
                ancestors.append(tensor)
                before = graph.producers.get(tensor)
                if before is not None and before.name in ELEMENTWISE:
                    waiting.append(before)
    return ancestors


def _function(
    graph: MainGraph, operators: Sequence[Operator], source: int, output: int
) -> str | None:
    """The name of the function that ``operators`` compute of each number."""
    fixed = [graph.constants[t] for o in operators for t in o.inputs if t in graph.constants]
    if any(o.name not in ELEMENTWISE for o in operators) or any(c.size > 1 for c in fixed):
        return None
    with np.errstate(all="ignore"):
        computed = graph.compute(operators, {source: _GRID})[output]
        named = (name for name, function in FUNCTIONS.items() if _close(computed, function(_GRID)))
        return next(named, None)


def _close(computed: np.ndarray, wanted: np.ndarray) -> bool:
    return bool(np.abs(computed - wanted).max() <= _CLOSE * np.abs(wanted).max())
