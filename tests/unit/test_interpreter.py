"""The interpreter wrapper: numbers in and out of integer tensors, and files that are no models."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import tiny_graphs
from hypothesis import given
from hypothesis import strategies as st
from tiny_graphs import Builder

from tflconv.errors import TflconvError, UsageError
from tflconv.model.interpreter import Interpreter, TensorDetails
from tflconv.model.normalization import NAMED
from tflconv.model.resolving import resolve_card

MODELS = Path(__file__).parents[1] / "golden" / "models"
FLOAT, INT8 = MODELS / "tiny_float32.tflite", MODELS / "tiny_int8.tflite"
PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 1), dtype=np.uint8)


def quantized(dtype: str, scale: float, zero_point: int) -> TensorDetails:
    return TensorDetails(
        index=0, name="t", shape=(1,), dtype=dtype, scale=scale, zero_point=zero_point
    )


@given(
    st.sampled_from(["int8", "uint8", "int16"]),
    st.floats(2**-10, 8),
    st.integers(0, 127),
    st.lists(st.floats(-1e5, 1e5, width=32), min_size=1, max_size=20),
)
def test_a_value_comes_back_within_half_a_step_or_at_the_end_of_the_range(
    dtype: str, scale: float, zero_point: int, values: list[float]
) -> None:
    tensor, limits = quantized(dtype, scale, zero_point), np.iinfo(dtype)
    real = np.array(values, np.float32)
    back = tensor.dequantize(tensor.quantize(real)).astype(np.float64)
    low, high = ((end - zero_point) * scale for end in (limits.min, limits.max))
    expected = np.clip(real.astype(np.float64), low, high)
    assert np.abs(back - expected).max() <= scale * 0.502


def test_stored_values_survive_the_way_out_and_in() -> None:
    tensor = quantized("int8", 0.37, -5)
    stored = np.arange(-128, 128, dtype=np.int8)
    assert np.array_equal(tensor.quantize(tensor.dequantize(stored)), stored)


@pytest.mark.parametrize("path", [FLOAT, INT8], ids=lambda path: path.stem)
def test_pixels_are_normalized_as_the_card_says(path: Path) -> None:
    model = Interpreter(path)
    from_pixels, from_values = model.predict(PIXELS), model.predict(NAMED["0..1"].apply(PIXELS))
    assert from_pixels.shape == (6, 3)
    assert from_pixels.dtype == np.float32
    assert np.array_equal(from_pixels, from_values)


def test_int8_and_float_say_the_same() -> None:
    assert (
        np.abs(Interpreter(INT8).predict(PIXELS) - Interpreter(FLOAT).predict(PIXELS)).max() < 0.02
    )


def test_run_takes_and_gives_real_numbers() -> None:
    sample = NAMED["0..1"].apply(PIXELS[:1])
    (scores,) = Interpreter(INT8).run([sample])
    assert np.array_equal(scores, Interpreter(INT8).predict(PIXELS[:1]))


def test_partitions_are_counted() -> None:
    assert Interpreter(FLOAT).partitions == 1


def test_another_shape_is_one_error() -> None:
    with pytest.raises(UsageError, match=r"\[1, 8, 8, 1\]. Received: \[1, 9, 9, 1\]"):
        Interpreter(FLOAT).predict(np.zeros((2, 9, 9, 1), np.float32))


def test_pixels_need_a_card(tmp_path: Path) -> None:
    with zipfile.ZipFile(FLOAT) as archive:
        first = min(entry.header_offset for entry in archive.infolist())
    bare = tmp_path / "bare.tflite"
    bare.write_bytes(FLOAT.read_bytes()[:first])
    with pytest.raises(UsageError, match="does not say how pixels") as raised:
        Interpreter(bare).predict(PIXELS)
    assert "--normalize" in str(raised.value)


def test_a_missing_file_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(TflconvError, match="no model file"):
        Interpreter(tmp_path / "none.tflite")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a .tflite file"),
        (b"hello" * 100, "not a .tflite file"),
        (b"PK\x03\x04" * 50, "it is a zip archive"),
    ],
)
def test_a_foreign_file_is_one_error(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "foreign.tflite"
    path.write_bytes(content)
    with pytest.raises(TflconvError, match=reason) as raised:
        Interpreter(path)
    assert len(raised.value.message.splitlines()) == 1


def test_a_picture_for_a_picture_is_no_classification(tmp_path: Path) -> None:
    builder = Builder()
    ends = [builder.tensor((1, 8, 8, 1)), builder.tensor((1, 8, 8, 1))]
    builder.op("RELU", ends[:1], ends[1:])
    model = Interpreter(builder.write(tmp_path / "relu.tflite", ends[:1], ends[1:]))
    with pytest.raises(UsageError, match=r"1 input and outputs of shape \[1, 8, 8, 1\]; accuracy"):
        model.predict(PIXELS.astype(np.float32))


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((1, 8), "does not take one picture"),
        ((), "does not take one picture"),
        ((4, 8, 8, 3), "takes 4 pictures at a time"),
        ((1, 1, 1, 3), "leaves their size open"),
        ((1, 3, 8, 8), "with channels first"),
        ((1, 1, 28, 28), "with channels first"),
    ],
)
def test_an_input_that_is_no_picture_is_told_before_its_pixels(
    shape: tuple[int, ...], words: str, tmp_path: Path
) -> None:
    builder = Builder()
    source, target = builder.tensor(shape), builder.tensor(shape)
    builder.op("NEG", [source], [target])
    path = builder.write(tmp_path / "odd.tflite", [source], [target])
    with pytest.raises(UsageError, match=words) as raised:
        resolve_card(path)
    assert raised.value.hint
    with pytest.raises(UsageError, match=words):
        resolve_card(path, normalize="0..1")


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (1, 4)])
@pytest.mark.parametrize("scale", [None, 0.1])
def test_an_input_of_any_shape_gets_its_values(
    shape: tuple[int, ...], scale: float | None, tmp_path: Path
) -> None:
    """Scalars and inputs without a batch among them."""
    builder, dtype = Builder(), tiny_graphs.FLOAT if scale is None else tiny_graphs.INT8
    source, target = (builder.tensor(shape, dtype, scale=scale) for _ in range(2))
    builder.op("ABS", [source], [target])
    path = builder.write(tmp_path / "model.tflite", [source], [target])
    values = np.linspace(-0.8, 0.4, max(1, int(np.prod(shape))), dtype=np.float32).reshape(shape)
    (found,) = Interpreter(path).run([values])
    assert found.shape == shape
    assert np.allclose(found, np.abs(values), atol=0.051)
