"""An operator that is split off its activation gives what it gave before, by LiteRT's kernels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from tiny_graphs import Builder

from tflconv.model.interpreter import Interpreter
from tflconv.tflite import editing, packing, unfusing


@pytest.mark.parametrize("name", ["RELU", "RELU6", "RELU_N1_TO_1"])
def test_each_activation_becomes_an_operator(name: str, tmp_path: Path) -> None:
    build = Builder()
    source, end = build.tensor((1, 8)), build.tensor((1, 8))
    options = fb.MulOptionsT()
    options.fusedActivationFunction = getattr(fb.ActivationFunctionType, name)
    build.op("MUL", [source, source], [end], options)
    model = packing.unpack(build.content([source], [end]))
    (tmp_path / "fused.tflite").write_bytes(packing.pack(model))
    unfusing.take_apart(model)
    (tmp_path / "apart.tflite").write_bytes(packing.pack(model))
    assert [kind for *_, kind in editing.operators(model)] == ["MUL", name]
    row = np.linspace(-3, 3, 8, dtype=np.float32)[np.newaxis]
    before, after = (
        Interpreter(tmp_path / f"{file}.tflite").run([row])[0] for file in ("fused", "apart")
    )
    np.testing.assert_array_equal(after, before)
