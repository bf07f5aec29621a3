"""Predicts which nodes XNNPACK will run, in how many partitions, and why it refuses the others.

LiteRT offers every node to the XNNPACK delegate, which checks types, shapes and quantization. It
takes what it can; the rest runs in built-in kernels, which are slow, and each change between the
two costs copies. A fast model has one partition. The rules of the delegate are in ``xnnpack``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tflconv.inspection import cost, xnnpack
from tflconv.tflite import reading
from tflconv.tflite.reading import Subgraph, TfliteModel

MARGIN = 1.2
"""Ratio of instructions, quantized over float, up to which no warning is given."""


@dataclass(frozen=True, kw_only=True)
class Delegation:
    """Which operators of the main subgraph XNNPACK runs.

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
    graph = model.main
    unpacked = xnnpack.unpacked_constants(graph)
    reasons = {}
    for operator in graph.operators:
        if operator.index not in unpacked:
            reason = xnnpack.refusal(graph, operator)
            if reason is not None:
                reasons[operator.index] = reason
    for index in unpacked:
        (output,) = graph.operators[index].outputs
        if any(consumer.index in reasons for consumer in graph.consumers.get(output, [])):
            reasons[index] = "unpacks a constant for a node that is not delegated"
    taken = {operator.index for operator in graph.operators} - set(reasons)
    return Delegation(partitions=_partitions(graph, taken), reasons=reasons)


def warn_if_slower(path: Path) -> list[str]:
    """Return why a quantized model will be slower than float on an arm64 phone.

    Args:
        path: The ``.tflite`` file.

    Returns:
        Nothing if the model is not quantized, or is expected to be faster. Otherwise a line that
        says by how much, and a line per operator that XNNPACK refuses, with count and reason.

    Raises:
        TflconvError: The file is no sound model.
    """
    model = reading.read(path)
    kinds = {t.dtype for o in model.main.operators for t in xnnpack.all_tensors(model.main, o)}
    if kinds.isdisjoint(("int4", "int8", "uint8", "int16")):
        return []
    predicted = predict(model)
    quantized = cost.instructions(model.main, predicted.partitions)
    in_float = cost.float_instructions(model.main)
    if not in_float or quantized <= MARGIN * in_float:
        return []
    headline = (
        f"{path.name} will be slower than float: about {quantized / in_float:.1f} times the arm64"
        f" instructions, in {len(predicted.partitions)} XNNPACK partitions."
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


def _partitions(graph: Subgraph, taken: set[int]) -> tuple[tuple[int, ...], ...]:
    """Partition as TFLite does: extend one partition while its inputs are ready, then switch.

    (``PartitionGraphIntoIndependentNodeSubsets`` in ``tflite/graph_info.cc``.)
    """
    ready = {t.index for t in graph.tensors if t.index not in graph.producers} | {-1}
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
                if not ready.issuperset(operator.inputs) or kind not in (None, index in taken):
                    continue
                kind, grown = index in taken, True
                piece.append(index)
                waiting.remove(index)
                ready.update(operator.outputs)
        if not piece:
            break
        if kind:
            partitions.append(tuple(sorted(piece)))
    return tuple(partitions)
