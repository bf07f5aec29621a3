"""The ends of a graph: their names, the operators there, the tables that inputs look up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from tiny_graphs import INT32, Builder

from tflconv.model.interpreter import Interpreter
from tflconv.tflite import editing, outline, packing, reading


def outlined(content: bytes) -> outline.Outline:
    return outline.of(reading.parse(content, Path("x.tflite")))


def looking_up() -> bytes:
    """Rows of two tables, a softmax of one, and both given."""
    builder = Builder()
    index, moved = builder.tensor((1, 3), INT32), builder.tensor((3,), INT32)
    tables = [builder.tensor((rows, 2), values=np.ones((rows, 2))) for rows in (9, 5)]
    found = [builder.tensor((3, 2)) for _ in tables]
    scores = builder.tensor((3, 2))
    builder.op("RESHAPE", [index, builder.tensor((1,), INT32, values=[3])], [moved])
    for table, rows in zip(tables, found, strict=True):
        builder.op("GATHER", [table, moved], [rows], fb.GatherOptionsT())
    options = fb.SoftmaxOptionsT()
    options.beta = 1.0
    builder.op("SOFTMAX", [found[0]], [scores], options)
    return builder.content([index], [scores, found[1]])


def test_names_are_those_of_the_signature() -> None:
    model = packing.unpack(looking_up())
    editing.sign(model, ["words"], ["shares", "rows"])
    found = outlined(packing.pack(model))
    assert (found.inputs, found.outputs) == (("words",), ("shares", "rows"))
    assert found.endings == {"shares": "SOFTMAX", "rows": "GATHER"}
    assert found.rows == {"words": 5}, "the smaller table"


def test_an_output_that_is_given_twice_has_both_names() -> None:
    model = packing.unpack(looking_up())
    graph = model.subgraphs[0]
    graph.outputs = [int(graph.outputs[0])] * 2
    editing.sign(model, ["words"], ["one", "other"])
    assert outlined(packing.pack(model)).outputs == ("one", "other")


def test_without_any_name_they_are_numbered() -> None:
    model = packing.unpack(looking_up())
    model.signatureDefs = None
    for tensor in model.subgraphs[0].tensors:
        tensor.name = None
    found = outlined(packing.pack(model))
    assert found.inputs == ("tensor_0_0",)
    assert len(set(found.outputs)) == 2


def test_conversions_in_a_circle_end() -> None:
    builder = Builder()
    first, second = builder.tensor((1, 4)), builder.tensor((1, 4))
    builder.op("RESHAPE", [first], [second])
    builder.op("RESHAPE", [second], [first])
    assert set(outlined(builder.content([], [second])).endings.values()) == {"RESHAPE"}


def test_the_runtime_has_it(tmp_path: Path) -> None:
    (tmp_path / "x.tflite").write_bytes(looking_up())
    assert Interpreter(tmp_path / "x.tflite").outline == outlined(looking_up())
