"""Find LayerNormalization and RMSNorm in a graph, in whatever operators they are written.

A candidate is all that is calculated between the input of a mean over the channels and something
that a reciprocal root enters. What it computes of random numbers is compared with the formula; if
they agree, scale and shift are what the formula needs to give the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tflconv.network.nodes import Node
from tflconv.network.tflite.graph import MainGraph, Region, between, descendants
from tflconv.tflite.contents import Operator

_ROOTS = ("POW", "RSQRT", "SQRT")
_CLOSE = 1e-5
_FARTHEST = 8
"""Operators that may lie between the root and the end of the longest spelling."""

Doubles = NDArray[np.float64]


def find(graph: MainGraph) -> Iterator[Region]:
    """Yield the normalizations over the channels in ``graph``."""
    for root in graph.operators:
        if root.name in _ROOTS:
            region = _around(graph, root)
            if region is not None:
                yield region


def _around(graph: MainGraph, root: Operator) -> Region | None:
    ends = list(_ends(graph, root))
    for source in _sources(graph, root):
        for end in ends:
            if graph.shape(end) == graph.shape(source):
                operators = between(graph, {source}, end)
                node = operators and _recognized(graph, operators, source, end)
                if operators and node:
                    inside = frozenset(operator.index for operator in operators)
                    return Region(node=node, inputs=(source,), output=end, operators=inside)
    return None


def _ends(graph: MainGraph, root: Operator) -> Iterator[int]:
    for count, tensor in enumerate(descendants(graph, root.outputs[0])):
        if count == _FARTHEST:
            return
        yield tensor


def _sources(graph: MainGraph, root: Operator) -> list[int]:
    """What may be normalized, farthest first: inputs of means that ``root`` depends on.

    A mean of squares depends on what was squared, too.
    """
    sources, waiting, seen = list[int](), [root], set[int]()
    while waiting and len(seen) < _FARTHEST:
        operator = waiting.pop(0)
        seen.add(operator.index)
        if operator.name in ("MEAN", "SUM") and _is_over_channels(graph, operator):
            sources.append(operator.inputs[0])
        for tensor in graph.varying(operator):
            before = graph.producers.get(tensor)
            if before is not None and before.index not in seen:
                sources += [tensor] if operator.name in ("MUL", "POW", "SQUARE") else []
                waiting.append(before)
            elif before is None:
                sources.append(tensor)
    return list(dict.fromkeys(sources[::-1]))


def _is_over_channels(graph: MainGraph, operator: Operator) -> bool:
    axes = graph.constants.get(operator.inputs[1])
    rank = len(graph.shape(operator.inputs[0]))
    return axes is not None and [int(axis) % rank for axis in np.ravel(axes)] == [rank - 1]


def _recognized(
    graph: MainGraph, operators: Sequence[Operator], source: int, end: int
) -> Node | None:
    shape = graph.shape(source)
    if len(shape) < 2 or shape[-1] < 2:
        return None
    random = np.random.default_rng(0)
    count = max(1, _ROWS * shape[-1] // int(np.prod(shape)))
    probes = [random.normal(mean, size, (count, *shape[1:])) for mean, size in _PROBES]
    with np.errstate(all="ignore"):
        try:
            results = [_computed(graph, operators, source, end, probe) for probe in probes]
        except (IndexError, TypeError, ValueError):
            return None
        for epsilon in _small_numbers(graph, operators):
            for center in (True, False):
                node = _fitted(probes, results, epsilon, center=center)
                if node is not None:
                    return node
    return None


_ROWS = 64
"""Least number of rows of channels in a probe."""

_PROBES = ((0.0, 1.0), (2.0, 5.0), (0.0, 1e-3), (0.1, 0.03))


def _computed(
    graph: MainGraph, operators: Sequence[Operator], source: int, end: int, probe: Doubles
) -> Doubles:
    """What ``operators`` make of each sample of ``probe``, one after another as in a batch of 1."""
    made = [graph.compute(operators, {source: sample[np.newaxis]})[end] for sample in probe]
    return np.asarray(np.concatenate(made), np.float64)


def _small_numbers(graph: MainGraph, operators: Sequence[Operator]) -> list[float]:
    """What may be the epsilon: each single small constant that is added, or nothing."""
    added = [graph.scalar(o) for o in operators if o.name in ("ADD", "MAXIMUM")]
    return [number for number in added if number is not None and 0 < number < 0.1] or [0.0]


def _fitted(
    probes: Sequence[Doubles], results: Sequence[Doubles], epsilon: float, *, center: bool
) -> Node | None:
    """The node whose formula gives ``results`` of ``probes``, with the scale and shift it needs."""
    width = probes[0].shape[-1]
    normal = np.concatenate(
        [_normalized(probe, epsilon, center=center).reshape(-1, width) for probe in probes]
    )
    wanted = np.concatenate([result.reshape(-1, width) for result in results])
    mean, target = normal.mean(0), wanted.mean(0)
    spread = ((normal - mean) ** 2).mean(0)
    gamma = ((normal - mean) * (wanted - target)).mean(0) / spread
    beta = target - gamma * mean
    largest = np.abs(wanted).max()
    if not np.isfinite(largest) or np.abs(gamma * normal + beta - wanted).max() > _CLOSE * largest:
        return None
    weights = {"gamma": _clean(gamma, 1.0), "beta": _clean(beta, 0.0)}
    options = {"epsilon": epsilon} | ({} if center else {"center": False})
    return Node(name="", kind="layer_norm", options=options).with_weights(**weights)  # type: ignore[arg-type]


def _clean(values: Doubles, idle: float) -> Doubles:
    """``values``, where those that differ from ``idle`` by the error of the fit are ``idle``."""
    return np.where(np.abs(values - idle) < 1e-9, idle, values)


def _normalized(probe: Doubles, epsilon: float, *, center: bool) -> Doubles:
    value = probe - probe.mean(-1, keepdims=True) if center else probe
    return np.asarray(value / np.sqrt((value**2).mean(-1, keepdims=True) + epsilon))
