"""How weights are stored: halves of a byte, one scale for a whole tensor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import tflconv
from tflconv import data
from tflconv.conversion.calibration import Calibration
from tflconv.model.interpreter import Interpreter
from tflconv.model.normalization import NAMED
from tflconv.tflite import int4, packing, reading, stripping
from tflconv.tflite.contents import TfliteTensor

FLOAT = Path(__file__).parents[1] / "golden" / "models" / "tiny_float32.tflite"
STUDY = Path(__file__).parents[2] / "studies" / "mobile-vit" / "int8-vit" / "models"
TRANSFORMER = STUDY / "vit_int8-mnist-static_wi8_ai8.tflite"
SAMPLES = np.random.default_rng(0).random((30, 8, 8, 1), dtype=np.float32)
CALIBRATION = Calibration.of_values("noise", SAMPLES)


def convert(name: str, folder: Path) -> Path:
    (path,) = tflconv.convert(FLOAT, [name], folder, calibration=CALIBRATION)
    return path


def layers(path: Path, name: str) -> list[list[TfliteTensor]]:
    """Inputs of the operators called ``name``: activations, weights, bias."""
    graph = reading.read(path).main
    return [graph.input_tensors(o) for o in graph.operators if o.name == name]


def test_int4_weights_are_stored_two_to_a_byte(tmp_path: Path) -> None:
    wide, narrow = (convert(f"static_wi{bits}_ai8", tmp_path) for bits in (8, 4))
    ((_, before, *_),) = layers(wide, "FULLY_CONNECTED")
    ((_, after, *_),) = layers(narrow, "FULLY_CONNECTED")
    assert (before.dtype, after.dtype) == ("int8", "int4")
    assert len(after.data) == (before.elements + 1) // 2
    bytes_read = np.frombuffer(after.data, np.uint8)
    halves = np.stack([bytes_read & 15, bytes_read >> 4], 1).ravel()[: before.elements]
    stored = (halves.astype(np.int8) ^ 8) - 8
    scales = [np.reshape(t.quantization.scales, (-1, 1)) for t in (before, after) if t.quantization]
    wanted = np.frombuffer(before.data, np.int8).reshape(before.shape) * scales[0]
    error = np.abs(stored.reshape(after.shape) * scales[1] - wanted)
    assert (error <= scales[1] * 0.501).all()
    assert {weights.dtype for _, weights, _ in layers(narrow, "CONV_2D")} == {"int8"}


def test_a_trained_transformer_keeps_its_accuracy_in_int4(tmp_path: Path) -> None:
    trained = packing.unpack(TRANSFORMER.read_bytes())
    int4.use_int4(trained)
    stripping.share_equal(trained)
    path = tmp_path / "int4.tflite"
    path.write_bytes(packing.pack(trained))
    sample = data.load("mnist-sample", resolution=32, channels=3).test
    images = NAMED["0..1"].apply(sample.images[:300])
    assert (Interpreter(path).predict(images).argmax(1) == sample.labels[:300]).mean() > 0.98
    assert Interpreter(path).partitions == 1
    assert path.stat().st_size < 0.7 * TRANSFORMER.stat().st_size
    for source, weights, bias in layers(path, "FULLY_CONNECTED"):
        scales = [
            np.array(t.quantization.scales) for t in (source, weights, bias) if t.quantization
        ]
        np.testing.assert_allclose(scales[2], scales[0] * scales[1], rtol=1e-5)


def test_nothing_is_left_of_the_weights_and_biases_of_eight_bits() -> None:
    trained = packing.unpack(TRANSFORMER.read_bytes())
    int4.use_int4(trained)
    graph = trained.subgraphs[0]
    read = {int(index) for operator in graph.operators for index in operator.inputs}
    made = {int(index) for operator in graph.operators for index in operator.outputs}
    assert read | made | set(map(int, graph.inputs)) == set(range(len(graph.tensors)))


def test_a_kernel_that_is_named_keeps_eight_bits(tmp_path: Path) -> None:
    trained = packing.unpack(TRANSFORMER.read_bytes())
    weights = [weights.name for _, weights, _ in layers(TRANSFORMER, "FULLY_CONNECTED")]
    int4.use_int4(trained, {weights[-1]})
    path = tmp_path / "int4.tflite"
    path.write_bytes(packing.pack(trained))
    types = [weights.dtype for _, weights, _ in layers(path, "FULLY_CONNECTED")]
    assert types == ["int4"] * (len(weights) - 1) + ["int8"]


@given(st.lists(st.integers(-8, 7), min_size=1, max_size=40))
def test_packed_halves_come_back(values: list[int]) -> None:
    content = int4.packed(np.array(values, np.int8))
    halves = np.stack([content & 15, content >> 4], 1).ravel().astype(np.int8)
    assert len(content) == (len(values) + 1) // 2
    assert [int((half ^ 8) - 8) for half in halves[: len(values)]] == values


def test_tensorwise_weights_have_one_scale(tmp_path: Path) -> None:
    plain, tensorwise = (
        convert(name, tmp_path) for name in ("static_wi8_ai8", "static_wi8_ai8_tensorwise")
    )
    for _, *stored in (*layers(tensorwise, "CONV_2D"), *layers(tensorwise, "FULLY_CONNECTED")):
        assert {len(tensor.quantization.scales) for tensor in stored if tensor.quantization} == {1}
    assert tensorwise.stat().st_size < plain.stat().st_size
