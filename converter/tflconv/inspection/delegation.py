"""Predicts which nodes XNNPACK will run, in how many partitions, and why it refuses the others.

LiteRT offers every node to the XNNPACK delegate, which checks types, shapes and quantization. It
takes what it can; the rest runs in built-in kernels, which are slow, and each change between the
two costs copies. A fast model has one partition. The rules of the delegate are in ``xnnpack``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tflconv.inspection import cost, xnnpack, xnnpack_variables
from tflconv.tflite import reading
from tflconv.tflite.reading import Subgraph, TfliteModel

MARGIN = 1.2
"""Ratio of instructions, quantized over float, up to which no warning is given."""


@dataclass(frozen=True, kw_only=True)
class Delegation:
    """Which operators of a graph XNNPACK runs.

    Attributes:
        partitions: Indices of its operators, by partition.
        reasons: Why it refuses the others, by index.
    """

    partitions: tuple[tuple[int, ...], ...]
    reasons: dict[int, str]

    @property
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
    kinds = {
        t.dtype
        for o in model.main.operators
        for t in (*model.main.input_tensors(o), *model.main.output_tensors(o))
    }
    if kinds.isdisjoint(("int4", "int8", "uint8", "int16")):
        return []
    predicted = predict(model)
    in_float = cost.float_instructions(model.main)
    ratio = cost.instructions(model.main, predicted.partitions) / in_float if in_float else 0.0
    if ratio <= MARGIN:
        return []
    headline = (
        f"{path.name} will be slower than float: about {ratio:.1f} times the arm64 instructions,"
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


def _is_quantized(graph: Subgraph) -> bool:
    used = {index for o in graph.operators for index in (*o.inputs, *o.outputs) if index >= 0}
    return any(graph.tensors[index].dtype in ("int4", "int8", "uint8", "int16") for index in used)


def _partitions(graph: Subgraph, taken: set[int]) -> tuple[tuple[int, ...], ...]:
    """Partition as TFLite does: extend one partition while its inputs are ready, then switch.

    (``PartitionGraphIntoIndependentNodeSubsets`` in ``tflite/graph_info.cc``.)
    """
    ready = {t.index for t in graph.tensors if t.index not in graph.producers} | {-1}
    before, done = _earlier_accesses(graph), {-1}
    waiting = [operator.index for operator in graph.operators]
    partitions: list[tuple[int, ...]] = []
    while waiting:
        kind: bool | None = None
        piece: list[int] = []
        grown = True
        while grown:
            grown = False
            for index in list(waiting):
                operator = graph.operators[index]
                runs = before.get(index, -1) in done and ready.issuperset(operator.inputs)
                if not runs or kind not in (None, index in taken):
                    continue
                kind, grown = index in taken, True
                piece.append(index)
                waiting.remove(index)
                done.add(index)
                ready.update(operator.outputs)
        if not piece:
            break
        if kind:
            partitions.append(tuple(sorted(piece)))
    return tuple(partitions)


def _earlier_accesses(graph: Subgraph) -> dict[int, int]:
    """Return the operator that must run before each one that reads or writes a variable."""
    accesses = [
        operator.index
        for operator in graph.operators
        if any(tensor.dtype == "resource" for tensor in graph.input_tensors(operator))
    ]
    return dict(zip(accesses[1:], accesses, strict=False))
