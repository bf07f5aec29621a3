"""Predicts which nodes XNNPACK will run, in how many partitions, and why it refuses the others.

LiteRT offers every node to the XNNPACK delegate, which checks types, shapes and quantization. It
takes what it can; the rest runs in built-in kernels, which are slow, and each change between the
two costs copies. A fast model has one partition. The rules of the delegate are in ``xnnpack``.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tflconv.inspection import cost, xnnpack, xnnpack_variables
from tflconv.inspection.xnnpack_checks import AT_RUN_TIME
from tflconv.tflite import reading
from tflconv.tflite.contents import Subgraph, TfliteModel

MARGIN = 1.2
"""Ratio of instructions, quantized over float, up to which no warning is given."""

HIGHEST = 100
"""Ratio above which none is told: next to nothing is computed, and the estimate is of calls."""


@dataclass(frozen=True, kw_only=True)
class Delegation:
    """Which operators of a graph XNNPACK runs.

    Attributes:
        partitions: Indices of its operators, by partition.
        reasons: Why it refuses the others, by index.
    """

    partitions: tuple[tuple[int, ...], ...]
    reasons: dict[int, str]

    @cached_property
    def delegated(self) -> frozenset[int]:
        """Indices of all operators that XNNPACK runs."""
        return frozenset(index for partition in self.partitions for index in partition)


def predict(model: TfliteModel) -> Delegation:
    """Predict what the XNNPACK delegate does with the main subgraph of a model."""
    return of_graph(model.main)


def of_graph(graph: Subgraph) -> Delegation:
    """Predict what the XNNPACK delegate does with a graph."""
    unpacking = xnnpack.unpacking_operators(graph)
    unpacked = frozenset(unpacking.values())
    variables = xnnpack_variables.refusals(graph)
    verdicts = variables | {
        operator.index: xnnpack.refusal(graph, operator, unpacked)
        for operator in graph.operators
        if operator.index not in unpacking and operator.index not in variables
    }
    reasons = {index: reason for index, reason in sorted(verdicts.items()) if reason}
    read = {index for refused in reasons for index in graph.operators[refused].inputs}
    for index, tensor in unpacking.items():
        if tensor in read:
            reasons[index] = "unpacks a constant for a node that is not delegated"
    taken = {operator.index for operator in graph.operators} - set(reasons)
    return Delegation(partitions=_partitions(graph, taken), reasons=reasons)


def better_beginning(graph: Subgraph) -> int | None:
    """Return the operator that ``graph`` should begin with, so that it has fewer partitions.

    Turns alternate, and what comes first decides whose is the first one. XNNPACK is started twice
    where it could start at once and has to wait for a built-in kernel; the other way round it is
    never started more often.

    Args:
        graph: A graph. One with variables stays, for their accesses have an order of their own, and
            so does one with shapes that change from step to step: with each of them XNNPACK plans a
            whole partition anew, and two have less to plan.

    Returns:
        The index of an operator that XNNPACK refuses; None if the order is as good as any.
    """
    delegation = of_graph(graph)
    partitions = delegation.partitions
    changing = AT_RUN_TIME in delegation.reasons.values()
    if len(partitions) < 2 or changing or any(t.dtype == "resource" for t in graph.tensors):
        return None
    needs = _dependencies(graph)
    ready = (index for index in sorted(delegation.reasons) if not needs[index])
    fewer = len(_partitions(graph, {*delegation.delegated}, begin=False)) < len(partitions)
    return next(ready, None) if fewer else None


def estimate(content: bytes) -> float:
    """Estimate the arm64 instructions of one inference of a ``.tflite`` file in memory."""
    model = reading.parse(content, Path("model.tflite"))
    return cost.instructions(model.main, predict(model).partitions)


def warn_if_slower(path: Path) -> list[str]:
    """Return why a quantized model will be slower than float on an arm64 phone.

    Args:
        path: The ``.tflite`` file.

    Returns:
        Nothing if the model is not quantized, is expected to be faster, or has no arithmetic to
        compare. Otherwise a line that says by how much, and a line per operator that XNNPACK
        refuses, with count and reason.

    Raises:
        TflconvError: The file is no sound model.
    """
    model = reading.read(path)
    if not is_quantized(model.main):
        return []
    predicted = predict(model)
    in_float = cost.float_instructions(model.main)
    ratio = cost.instructions(model.main, predicted.partitions) / in_float if in_float else 0.0
    if ratio <= MARGIN:
        return []
    times = f"about {ratio:.1f} times" if ratio < HIGHEST else f"more than {HIGHEST} times"
    headline = (
        f"{path.name} will be slower than float: {times} the arm64 instructions,"
        f" in {len(predicted.partitions)} XNNPACK partitions."
    )
    products = [operator for operator in model.main.operators if cost.macs(model.main, operator)]
    read = {t.dtype for product in products for t in model.main.input_tensors(product)}
    legacy = ["convert to int8: uint8 kernels do not use the dot product (SDOT)"]
    reasons = [f"{n} × {name}: {why}" for name, why, n in refusals(model.main, predicted)]
    return [headline, *(legacy if "uint8" in read else []), *reasons]


def refusals(graph: Subgraph, delegation: Delegation) -> list[tuple[str, str, int]]:
    """Return ``(operator, reason, count)`` of what XNNPACK refuses, most frequent first."""
    counts = Counter((graph.operators[i].name, why) for i, why in delegation.reasons.items())
    return [(name, reason, count) for (name, reason), count in counts.most_common()]


def is_quantized(graph: Subgraph) -> bool:
    """Return whether an operator of ``graph`` reads or makes integers of 16 bits or fewer."""
    used = {index for o in graph.operators for index in (*o.inputs, *o.outputs) if index >= 0}
    return any(graph.tensors[index].dtype in ("int4", "int8", "uint8", "int16") for index in used)


def _partitions(
    graph: Subgraph, taken: set[int], *, begin: bool | None = None
) -> tuple[tuple[int, ...], ...]:
    """Partition as TFLite does: extend one partition while its inputs are ready, then switch.

    (``PartitionGraphIntoIndependentNodeSubsets`` in ``tflite/graph_info.cc``.) ``begin`` says
    whether the first turn is the delegate's; by default that of the first operator.
    """
    needs = _dependencies(graph)
    followers: dict[int, list[int]] = {}
    for index, others in needs.items():
        for other in others:
            followers.setdefault(other, []).append(index)
    missing = {index: len(others) for index, others in needs.items()}
    ready: dict[bool, list[int]] = {True: [], False: []}
    for index in sorted(index for index, count in missing.items() if not count):
        ready[index in taken].append(index)
    partitions: list[tuple[int, ...]] = []
    while ready[True] or ready[False]:
        kind = min((heap[0], kind) for kind, heap in ready.items() if heap)[1]
        kind, begin = kind if begin is None else begin, None
        piece: list[int] = []
        while ready[kind]:
            piece.append(heapq.heappop(ready[kind]))
            for follower in followers.get(piece[-1], ()):
                missing[follower] -= 1
                if not missing[follower]:
                    heapq.heappush(ready[follower in taken], follower)
        if kind:
            partitions.append(tuple(sorted(piece)))
    return tuple(partitions)


def _dependencies(graph: Subgraph) -> dict[int, set[int]]:
    """Return the operators that must run before each one: makers of its inputs, and of variables.

    What reads or writes a variable stays in the order of the file.
    """
    producers = graph.producers
    needs = {
        operator.index: {producers[t].index for t in operator.inputs if t in producers}
        for operator in graph.operators
    }
    accesses = [
        operator.index
        for operator in graph.operators
        if any(tensor.dtype == "resource" for tensor in graph.input_tensors(operator))
    ]
    for earlier, later in itertools.pairwise(accesses):
        needs[later].add(earlier)
    return needs
