"""Tiny models of one operator or pattern each, against LiteRT and against what was known of them.

``tests/golden/models/make_ops.py`` makes them; a new runtime or reader that sees them otherwise
than before shows here, by name.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter as LiteRT
from tiny_graphs import INT8, INT32, Builder

from tflconv.inspection import delegation
from tflconv.inspection.inspect import inspect
from tflconv.model.interpreter import Interpreter
from tflconv.tflite import packing, reading

OPS = Path(__file__).parents[1] / "golden" / "models" / "ops"
EXPECTED: dict[str, dict[str, Any]] = json.loads((OPS / "expected.json").read_text())
CLOSE = 1e-5
"""Of float outputs, as a share of the largest; integers may be one step away."""


def file(name: str) -> Path:
    return OPS / f"{name}.tflite"


def test_there_are_many_and_they_are_tiny() -> None:
    files = {path.stem: path.stat().st_size for path in OPS.glob("*.tflite")}
    assert files.keys() == EXPECTED.keys()
    assert len(files) >= 40
    assert max(files.values()) < 3_000
    assert sum(files.values()) < 150_000


@pytest.mark.parametrize("name", EXPECTED)
def test_every_tensor_is_read_as_litert_reads_it(name: str) -> None:
    graph = reading.read(file(name)).main
    runtime = LiteRT(model_path=str(file(name)))
    details = {each["index"]: each for each in runtime.get_tensor_details()}
    for tensor in graph.tensors:
        known = details[tensor.index]
        shapes = (tuple(known["shape"]), tuple(known["shape_signature"]))
        assert (tensor.shape, tensor.signature) == shapes
        assert tensor.dtype == np.dtype(known["dtype"]).name
        found, stored = tensor.quantization, known["quantization_parameters"]
        assert (found.scales if found else ()) == pytest.approx(tuple(stored["scales"]))
        assert (found.zero_points if found else ()) == tuple(stored["zero_points"])
    assert list(graph.inputs) == [each["index"] for each in runtime.get_input_details()]
    assert list(graph.outputs) == [each["index"] for each in runtime.get_output_details()]


@pytest.mark.parametrize("name", EXPECTED)
def test_operators_are_those_that_litert_runs(name: str) -> None:
    graph = reading.read(file(name)).main
    kinds = [operator.name for operator in graph.operators]
    assert kinds == EXPECTED[name]["ops"]
    nodes = LiteRT(model_path=str(file(name)))._get_ops_details()
    assert kinds == [node["op_name"] for node in nodes]
    assert [o.inputs for o in graph.operators] == [tuple(node["inputs"]) for node in nodes]


@pytest.mark.parametrize("name", EXPECTED)
def test_inspection_counts_work_and_bytes(name: str) -> None:
    found, known = inspect(file(name)), EXPECTED[name]
    rows = [[row.name, row.types, row.count, row.delegated, row.parameters] for row in found.ops]
    assert rows == known["rows"]
    assert sum(row.macs for row in found.ops) == found.macs == known["macs"]
    assert (found.parameters, found.bytes.weights) == (known["parameters"], known["weight_bytes"])
    assert found.bytes.total == file(name).stat().st_size
    assert found.bytes.structure > 0


@pytest.mark.parametrize("name", EXPECTED)
def test_delegation_is_foretold(name: str) -> None:
    foretold = delegation.predict(reading.read(file(name)))
    measured = Interpreter(file(name)).partitions
    assert len(foretold.partitions) == measured == EXPECTED[name]["partitions"]
    kinds = EXPECTED[name]["ops"]
    reasons = {kinds[index]: why for index, why in foretold.reasons.items()}
    assert reasons == EXPECTED[name]["refused"]


@pytest.mark.parametrize("name", EXPECTED)
def test_outputs_stay_what_they_were(name: str) -> None:
    interpreter, known = Interpreter(file(name)), EXPECTED[name]
    random = np.random.default_rng(0)
    inputs = [
        random.uniform(known["low"], 3, each.shape).astype(np.float32)
        for each in interpreter.inputs
    ]
    outputs = interpreter.run(inputs)
    assert len(outputs) == len(known["outputs"])
    for tensor, received, expected in zip(
        interpreter.outputs, outputs, known["outputs"], strict=True
    ):
        step = tensor.scale or CLOSE * max(1, np.abs(expected).max())
        np.testing.assert_allclose(received.ravel(), expected, atol=1.01 * step, rtol=0)


@pytest.mark.parametrize("name", EXPECTED)
def test_what_is_unpacked_and_packed_again_is_the_same_file(name: str) -> None:
    content = file(name).read_bytes()
    assert packing.pack(packing.unpack(content)) == content


def test_an_integer_file_that_only_moves_values_is_no_slower_than_float(tmp_path: Path) -> None:
    builder = Builder()
    source, target = builder.tensor((1, 4), INT8), builder.tensor((1, 2, 2), INT8)
    shape = builder.tensor((3,), INT32, values=[1, 2, 2])
    builder.op("RESHAPE", [source, shape], [target])
    path = builder.write(tmp_path / "moves.tflite", [source], [target])
    assert inspect(path).slower == ()


def test_a_file_that_only_converts_is_compared_with_nothing(tmp_path: Path) -> None:
    builder = Builder()
    source, target = builder.tensor((1, 4), INT8, scale=0.5), builder.tensor((1, 4))
    builder.op("DEQUANTIZE", [source], [target])
    path = builder.write(tmp_path / "converts.tflite", [source], [target])
    assert inspect(path).slower == ()
