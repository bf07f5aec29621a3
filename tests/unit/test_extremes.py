"""Ranges reach to where the next samples lie, where that costs less than cutting them off."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tiny_graphs import Builder

from tflconv.conversion import selection
from tflconv.conversion.calibration import Calibration, measure
from tflconv.conversion.extremes import Extremes, reach
from tflconv.tflite import packing

SAMPLES, CALIBRATIONS = 100, 100


def error(end: float, size: int, next_ones: NDArray[np.float64]) -> float:
    """What a range from 0 to ``end`` costs in the mean over the largest values of samples."""
    cut_off = np.square(np.maximum(next_ones - end, 0)).mean()
    return float(cut_off + size * (end / 255) ** 2 / 12)


@pytest.mark.parametrize("scale", [0.02, 0.2])
@pytest.mark.parametrize("size", [10, 50])
@pytest.mark.parametrize("samples", [10, 30, SAMPLES])
def test_few_values_get_nearly_the_range_of_least_error(
    samples: int, size: int, scale: float
) -> None:
    draw = np.random.default_rng(0)
    next_ones = draw.gumbel(1, scale, 20_000)
    seen, foreseen = [], []
    for _ in range(CALIBRATIONS):
        largest = draw.gumbel(1, scale, samples).tolist()
        seen.append(error(max(largest), size, next_ones))
        foreseen.append(error(reach(largest, size, max(largest)), size, next_ones))
    best = min(error(end, size, next_ones) for end in np.linspace(1, 1 + 20 * scale, 50))
    assert np.mean(foreseen) < np.mean(seen)
    assert samples < SAMPLES or np.mean(foreseen) < 2 * best
    assert np.max(foreseen) <= np.max(seen)


@given(st.lists(st.floats(0.25, 1), min_size=2, max_size=100), st.integers(1, 10**7))
def test_more_values_never_reach_further_and_none_less_than_seen(
    largest: list[float], size: int
) -> None:
    width = max(largest)
    assert reach(largest, size, width) >= reach(largest, 2 * size, width) >= width
    assert reach(largest[:1], size, width) == largest[0]
    assert reach([*largest, *(0.25 for _ in largest)], 10**9, width) == width


@given(st.lists(st.tuples(st.integers(-64, 64), st.integers(0, 64)), min_size=1, max_size=50))
def test_a_sign_that_was_not_seen_is_not_foreseen(samples: list[tuple[int, int]]) -> None:
    extremes = Extremes(2, 10)
    for low, width in samples:
        extremes.add(low / 64, (low + width) / 64)
    seen, foreseen = extremes.seen(), extremes.foreseen()
    assert foreseen["min"] <= min(seen["min"].item(), 0)
    assert foreseen["max"] >= max(seen["max"].item(), 0)
    assert foreseen["min"] == 0 or seen["min"] < 0
    assert foreseen["max"] == 0 or seen["max"] > 0
    assert foreseen["min"].shape == seen["max"].shape == (1, 1)


def softmax() -> bytes:
    builder, options = Builder(), fb.SoftmaxOptionsT()
    options.beta = 1.0
    source, shares = (builder.tensor((1, 8), name=name) for name in ("source", "shares"))
    builder.op("SOFTMAX", [source], [shares], options)
    return builder.content([source], [shares])


def test_shares_do_not_reach_beyond_one() -> None:
    content = softmax()
    values = np.random.default_rng(0).normal(0, 3, (SAMPLES, 8))
    calibration = Calibration.of_values("normal", values)
    seen, foreseen = (measure(content, calibration, foresee=each) for each in (False, True))
    assert seen["shares"]["max"] < 1 < foreseen["shares"]["max"]
    assert seen["source"]["max"] < foreseen["source"]["max"] < 2 * seen["source"]["max"]
    fitted = selection.fit(packing.unpack(content), foreseen)
    assert (fitted["shares"]["min"], fitted["shares"]["max"]) == (0, 1)


def test_pixels_keep_their_limits() -> None:
    values = np.random.default_rng(0).uniform(0.2, 0.9, (SAMPLES, 8)).astype(np.float32)
    pictures = Calibration(name="grey", digest="d", inputs=(values,), limits=(0, 1))
    found = measure(softmax(), pictures, foresee=True)["source"]
    assert (found["min"], found["max"]) == (0, 1)
