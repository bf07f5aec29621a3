"""Contents of a ``.tflite`` file: operators, their cost and delegation, and every byte.

Parameters are the values of constants that the arithmetic uses (weights, biases, tables), each
counted once even where operators share them. Multiply-accumulates (MACs) are those of one
inference. The arena is what LiteRT's planner would need for all intermediate tensors if built-in
kernels ran everything; XNNPACK has a workspace of its own for those inside a partition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import cattrs

from tflconv.core import markup
from tflconv.core.bounded import DAMAGE, open_zip
from tflconv.core.files import gzip_size, sha256_file
from tflconv.core.jsonvalue import JsonValue
from tflconv.core.plural import plural
from tflconv.core.shortening import shorten
from tflconv.errors import TflconvError
from tflconv.inspection import cost, delegation, gpu, op_costs, runnable
from tflconv.inspection.delegation import Delegation
from tflconv.model.card import ModelCard, read_card
from tflconv.results import BenchmarkRun
from tflconv.tflite import reading
from tflconv.tflite.contents import Operator, Subgraph, TfliteModel, TfliteTensor
from tflconv.tflite.lifetimes import lifetimes

_UNREADABLE: tuple[type[Exception], ...] = (*DAMAGE, TflconvError)


@dataclass(frozen=True, kw_only=True)
class OpRow:
    """All operators of one name and type.

    Attributes:
        name: Name of the operator.
        types: Types of activations and weights, such as ``float32 × int8``.
        count: Number of operators.
        delegated: Number that XNNPACK runs.
        macs: Multiply-accumulates.
        parameters: Values of constants that the arithmetic uses.
        bytes: Bytes of those constants.
    """

    name: str
    types: str
    count: int
    delegated: int
    macs: int
    parameters: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Bytes:
    """Bytes of a file by part; the parts add up to ``total``.

    Attributes:
        weights: Constants that the arithmetic uses.
        quantization: Scales and zero points.
        constants: Other constants, such as shapes and axes.
        metadata: Metadata buffers.
        attached: The zip archive behind the model, with labels and card.
        structure: All the rest: operators, tensors, names.
    """

    weights: int
    quantization: int
    constants: int
    metadata: int
    attached: int
    structure: int

    @property
    def total(self) -> int:
        """Size of the file."""
        return sum(asdict(self).values())


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """Contents and predicted behaviour of one file.

    Attributes:
        model: The model as read.
        sha256: Hash of the file.
        card: The card in the file, if it has one.
        delegation: Which operators XNNPACK runs.
        ops: Operators by name and type, the most expensive first.
        bytes: Bytes by part.
        parameters: Values of constants that the arithmetic uses.
        macs: Multiply-accumulates of one inference.
        arena: Bytes of intermediate tensors, estimated without XNNPACK.
        obstacles: Why LiteRT's CPU runtime cannot run it, if so (``runnable.obstacles``).
        slower: Why it will be slower than float, if so (``delegation.warn_if_slower``).
        download: Bytes of the file as gzip packs it, if that was asked for.
        measured: Runs that recorded what each operator cost, if results were asked for.
        gpu_refusals: Why the GPU delegate refuses operators, by index, if that was asked for.
    """

    model: TfliteModel
    sha256: str
    card: ModelCard | None
    delegation: Delegation
    ops: tuple[OpRow, ...]
    bytes: Bytes
    parameters: int
    macs: int
    arena: int
    obstacles: tuple[str, ...]
    slower: tuple[str, ...]
    download: int | None = None
    measured: tuple[BenchmarkRun, ...] = ()
    gpu_refusals: Mapping[int, str] | None = None

    def __repr__(self) -> str:
        prediction = self.delegation
        return (
            f"Inspection({shorten(self.model.path.name)}: {self.bytes.total:,} bytes,"
            f" {self.parameters:,} parameters, {self.macs:,} multiply-accumulates,"
            f" {plural(len(prediction.partitions), 'partition')})"
        )

    def _repr_html_(self) -> str:
        from tflconv.inspection import drawing

        svg = drawing.draw([self.model])
        folded = f"<details><summary>the graph</summary>{svg}</details>"
        ops = markup.table([asdict(row) for row in self.ops], repr(self))
        costs = "".join(op_costs.to_html(run) for run in self.measured)
        refused = "" if self.gpu_refusals is None else gpu.to_html(self.model)
        return ops + costs + refused + folded


def inspect(path: Path, *, packed: bool = False) -> Inspection:
    """Inspect a ``.tflite`` file.

    Args:
        path: The file.
        packed: Whether its size as a download is wanted, which takes a second per 30 MB.

    Raises:
        TflconvError: It is no sound model.
    """
    model = reading.read(path)
    graph, predicted = model.main, delegation.predict(model)
    obstacles = tuple(runnable.obstacles(model))
    return Inspection(
        model=model,
        sha256=sha256_file(path),
        card=read_card(path),
        delegation=predicted,
        ops=_rows(graph, predicted),
        bytes=_account(model),
        parameters=_count(_parameters(model.subgraphs)),
        macs=sum(cost.macs(graph, operator) for operator in graph.operators),
        arena=arena(graph),
        obstacles=obstacles,
        slower=() if obstacles else tuple(delegation.warn_if_slower(path)),
        download=gzip_size(path) if packed else None,
    )


def to_json(inspection: Inspection) -> dict[str, JsonValue]:
    """Return the inspection as a JSON object; sizes are in bytes."""
    model, graph = inspection.model, inspection.model.main
    refused = inspection.gpu_refusals
    return {
        "file": model.path.name,
        "sha256": inspection.sha256,
        "bytes": asdict(inspection.bytes) | {"total": inspection.bytes.total},
        "download_bytes": inspection.download,
        "schema_version": model.version,
        "description": model.description,
        "inputs": [_boundary(graph.tensors[index]) for index in graph.inputs],
        "outputs": [_boundary(graph.tensors[index]) for index in graph.outputs],
        "parameters": inspection.parameters,
        "macs": inspection.macs,
        "arena_bytes": inspection.arena,
        "operators": len(graph.operators),
        "ops": [asdict(row) for row in inspection.ops],
        "delegation": {
            "partitions": len(inspection.delegation.partitions),
            "delegated": len(inspection.delegation.delegated),
            "refused": [
                {"op": name, "count": count, "reason": reason}
                for name, reason, count in delegation.refusals(graph, inspection.delegation)
            ],
        },
        "cannot_run": list(inspection.obstacles),
        "slower_than_float": list(inspection.slower),
        "subgraphs": [
            {
                "name": g.name,
                "operators": len(g.operators),
                "tensors": len(g.tensors),
                "partitions": len(delegation.of_graph(g).partitions),
            }
            for g in model.subgraphs
        ],
        "signatures": list(model.signatures),
        "metadata": dict(model.metadata),
        "card": None if inspection.card is None else cattrs.unstructure(inspection.card),
        "measured": [op_costs.to_json(run) for run in inspection.measured],
        **({} if refused is None else {"gpu_refusals": gpu.to_json(model)}),
    }


def arena(graph: Subgraph) -> int:
    """Return the bytes of memory for all intermediate tensors, as LiteRT plans it.

    Greedy by size: the largest tensor is placed first (Pisarchyk and Lee 2020, "Efficient Memory
    Management for Deep Neural Net Inference").
    """
    lives = lifetimes(graph)
    placed: list[tuple[int, int, int, int]] = []
    for first, last, size in sorted(lives, key=lambda life: -life[2]):
        start = 0
        for other, end, _, _ in sorted(p for p in placed if p[2] <= last and p[3] >= first):
            if start + size <= other:
                break
            start = max(start, end)
        placed.append((start, start + size, first, last))
    return max((end for _, end, _, _ in placed), default=0)


def _rows(graph: Subgraph, predicted: Delegation) -> tuple[OpRow, ...]:
    kinds: dict[tuple[str, str], list[Operator]] = {}
    for operator in graph.operators:
        kinds.setdefault((operator.name, _types(graph, operator)), []).append(operator)
    rows = [_row(graph, predicted, *kind, operators) for kind, operators in kinds.items()]
    return tuple(sorted(rows, key=lambda row: (-row.macs, -row.bytes, -row.count, row.name)))


def _row(
    graph: Subgraph, predicted: Delegation, name: str, types: str, operators: list[Operator]
) -> OpRow:
    constants = _unique(t for o in operators for t in graph.input_tensors(o) if _is_parameter(t))
    return OpRow(
        name=name,
        types=types,
        count=len(operators),
        delegated=sum(operator.index in predicted.delegated for operator in operators),
        macs=sum(cost.macs(graph, operator) for operator in operators),
        parameters=_count(constants),
        bytes=sum(len(t.data) for t in constants),
    )


def _types(graph: Subgraph, operator: Operator) -> str:
    """Return ``int8`` or, where weights have another type, ``float32 × int8``."""
    inputs = [t for t in graph.input_tensors(operator) if t.dtype not in ("int32", "int64")]
    kinds = dict.fromkeys(t.dtype for t in inputs[:2])
    outputs = {t.dtype for t in graph.output_tensors(operator)}
    converted = "" if not kinds or outputs <= set(kinds) else f" → {'/'.join(sorted(outputs))}"
    return " × ".join(kinds) + converted


def _account(model: TfliteModel) -> Bytes:
    graphs = model.subgraphs
    parameters = _parameters(graphs)
    steering = _unique(t for g in graphs for t in g.tensors if t.constant and not _is_parameter(t))
    weights = sum(len(t.data) for t in parameters)
    constants = sum(len(t.data) for t in steering)
    tables = sum(size for _, size in {v for g in graphs for t in g.tensors for v in _vectors(t)})
    metadata, attached = sum(model.metadata.values()), _attached(model)
    rest = model.bytes - weights - constants - tables - metadata - attached
    return Bytes(
        weights=weights,
        quantization=tables,
        constants=constants,
        metadata=metadata,
        attached=attached,
        structure=rest,
    )


def _attached(model: TfliteModel) -> int:
    """Return the bytes of the zip archive behind the flatbuffer, which holds labels and card."""
    try:
        with open_zip(model.path) as archive:
            starts = [entry.header_offset for entry in archive.infolist()]
    except _UNREADABLE:
        return 0  # nothing behind it, or what others made of a zip's end
    return model.bytes - min(starts, default=model.bytes)


def _vectors(tensor: TfliteTensor) -> tuple[tuple[int, int], ...]:
    return () if tensor.quantization is None else tensor.quantization.vectors


def _parameters(graphs: Iterable[Subgraph]) -> list[TfliteTensor]:
    return _unique(t for g in graphs for t in g.tensors if _is_parameter(t))


def _is_parameter(tensor: TfliteTensor) -> bool:
    whole = tensor.dtype in ("int32", "int64", "bool") and tensor.quantization is None
    return tensor.constant and not whole


def _unique(tensors: Iterable[TfliteTensor]) -> list[TfliteTensor]:
    """Return one tensor per buffer."""
    return list({tensor.buffer: tensor for tensor in tensors}.values())


def _count(tensors: Iterable[TfliteTensor]) -> int:
    return sum(tensor.elements for tensor in tensors)


def _boundary(tensor: TfliteTensor) -> dict[str, JsonValue]:
    quantization = tensor.quantization
    zero_points = quantization.zero_points if quantization else ()
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "shape_signature": list(tensor.signature),
        "type": tensor.dtype,
        "scale": quantization.scales[0] if quantization else None,
        "zero_point": zero_points[0] if zero_points else None,
    }
