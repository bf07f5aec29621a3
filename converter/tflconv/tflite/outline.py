"""What the inputs and outputs of a ``.tflite`` file are called, and which operators stand there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tflconv.tflite import schema
from tflconv.tflite.contents import Names, Operator, Subgraph, TfliteModel

_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE", "RESHAPE")
_CHOOSING = ("SELECT", "SELECT_V2")
_INDEX_MOVING = ("CAST", "EXPAND_DIMS", "RESHAPE", "SQUEEZE")


@dataclass(frozen=True, kw_only=True)
class Outline:
    """The ends of the main graph of a file.

    Attributes:
        inputs: Names of the inputs: those of the signature, if there is one, else of the tensors.
        outputs: Names of the outputs, alike.
        endings: By name of an output, the operator that makes it, before what only converts it:
            ``SOFTMAX``; an empty one for an input.
        rows: By name of an input, the rows of the smallest stored table that it looks up.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    endings: dict[str, str]
    rows: dict[str, int]


def of(model: TfliteModel) -> Outline:
    """Return the outline of ``model``."""
    graph, (signed, results) = model.main, model.names
    inputs = _named(graph, graph.inputs, signed)
    outputs = _named(graph, graph.outputs, results)
    return Outline(
        inputs=inputs,
        outputs=outputs,
        endings={
            name: _ending(graph, index) for name, index in zip(outputs, graph.outputs, strict=True)
        },
        rows=_rows(graph, dict(zip(graph.inputs, inputs, strict=True))),
    )


def _named(graph: Subgraph, indices: Sequence[int], signed: Names) -> tuple[str, ...]:
    names = zip(schema.signed_names(indices, signed), indices, strict=True)
    return tuple(name or graph.tensors[i].name or f"tensor_0_{i}" for name, i in names)


def _ending(graph: Subgraph, index: int) -> str:
    maker = graph.producers.get(index)
    for _ in graph.operators:  # so many steps at most, should they form a circle
        if maker is None or maker.name not in _CONVERSIONS:
            break
        maker = graph.producers.get(maker.inputs[0])
    return maker.name if maker else ""


def _rows(graph: Subgraph, names: dict[int, str]) -> dict[str, int]:
    rows: dict[str, int] = {}
    for operator in graph.operators:
        if operator.name in ("GATHER", "EMBEDDING_LOOKUP"):
            table, indices = operator.inputs[:2]
            if operator.name == "EMBEDDING_LOOKUP":
                table, indices = indices, table
            shape = graph.tensors[table].shape
            if indices in names and graph.tensors[table].constant and shape:
                source = names[indices]
                rows[source] = min(rows.get(source, shape[0]), shape[0])
        elif source := next((names[i] for i in _handed_on(operator) if i in names), ""):
            names.update(dict.fromkeys(operator.outputs[:1], source))
    return rows


def _handed_on(operator: Operator) -> Sequence[int]:
    """What an operator hands on as it is; Keras chooses between a row and one from the end."""
    if operator.name in _CHOOSING:
        return operator.inputs[1:]
    return operator.inputs[:1] if operator.name in _INDEX_MOVING else ()
