"""Weights of 4 bits whose results are closer to those in float than by nearest rounding."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from tiny_graphs import Builder

from tflconv.conversion import Calibration
from tflconv.conversion.rounding import rounded_rows, to_four_bits
from tflconv.tflite import editing, packing


def inputs(random: np.random.Generator, count: int, width: int) -> np.ndarray:
    """Inputs that go together, as those of networks do."""
    return random.normal(size=(count, width // 4)) @ random.normal(size=(width // 4, width))


@pytest.mark.parametrize("seed", range(5))
def test_results_err_less_than_by_nearest_rounding(seed: int) -> None:
    random = np.random.default_rng(seed)
    seen, unseen = np.split(inputs(random, 400, 32), 2)
    weights = random.normal(size=(16, 32))
    rounded = rounded_rows(weights, seen.T @ seen / len(seen))
    steps = np.abs(weights).max(axis=1, keepdims=True) / 7
    nearest = np.rint(weights / steps) * steps
    errors = [np.square(unseen @ (each - weights).T).mean() for each in (rounded, nearest)]
    assert errors[0] < errors[1] / 2


@pytest.mark.parametrize("seed", range(5))
def test_each_row_has_whole_steps_and_reaches_the_seventh(seed: int) -> None:
    random = np.random.default_rng(seed)
    weights = random.normal(size=(8, 12)) * random.uniform(0.01, 9, (8, 1))
    rounded = rounded_rows(weights, np.cov(inputs(random, 50, 12).T))
    steps = rounded / (np.abs(rounded).max(axis=1, keepdims=True) / 7)
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-9)


def test_rows_of_zeros_and_inputs_that_never_occur_stay() -> None:
    weights = np.array([[0.0, 0.0, 0.0], [7.0, 3.0, -2.0]])
    rounded = rounded_rows(weights, np.diag([1.0, 0.0, 1.0]))
    np.testing.assert_allclose(rounded[:, [0, 2]], weights[:, [0, 2]], atol=1e-9)
    assert np.isfinite(rounded).all()


def test_only_weights_of_dense_layers_are_rounded() -> None:
    random, builder = np.random.default_rng(0), Builder()
    source, middle, target = (builder.tensor((1, 8)) for _ in range(3))
    kernel = builder.tensor((8, 8), values=random.normal(size=(8, 8)), name="kernel")
    scale = builder.tensor((8,), values=random.normal(size=8), name="scale")
    builder.op("FULLY_CONNECTED", [source, kernel, -1], [middle], fb.FullyConnectedOptionsT())
    builder.op("MUL", [middle, scale], [target], fb.MulOptionsT())
    content = builder.content([source], [target])
    samples = Calibration.of_values("normal", random.normal(size=(20, 8)).astype(np.float32))
    stored = [values(each) for each in (content, to_four_bits(content, samples))]
    assert (stored[0]["scale"] == stored[1]["scale"]).all()
    rows = stored[1]["kernel"].reshape(8, 8)
    assert max(len(set(np.round(np.abs(row), 5))) for row in rows) <= 8


def values(content: bytes) -> dict[str, np.ndarray]:
    model = packing.unpack(content)
    tensors = model.subgraphs[0].tensors
    return {t.name.decode(): editing.values(model, t, np.float32) for t in tensors}
