"""Ranges of activations: all values, all but a few, or those of least error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from tiny_graphs import Builder, dense

import tflconv
from tflconv import recipe
from tflconv.conversion import Calibration
from tflconv.conversion.calibration import measure
from tflconv.conversion.clipping import METHODS, CalibrationMethod, ValueHistogram, ends
from tflconv.conversion.preparation import required
from tflconv.errors import UsageError
from tflconv.tflite import editing, packing

Floats = NDArray[np.float32]
WIDTH = 4096


def seen(values: Floats) -> ValueHistogram:
    histogram = ValueHistogram.empty(float(values.min()), float(values.max()))
    histogram.add(values)
    return histogram


def error(values: Floats, low: float, high: float) -> float:
    step = (high - low) / 255
    stored = low + np.rint((values.clip(low, high) - low) / step) * step
    return float(np.square(stored - values, dtype=np.float64).mean())


@given(
    arrays.arrays(np.float32, st.integers(2, 200), elements=st.floats(-1e3, 1e3, width=32)).filter(
        lambda values: float(np.ptp(values)) > 1e-2
    )
)
def test_a_range_is_never_wider_than_the_values_and_has_zero(values: Floats) -> None:
    histogram = seen(values)
    assert histogram.counts.sum() == len(values)
    whole = (min(0.0, histogram.low), max(0.0, histogram.high))
    for method in METHODS:
        low, high = ends(histogram, method)
        assert whole[0] <= low <= 0 <= high <= whole[1]
        assert low < high
    assert ends(histogram, "min-max") == whole


@pytest.mark.parametrize("sign", [1, -1])
def test_one_value_far_off_is_cut_off_where_that_costs_less(sign: int) -> None:
    draw = np.random.default_rng(0)
    values = np.append(draw.normal(size=1_000_000), 16 * sign).astype(np.float32)
    whole = error(values, *ends(seen(values), "min-max"))
    for method in ("mse", "percentile"):
        low, high = ends(seen(values), method)
        assert max(-low, high) < 12
        assert error(values, low, high) < whole
    near = [error(values, *ends(seen(values), each)) for each in METHODS]
    assert min(near) == near[METHODS.index("mse")]


def test_without_outliers_nothing_much_is_cut_off() -> None:
    values = np.random.default_rng(0).uniform(-3, 1, 50_000).astype(np.float32)
    for method in METHODS:
        low, high = ends(seen(values), method)
        assert (low, high) == pytest.approx((-3, 1), abs=0.11)


def network(folder: Path) -> Path:
    builder = Builder()
    source = builder.tensor((1, WIDTH), name="source")
    result = dense(builder, source, WIDTH, 2)
    return builder.write(folder / "dense.tflite", [source], [result])


def samples(folder: Path) -> Floats:
    values = np.random.default_rng(0).uniform(-1, 1, (300, WIDTH)).astype(np.float32)
    values[0, 0] = 6
    np.save(folder / "samples.npy", values)
    return values


@pytest.mark.parametrize("method", METHODS)
def test_the_method_decides_the_scale_in_the_file(
    tmp_path: Path, method: CalibrationMethod
) -> None:
    samples(tmp_path)
    (file,) = tflconv.convert(
        network(tmp_path), "int8", tmp_path / method, calibration=str(tmp_path / "samples.npy"),
        calibration_count=300, calibration_method=method, rewrite="as-is",
    )  # fmt: skip
    model = packing.unpack(file.read_bytes())
    quantization = model.subgraphs[0].tensors[int(model.subgraphs[0].inputs[0])].quantization
    assert quantization is not None
    assert quantization.scale is not None
    widest = float(quantization.scale[0]) * 255
    assert (widest > 6) == (method == "min-max")


def test_sixteen_bits_cover_all_values() -> None:
    some = Calibration.of_values("some", np.zeros((2, 4)))
    cut = Calibration(name="cut", digest="d", inputs=some.inputs, method="mse")
    assert required(cut, recipe.get("static_wi8_ai16")).method == "min-max"
    assert required(cut, recipe.get("static_wi8_ai8")).method == "mse"
    assert cut.to_json()["method"] == "mse"
    assert "method" not in some.to_json()


def test_pixels_keep_the_range_that_makes_them_integers(tmp_path: Path) -> None:
    values = samples(tmp_path)[:, :8, np.newaxis, np.newaxis]
    builder = Builder()
    source = builder.tensor((1, 8, 1, 1), name="source")
    model = builder.content([source], [source])
    unpacked = packing.unpack(model)
    editing.sign(unpacked, ["source"], ["source"])
    cut = Calibration(
        name="cut", digest="d", inputs=(values,), method="percentile", limits=(-1.0, 99.0)
    )
    assert measure(packing.pack(unpacked), cut)["source"]["max"].item() == 99


def test_an_unknown_method_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must be one of min-max, mse, percentile"):
        tflconv.convert(network(tmp_path), "int8", calibration_method="entropy")  # type: ignore[arg-type]
