"""Outputs that are one tensor, or that operators read, have the types that were asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from ai_edge_litert.interpreter import Interpreter
from tiny_graphs import Builder, dense

import tflconv

VALUES = np.random.default_rng(0).normal(size=(32, 8)).astype(np.float32)
GRAPHS = {
    "the same twice": ("scores", "scores"),
    "the same around another": ("scores", "weights", "scores"),
    "what is read": ("scores", "weights"),
}


def graph(outputs: tuple[str, ...], path: Path) -> Path:
    """Scores and their softmax, given in this order."""
    build = Builder()
    source = build.tensor((1, 8), name="source")
    named = {"scores": dense(build, source, 8, 4), "weights": build.tensor((1, 4), name="weights")}
    options = fb.SoftmaxOptionsT()
    options.beta = 1.0
    if "weights" in outputs:
        build.op("SOFTMAX", [named["scores"]], [named["weights"]], options)
    return build.write(path, [source], [named[name] for name in outputs])


def answers(file: Path) -> list[np.ndarray]:
    runtime = Interpreter(model_path=str(file))
    runtime.allocate_tensors()
    (taken,) = runtime.get_input_details()
    rows = []
    for row in VALUES:
        runtime.set_tensor(taken["index"], stored(row[np.newaxis], taken))
        runtime.invoke()
        given = [(runtime.get_tensor(each["index"]), each) for each in runtime.get_output_details()]
        rows.append([real(values, each) for values, each in given])
    return [np.concatenate(each) for each in zip(*rows, strict=True)]


def stored(values: np.ndarray, tensor: dict) -> np.ndarray:
    scale, zero = tensor["quantization"]
    return np.rint(values / scale + zero).astype(tensor["dtype"]) if scale else values


def real(values: np.ndarray, tensor: dict) -> np.ndarray:
    scale, zero = tensor["quantization"]
    return (values.astype(np.float32) - zero) * scale if scale else values


@pytest.mark.parametrize("io", ["float32", "int8", "uint8"])
@pytest.mark.parametrize("outputs", GRAPHS.values(), ids=GRAPHS)
def test_each_output_has_the_type_that_was_asked_for(
    outputs: tuple[str, ...], io: Literal["float32", "int8", "uint8"], tmp_path: Path
) -> None:
    given = graph(outputs, tmp_path / "given.tflite")
    (made,) = tflconv.convert(
        given, ["static_wi8_ai8"], tmp_path / "made", calibration=VALUES, io=io
    )
    runtime = Interpreter(model_path=str(made))
    details = runtime.get_output_details()
    assert [each["dtype"].__name__ for each in details] == [io] * len(outputs)
    signature = runtime.get_signature_list()
    assert [len(each["outputs"]) for each in signature.values()] == [len(set(outputs))]
    for expected, received in zip(answers(given), answers(made), strict=True):
        np.testing.assert_allclose(received, expected, atol=0.03 * np.abs(expected).max())
