"""What is inside a ``.tflite`` file: operators, their work and who runs them, and every byte.

Parameters are the values of constants that the arithmetic uses (weights, biases, tables), each
counted once however many operators share it. Multiply-accumulates (MACs) are those of one
inference. The arena is what LiteRT's planner would need for all intermediate tensors if built-in
kernels ran everything; XNNPACK keeps those inside of a partition in a workspace of its own.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import cattrs

from tflconv.core.files import sha256_file
from tflconv.core.jsonvalue import JsonValue
from tflconv.inspection import cost, delegation
from tflconv.inspection.delegation import Delegation
from tflconv.model.card import ModelCard, read_card
from tflconv.tflite import reading
from tflconv.tflite.reading import Operator, Subgraph, TfliteModel, TfliteTensor

_ALIGNMENT = 64


@dataclass(frozen=True, kw_only=True)
class OpRow:
    """All operators of one kind and their share of the work. ``types``: activation × weights."""

    name: str
    types: str
    count: int
    delegated: int
    macs: int
    parameters: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Bytes:
    """Where the bytes of a file are; the parts add up to ``total``."""

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
    """One file, looked at from all sides."""

    model: TfliteModel
    sha256: str
    card: ModelCard | None
    delegation: Delegation
    ops: tuple[OpRow, ...]
    bytes: Bytes
    parameters: int
    macs: int
    arena: int
    slower: tuple[str, ...]


def inspect(path: Path) -> Inspection:
    """Look at the model at ``path``; raises ``TflconvError`` for what is no sound model."""
    model = reading.read(path)
    graph, found = model.main, delegation.predict(model)
    return Inspection(
        model=model,
        sha256=sha256_file(path),
        card=read_card(path),
        delegation=found,
        ops=_rows(graph, found),
        bytes=_account(model),
        parameters=_count(_parameters(model.subgraphs)),
        macs=sum(cost.macs(graph, operator) for operator in graph.operators),
        arena=arena(graph),
        slower=tuple(delegation.warn_if_slower(path)),
    )


def to_json(found: Inspection) -> dict[str, JsonValue]:
    """Everything known, as JSON values; sizes in bytes."""
    model, graph = found.model, found.model.main
    return {
        "file": model.path.name,
        "sha256": found.sha256,
        "bytes": asdict(found.bytes) | {"total": found.bytes.total},
        "schema_version": model.version,
        "description": model.description,
        "inputs": [_boundary(graph.tensors[index]) for index in graph.inputs],
        "outputs": [_boundary(graph.tensors[index]) for index in graph.outputs],
        "parameters": found.parameters,
        "macs": found.macs,
        "arena_bytes": found.arena,
        "operators": len(graph.operators),
        "ops": [asdict(row) for row in found.ops],
        "delegation": {
            "partitions": len(found.delegation.partitions),
            "delegated": len(found.delegation.delegated),
            "refused": [
                {"op": name, "count": count, "reason": reason}
                for name, reason, count in delegation.refusals(graph, found.delegation)
            ],
        },
        "slower_than_float": list(found.slower),
        "subgraphs": [
            {"name": g.name, "operators": len(g.operators), "tensors": len(g.tensors)}
            for g in model.subgraphs
        ],
        "signatures": list(model.signatures),
        "metadata": dict(model.metadata),
        "card": None if found.card is None else cattrs.unstructure(found.card),
    }


def arena(graph: Subgraph) -> int:
    """Bytes for all intermediate tensors, laid out greedily, the largest first, as LiteRT does.

    (Pisarchyk and Lee, Efficient Memory Management for Deep Neural Net Inference, 2020.)
    """
    lives = _lifetimes(graph)
    placed: list[tuple[int, int, int, int]] = []
    for first, last, size in sorted(lives, key=lambda life: -life[2]):
        start = 0
        for other, end, _, _ in sorted(p for p in placed if p[2] <= last and p[3] >= first):
            if start + size <= other:
                break
            start = max(start, end)
        placed.append((start, start + size, first, last))
    return max((end for _, end, _, _ in placed), default=0)


def _lifetimes(graph: Subgraph) -> list[tuple[int, int, int]]:
    """``(first step, last step, bytes)`` of every tensor that is no constant."""
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
        (step, last.get(index, step), -(-graph.tensors[index].bytes // _ALIGNMENT) * _ALIGNMENT)
        for index, step in first.items()
        if index >= 0 and not graph.tensors[index].constant
    ]


def _rows(graph: Subgraph, found: Delegation) -> tuple[OpRow, ...]:
    kinds: dict[tuple[str, str], list[Operator]] = {}
    for operator in graph.operators:
        kinds.setdefault((operator.name, _types(graph, operator)), []).append(operator)
    rows = [_row(graph, found, *kind, operators) for kind, operators in kinds.items()]
    return tuple(sorted(rows, key=lambda row: (-row.macs, -row.bytes, -row.count, row.name)))


def _row(
    graph: Subgraph, found: Delegation, name: str, types: str, operators: list[Operator]
) -> OpRow:
    constants = _unique(t for o in operators for t in graph.input_tensors(o) if _is_parameter(t))
    return OpRow(
        name=name,
        types=types,
        count=len(operators),
        delegated=sum(operator.index in found.delegated for operator in operators),
        macs=sum(cost.macs(graph, operator) for operator in operators),
        parameters=_count(constants),
        bytes=sum(len(t.data) for t in constants),
    )


def _types(graph: Subgraph, operator: Operator) -> str:
    """``int8`` or, where weights differ, ``float32 × int8``."""
    inputs = [t for t in graph.input_tensors(operator) if t.dtype not in ("int32", "int64")]
    kinds = dict.fromkeys(t.dtype for t in inputs[:2])
    outputs = {t.dtype for t in graph.output_tensors(operator)}
    made = "" if not kinds or outputs <= set(kinds) else f" → {'/'.join(sorted(outputs))}"
    return " × ".join(kinds) + made


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
    """Bytes of a zip archive behind the flatbuffer, where labels and our card are."""
    try:
        with zipfile.ZipFile(model.path) as archive:
            starts = [entry.header_offset for entry in archive.infolist()]
    except (OSError, zipfile.BadZipFile):
        return 0
    return model.bytes - min(starts, default=model.bytes)


def _vectors(tensor: TfliteTensor) -> tuple[tuple[int, int], ...]:
    return () if tensor.quantization is None else tensor.quantization.vectors


def _parameters(graphs: Iterable[Subgraph]) -> list[TfliteTensor]:
    return _unique(t for g in graphs for t in g.tensors if _is_parameter(t))


def _is_parameter(tensor: TfliteTensor) -> bool:
    whole = tensor.dtype in ("int32", "int64", "bool") and tensor.quantization is None
    return tensor.constant and not whole


def _unique(tensors: Iterable[TfliteTensor]) -> list[TfliteTensor]:
    """Each buffer once."""
    return list({tensor.buffer: tensor for tensor in tensors}.values())


def _count(tensors: Iterable[TfliteTensor]) -> int:
    return sum(tensor.elements for tensor in tensors)


def _boundary(tensor: TfliteTensor) -> dict[str, JsonValue]:
    found = tensor.quantization
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "type": tensor.dtype,
        "scale": found.scales[0] if found else None,
        "zero_point": found.zero_points[0] if found and found.zero_points else None,
    }
