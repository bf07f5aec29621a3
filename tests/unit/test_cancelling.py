"""Sums of operands that cancel are quantized to files that LiteRT can run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_graphs import Builder

import tflconv

VALUES = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)
RUN = (
    "import sys; from ai_edge_litert.interpreter import Interpreter\n"
    "runtime = Interpreter(sys.argv[1]); runtime.allocate_tensors(); runtime.invoke()"
)


def cancelled(kind: str, apart: float, path: Path) -> Path:
    """``apart`` times ``x`` less itself."""
    build = Builder()
    source, end = build.tensor((1, 4), name="x"), build.tensor((1, 4), name="end")
    other, product = build.tensor((1, 4)), build.tensor((1, 4))
    build.op("MUL", [source, build.tensor((), values=apart)], [product])
    build.op("MUL", [product, build.tensor((), values=-1 if kind == "ADD" else 1)], [other])
    build.op(kind, [product, other], [end])
    return build.write(path, [source], [end])


@pytest.mark.parametrize("recipe", ["static_wi8_ai8", "static_wi8_ai16"])
@pytest.mark.parametrize("apart", [1.0, 1e6])
@pytest.mark.parametrize("kind", ["ADD", "SUB", "SQUARED_DIFFERENCE"])
def test_what_is_left_of_large_operands_has_a_scale(
    kind: str, apart: float, recipe: str, tmp_path: Path
) -> None:
    given = cancelled(kind, apart, tmp_path / "given.tflite")
    (made,) = tflconv.convert(given, [recipe], tmp_path / "made", calibration=VALUES, io="float32")
    done = subprocess.run([sys.executable, "-c", RUN, str(made)], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
