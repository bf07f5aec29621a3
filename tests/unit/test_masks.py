"""Attention with masks keeps its scores apart in full INT8, however the mask is spelled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from numpy.typing import NDArray
from tiny_graphs import Builder

from tflconv.conversion import Calibration, masks
from tflconv.conversion.calibration import measure
from tflconv.conversion.quantization import quantize
from tflconv.model.interpreter import Interpreter
from tflconv.recipe import get
from tflconv.tflite import packing

SIDE = 6
LATER = np.triu(np.ones((1, SIDE, SIDE)), 1)
RANDOM = np.random.default_rng(0)
SCORES = RANDOM.normal(size=(24, SIDE, SIDE)).astype(np.float32) * 3
SHARES = (RANDOM.random((24, SIDE, SIDE)) < 0.3).astype(np.float32)
SHARES[..., 0] = 0  # no row is masked whole
SPELLINGS = ("added", "chosen", "subtracted", "product")


def masked(spelling: str, far: float, *, seen: bool = False) -> bytes:
    """Softmax of scores whose masked ones are ``far`` below the others."""
    build, shape = Builder(), (1, SIDE, SIDE)
    scores, worse, weights = (build.tensor(shape) for _ in range(3))
    sources = [scores]
    if spelling == "added":
        build.op("ADD", [scores, build.tensor(shape, values=-far * LATER)], [worse])
    elif spelling == "product":
        share, product = build.tensor(shape), build.tensor(shape)
        sources.append(share)
        build.op("MUL", [share, build.tensor((), values=-far)], [product])
        build.op("ADD", [scores, product], [worse])
    else:
        later, other = (
            build.tensor(shape, fb.TensorType.BOOL, values=LATER > 0),
            build.tensor((), values=-far),
        )
        if spelling == "subtracted":
            other = build.tensor(shape)
            build.op("SUB", [scores, build.tensor((), values=far)], [other])
        build.op("SELECT_V2", [later, other, scores], [worse])
    options = fb.SoftmaxOptionsT()
    options.beta = 1.0
    build.op("SOFTMAX", [worse], [weights], options)
    return build.content(sources, [weights, worse] if seen else [weights])


def given(spelling: str) -> list[NDArray[np.float32]]:
    return [SCORES, SHARES] if spelling == "product" else [SCORES]


def answers(content: bytes, spelling: str, path: Path) -> NDArray[np.float32]:
    path.write_bytes(content)
    runtime = Interpreter(path)
    rows = zip(*given(spelling), strict=True)
    return np.concatenate([runtime.run([each[np.newaxis] for each in row])[0] for row in rows])


@pytest.mark.parametrize("far", [1e9, 2.38e38, 3.4028235e38])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_scores_beside_a_mask_stay_apart(spelling: str, far: float, tmp_path: Path) -> None:
    content, samples = masked(spelling, far), Calibration.of_values("drawn", *given(spelling))
    bounded, ranges = masks.bounded(content, measure(content, samples), samples)
    made = quantize(bounded, get("static_wi8_ai8"), ranges)
    expected = answers(content, spelling, tmp_path / "float.tflite")
    received = answers(made, spelling, tmp_path / "int8.tflite")
    same = answers(bounded, spelling, tmp_path / "bounded.tflite")
    np.testing.assert_allclose(same, expected, atol=1e-6)
    assert abs(received - expected).max() < 0.1  # 0.9 without the bounds


@pytest.mark.parametrize(("far", "seen"), [(20.0, False), (1e9, True)])
def test_what_is_near_or_asked_for_is_not_changed(far: float, seen: bool) -> None:
    content, samples = masked("added", far, seen=seen), Calibration.of_values("drawn", SCORES)
    ranges = measure(content, samples)
    bounded, after = masks.bounded(content, ranges, samples)
    before, now = (packing.pack(packing.unpack(each)) for each in (content, bounded))
    assert now == before
    assert {name: ends["min"].item() for name, ends in after.items()} == {
        name: ends["min"].item() for name, ends in ranges.items()
    }
