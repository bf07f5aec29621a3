"""Sums that cancel and layers that let nothing through become files that LiteRT can run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from tiny_graphs import Builder

import tflconv
from tflconv.conversion import Calibration, cancelling
from tflconv.conversion.calibration import measure
from tflconv.model.interpreter import Interpreter
from tflconv.tflite import packing

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


@pytest.mark.parametrize("kind", ["MINIMUM", "SELECT_V2"])
def test_a_choice_of_nothing_leaves_room_for_what_it_is_chosen_from(
    kind: str, tmp_path: Path
) -> None:
    """All operands have the step of what is chosen, which is always the zeros."""
    build = Builder()
    source, end = build.tensor((1, 4), name="x"), build.tensor((1, 4), name="end")
    total, zeros = build.tensor((1, 4)), build.tensor((1, 4), values=[[0.0] * 4])
    build.op("ADD", [source, build.tensor((), values=9.0)], [total])
    if kind == "MINIMUM":
        build.op(kind, [total, zeros], [end])
    else:
        mask = build.tensor((1, 4), fb.TensorType.BOOL, values=[[False] * 4])
        build.op(kind, [mask, total, zeros], [end], fb.SelectV2OptionsT())
    given = build.write(tmp_path / "given.tflite", [source], [end])
    (made,) = tflconv.convert(given, ["static_wi8_ai8"], tmp_path / "made", calibration=VALUES)
    done = subprocess.run([sys.executable, "-c", RUN, str(made)], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def silent(kind: str, path: Path) -> Path:
    """A layer whose ReLU lets nothing of ``x`` through, and ``x`` beside it."""
    build, relu = Builder(), fb.ActivationFunctionType.RELU
    source, end = build.tensor((1, 1, 1, 4), name="x"), build.tensor((1, 1, 1, 8), name="end")
    options: Any = {"CONV_2D": fb.Conv2DOptionsT, "DEPTHWISE_CONV_2D": fb.DepthwiseConv2DOptionsT}
    if kind in options:
        chosen, sides = options[kind](), {"CONV_2D": (4, 1, 1, 4)}.get(kind, (1, 1, 1, 4))
        chosen.strideH = chosen.strideW = chosen.dilationHFactor = chosen.dilationWFactor = 1
        if kind == "DEPTHWISE_CONV_2D":
            chosen.depthMultiplier = 1
    else:
        chosen, sides = fb.FullyConnectedOptionsT(), (4, 4)
        chosen.keepNumDims = True
    chosen.fusedActivationFunction = relu
    kernel = build.tensor(sides, values=np.ones(sides))
    bias = build.tensor((4,), values=np.full(4, -100))
    silenced = build.tensor((1, 1, 1, 4), name="silenced")
    build.op(kind, [source, kernel, bias], [silenced], chosen)
    joined = fb.ConcatenationOptionsT()
    joined.axis = 3
    build.op("CONCATENATION", [source, silenced], [end], joined)
    return build.write(path, [source], [end])


@pytest.mark.parametrize("recipe", ["static_wi8_ai8", "selective_wi8_ai8"])
@pytest.mark.parametrize("kind", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
def test_a_layer_that_lets_nothing_through_has_a_scale(
    kind: str, recipe: str, tmp_path: Path
) -> None:
    given = silent(kind, tmp_path / "given.tflite")
    values = VALUES.reshape(16, 1, 1, 4)
    made = tflconv.convert(
        given, [recipe], tmp_path / "made", calibration=values, rewrite="as-is", io="float32"
    )
    (found,) = made.fidelity
    assert found.cosine is not None
    assert found.cosine > 0.999
    answers = Interpreter(made[0]).run([values[:1]])[0]
    assert not answers[..., 4:].any()


def test_a_relu_that_cuts_nothing_off_has_the_range_of_what_it_reads(tmp_path: Path) -> None:
    """A head of attention that lets nothing through; with two ranges its ReLU would stay."""
    build = Builder()
    source, end = build.tensor((1, 4, 4), name="x"), build.tensor((1, 4, 4), name="end")
    scores = build.tensor((1, 4, 4), name="scores")
    build.op("BATCH_MATMUL", [source, source], [scores])
    build.op("RELU", [scores], [end])
    model = packing.unpack(build.write(tmp_path / "given.tflite", [source], [end]).read_bytes())
    ends = {"x": (-1, 1), "scores": (0, 0), "end": (0, 0)}
    ranges = {
        name: {"min": np.full((1, 1, 1), low, "f"), "max": np.full((1, 1, 1), high, "f")}
        for name, (low, high) in ends.items()
    }
    found = cancelling.widened(model, ranges)
    assert found["end"] == found["scores"]
    assert found["end"]["max"] > 0


def test_a_product_of_what_is_never_large_at_once_keeps_its_steps(tmp_path: Path) -> None:
    """As in a normalization: large differences come with small factors."""
    build, rng = Builder(), np.random.default_rng(2)
    source, end = build.tensor((1, 4), name="x"), build.tensor((1, 4), name="end")
    square, factor = build.tensor((1, 4)), build.tensor((1, 4))
    build.op("MUL", [source, source], [square])
    build.op("RSQRT", [square], [factor])
    build.op("MUL", [source, factor], [end])
    given = build.write(tmp_path / "given.tflite", [source], [end])
    sizes = np.geomspace(0.05, 500, 16)[:, np.newaxis] * rng.choice([-1, 1], (16, 4))
    model, values = packing.unpack(given.read_bytes()), sizes.astype(np.float32)
    found = measure(given.read_bytes(), Calibration.of_values("sizes", values))
    assert cancelling.widened(model, found)["end"]["max"].item() == pytest.approx(1)


@pytest.mark.parametrize("recipe", ["static_wi8_ai8", "selective_wi8_ai8"])
def test_layers_that_share_weights_keep_their_bias_where_only_zeros_enter(
    recipe: str, tmp_path: Path
) -> None:
    build, rng = Builder(), np.random.default_rng(1)
    source, end = build.tensor((1, 4), name="x"), build.tensor((1, 8), name="end")
    kernel = build.tensor((4, 4), values=rng.normal(size=(4, 4)))
    bias, nothing = build.tensor((4,), values=rng.normal(size=4)), build.tensor((1, 4))
    build.op("MUL", [source, build.tensor((), values=0)], [nothing])
    ends = [build.tensor((1, 4)), build.tensor((1, 4))]
    for entering, leaving in zip((source, nothing), ends, strict=True):
        build.op(
            "FULLY_CONNECTED", [entering, kernel, bias], [leaving], fb.FullyConnectedOptionsT()
        )
    joined = fb.ConcatenationOptionsT()
    joined.axis = 1
    build.op("CONCATENATION", ends, [end], joined)
    given = build.write(tmp_path / "given.tflite", [source], [end])
    made = tflconv.convert(
        given, [recipe], tmp_path / "made", calibration=VALUES, rewrite="as-is", io="float32"
    )
    (wanted,) = Interpreter(given).run([VALUES[:1]])
    (answers,) = Interpreter(made[0]).run([VALUES[:1]])
    assert np.abs(answers - wanted).max() < 0.03 * np.abs(wanted).max()
