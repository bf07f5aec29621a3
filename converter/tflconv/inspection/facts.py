"""Every operator of a file with what there is to know about it, for pictures and overlays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tflconv.inspection import blocks, cost
from tflconv.inspection.blocks import Repetition
from tflconv.inspection.inspect import Inspection
from tflconv.tflite.contents import Operator, Subgraph, TfliteTensor


@dataclass(frozen=True, kw_only=True)
class OperatorFacts:
    """One operator of the main subgraph.

    Attributes:
        index: Its position in the order of execution.
        name: Its name, with the activation that is fused into it.
        output: Name of its output; may be empty.
        type: Type and shape of its output.
        scale: Step of its output's integers; None for floats.
        zero_point: The integer that stands for 0.
        macs: Multiply-accumulates.
        instructions: Estimated arm64 instructions.
        bytes: Bytes of the constants that it reads.
        partition: Number of the XNNPACK partition that runs it; None for a built-in kernel.
        reason: Why XNNPACK does not run it.
        sources: Positions of the operators that it reads from; -1 is an input of the graph.
    """

    index: int
    name: str
    output: str
    type: str
    scale: float | None
    zero_point: int | None
    macs: int
    instructions: float
    bytes: int
    partition: int | None
    reason: str | None
    sources: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class GraphFacts:
    """The operators of a file, and the blocks that they repeat themselves in."""

    operators: tuple[OperatorFacts, ...]
    blocks: tuple[Repetition, ...]


def of(inspection: Inspection) -> GraphFacts:
    """Return the facts about the main subgraph of a file."""
    graph, run = inspection.model.main, inspection.delegation
    places = {index: n for n, part in enumerate(run.partitions, start=1) for index in part}
    costs = cost.per_operator(graph, run.partitions)
    operators = [
        _facts(graph, operator, costs[operator.index], places, run.reasons)
        for operator in graph.operators
    ]
    return GraphFacts(operators=tuple(operators), blocks=tuple(blocks.of(graph)))


def _facts(
    graph: Subgraph,
    operator: Operator,
    instructions: float,
    places: dict[int, int],
    reasons: dict[int, str],
) -> OperatorFacts:
    outputs = graph.output_tensors(operator)
    output = outputs[0] if outputs else None
    constants = {t.buffer: t for t in graph.input_tensors(operator) if t.constant}
    return OperatorFacts(
        index=operator.index,
        name=operator.name + (f" + {operator.activation}" if operator.activation else ""),
        output=output.name if output else "",
        type=_type(output) if output else "",
        scale=_scale(output),
        zero_point=_zero_point(output),
        macs=cost.macs(graph, operator),
        instructions=instructions,
        bytes=sum(len(tensor.data) for tensor in constants.values()),
        partition=places.get(operator.index),
        reason=reasons.get(operator.index),
        sources=_sources(graph, operator.inputs),
    )


def _sources(graph: Subgraph, tensors: Sequence[int]) -> tuple[int, ...]:
    indices = [
        graph.producers[t].index if t in graph.producers else -1
        for t in tensors
        if t in graph.producers or t in graph.inputs
    ]
    return tuple(dict.fromkeys(indices))


def _type(tensor: TfliteTensor) -> str:
    return f"{tensor.dtype} {'×'.join('?' if s < 0 else str(s) for s in tensor.signature)}"


def _scale(tensor: TfliteTensor | None) -> float | None:
    if tensor is None or tensor.quantization is None or not tensor.quantization.scales:
        return None
    return tensor.quantization.scales[0]


def _zero_point(tensor: TfliteTensor | None) -> int | None:
    if tensor is None or tensor.quantization is None or not tensor.quantization.zero_points:
        return None
    return tensor.quantization.zero_points[0]
