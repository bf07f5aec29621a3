"""A channel whose weights are zero keeps its bias in every integer recipe."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_graphs import FLOAT, Builder

import tflconv
from tflconv.conversion import Calibration
from tflconv.tflite import reading

INPUTS, OUTPUTS = 6, 4
RANDOM = np.random.default_rng(0)
SAMPLES = RANDOM.normal(size=(40, INPUTS)).astype(np.float32)


def layer(kernel: np.ndarray, bias: np.ndarray) -> bytes:
    """A float file with one fully connected layer."""
    builder = Builder()
    source = builder.tensor((1, INPUTS), FLOAT, name="x")
    weights = builder.tensor(kernel.shape, FLOAT, values=kernel)
    shift = builder.tensor((OUTPUTS,), FLOAT, values=bias)
    output = builder.tensor((1, OUTPUTS), FLOAT, name="y")
    options = fb.FullyConnectedOptionsT()
    builder.op("FULLY_CONNECTED", [source, weights, shift], [output], options)
    return builder.content([source], [output])


def converted(content: bytes, recipe: str, folder: Path) -> Path:
    path = folder / "layer.tflite"
    path.write_bytes(content)
    static = {"io": "float32"} if recipe.startswith("static") else {}
    samples = Calibration.of_values("noise", SAMPLES)
    (made,) = tflconv.convert(path, [recipe], folder / "out", calibration=samples, **static)
    return made


def answers(content: bytes) -> np.ndarray:
    runtime = Interpreter(model_content=content)
    runtime.allocate_tensors()
    rows = []
    for sample in SAMPLES:
        runtime.set_tensor(runtime.get_input_details()[0]["index"], sample[np.newaxis])
        runtime.invoke()
        rows.append(runtime.get_tensor(runtime.get_output_details()[0]["index"])[0].copy())
    return np.array(rows)


@pytest.mark.parametrize(
    "recipe",
    ["static_wi8_ai8", "selective_wi8_ai8", "static_wi8_ai8_tensorwise", "static_wi4_ai8",
     "selective_wi4_ai8"],
)  # fmt: skip
@pytest.mark.parametrize("size", [0.0, 1e-30, 1e-12, 1e-6])
def test_a_channel_without_weights_keeps_its_bias(recipe: str, size: float, tmp_path: Path) -> None:
    kernel = RANDOM.normal(size=(OUTPUTS, INPUTS)).astype(np.float32)
    kernel[1] *= size
    content = layer(kernel, np.array([0.1, 3.0, -0.2, 0.0], np.float32))
    expected, received = (
        answers(content),
        answers(converted(content, recipe, tmp_path).read_bytes()),
    )
    close = 0.1 if "wi4" in recipe else 0.02
    np.testing.assert_allclose(received, expected, rtol=0, atol=close * np.abs(expected).max())
    np.testing.assert_allclose(received[:, 1], 3.0, atol=0.06)


def test_channels_with_room_for_their_bias_stay_as_they_are(tmp_path: Path) -> None:
    kernel = RANDOM.normal(size=(OUTPUTS, INPUTS)).astype(np.float32)
    kernel[1] = 0
    made = converted(layer(kernel, np.ones(OUTPUTS, np.float32)), "static_wi8_ai8", tmp_path)
    weights = next(t for t in reading.read(made).main.tensors if t.constant and t.dtype == "int8")
    assert weights.quantization is not None
    scales = np.array(weights.quantization.scales)
    kept = [0, 2, 3]
    np.testing.assert_allclose(scales[kept], np.abs(kernel).max(1)[kept] / 127, rtol=1e-5)
    assert scales[1] > 1e-9


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(-30, 2), min_size=OUTPUTS, max_size=OUTPUTS), st.integers(0, 99))
def test_kernels_of_any_size_beside_any_bias(sizes: list[float], seed: int) -> None:
    random = np.random.default_rng(seed)
    kernel = random.normal(size=(OUTPUTS, INPUTS)) * 10.0 ** np.array(sizes)[:, np.newaxis]
    content = layer(kernel.astype(np.float32), random.normal(size=OUTPUTS).astype(np.float32))
    with tempfile.TemporaryDirectory() as folder:
        made = converted(content, "static_wi8_ai8", Path(folder))
        expected, received = answers(content), answers(made.read_bytes())
    atol = 0.03 * np.abs(expected).max()
    np.testing.assert_allclose(received, expected, rtol=0, atol=atol)
