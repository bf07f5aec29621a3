"""Every recipe, made from a small float model without TensorFlow."""

from __future__ import annotations

import hashlib
import tempfile
import warnings
import zipfile
from pathlib import Path

import making_pictures
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_conversions import CALIBRATION, FLOAT, MODELS, PIXELS, RANDOM, SAMPLES, command, convert
from tiny_graphs import Builder, dense

import tflconv
from tflconv import cli, conversion, recipe
from tflconv.conversion import FloatModel, description
from tflconv.conversion.calibration import Calibration, measure
from tflconv.data import CalibrationSet
from tflconv.errors import TflconvError, UsageError
from tflconv.inspection import delegation
from tflconv.model.card import LABELS, read_card
from tflconv.model.interpreter import Interpreter
from tflconv.model.normalization import NAMED
from tflconv.network.keras.opened import open_once
from tflconv.tflite import editing, metadata, packing, reading, unfusing
from tflconv.tflite.contents import Subgraph


def opened(path: Path) -> FloatModel:
    return conversion.prepare(open_once(path))


def refused(path: Path) -> set[str]:
    """Operators that XNNPACK does not take."""
    model = reading.read(path)
    return {model.main.operators[index].name for index in delegation.predict(model).reasons}


@pytest.mark.parametrize("name", recipe.SCHEMES)
def test_every_recipe_gives_the_answers_of_the_float_model(name: str, tmp_path: Path) -> None:
    expected = Interpreter(FLOAT).predict(PIXELS)
    found = Interpreter(convert(name, tmp_path)).predict(PIXELS)
    assert np.abs(found - expected).max() < 0.02
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()


@pytest.mark.parametrize("io", ["float32", "int8", "uint8"])
def test_inputs_and_outputs_have_the_type_that_was_asked_for(
    io: recipe.TensorType, tmp_path: Path
) -> None:
    made = Interpreter(convert("static_wi8_ai8", tmp_path, io))
    assert {tensor.dtype for tensor in made.inputs + made.outputs} == {io}


def test_uint8_ends_change_nothing_but_the_type(tmp_path: Path) -> None:
    signed = Interpreter(convert("static_wi8_ai8", tmp_path / "signed"))
    unsigned = Interpreter(convert("static_wi8_ai8", tmp_path / "unsigned", "uint8"))
    assert np.array_equal(signed.predict(PIXELS), unsigned.predict(PIXELS))
    assert unsigned.inputs[0].zero_point == signed.inputs[0].zero_point + 128
    assert refused(tmp_path / "unsigned" / signed.path.name) == {"SOFTMAX"}


def test_uint8_ends_have_the_names_of_the_signature_and_operators_run_in_order(
    tmp_path: Path,
) -> None:
    path = convert("static_wi8_ai8", tmp_path, "uint8")
    model = packing.unpack(path.read_bytes())
    (signature,), graph = model.signatureDefs, model.subgraphs[0]
    assert [entry.tensorIndex for entry in signature.inputs] == list(graph.inputs)
    assert [entry.tensorIndex for entry in signature.outputs] == list(graph.outputs)
    names = [graph.tensors[i].name for i in (*graph.inputs, *graph.outputs)]
    assert all(name.endswith(b"_uint8") for name in names)
    assert is_in_order(reading.read(path).main)


def is_in_order(graph: Subgraph) -> bool:
    """Whether every operator stands behind those whose outputs it reads."""
    makers = {tensor: maker.index for tensor, maker in graph.producers.items()}
    return all(makers.get(t, -1) < o.index for o in graph.operators for t in o.inputs)


def test_taken_apart_each_bias_and_activation_is_an_operator_of_its_own(tmp_path: Path) -> None:
    whole, apart = tmp_path / "whole.tflite", tmp_path / "apart.tflite"
    model = packing.unpack(FLOAT.read_bytes())
    graph = model.subgraphs[0]
    bias = graph.tensors[graph.operators[0].inputs[2]]
    bias.buffer = editing.add_buffer(
        model, np.random.default_rng(1).normal(size=bias.shape).astype(np.float32)
    )
    whole.write_bytes(packing.pack(model))
    unfusing.take_apart(model)
    apart.write_bytes(packing.pack(model))
    names = [operator.name for operator in reading.read(apart).main.operators]
    assert names == ["CONV_2D", "ADD", "RELU", "MEAN", "FULLY_CONNECTED", "SOFTMAX"]
    assert is_in_order(reading.read(apart).main)
    values = NAMED["0..1"].apply(PIXELS)
    expected = Interpreter(whole).predict(values)
    np.testing.assert_allclose(Interpreter(apart).predict(values), expected, atol=1e-6)


@pytest.mark.parametrize("name", ["0..1", "-1..1"])
def test_raw_pixels_are_what_a_uint8_model_takes(name: str, tmp_path: Path) -> None:
    unknown = np.full(len(PIXELS), -1)
    dark = CalibrationSet(name="dark", images=PIXELS // 3, labels=unknown, ids=(), digest="0")
    calibration = Calibration.of_pictures(dark, NAMED[name])
    names = ["static_wi8_ai8"]
    (made,) = tflconv.convert(FLOAT, names, tmp_path, calibration=calibration, io="uint8")
    interpreter = Interpreter(made)
    (picture,), (scores,) = interpreter.inputs, interpreter.outputs
    assert picture.scale == pytest.approx(1 / NAMED[name].std[0])
    assert picture.zero_point == pytest.approx(NAMED[name].mean[0], abs=0.5)
    assert refused(made) == {"SOFTMAX"}
    fed = [
        scores.dequantize(*interpreter._invoke([pixels[np.newaxis]]))[0] for pixels in PIXELS // 3
    ]
    expected = Interpreter(FLOAT).predict(NAMED[name].apply(PIXELS // 3))
    assert np.abs(np.array(fed) - expected).max() < 0.02


def test_a_full_int8_file_computes_in_integers_only(tmp_path: Path) -> None:
    made = packing.unpack(convert("static_wi8_ai8", tmp_path, "float32").read_bytes())
    assert editing.float_operators(made) == []
    assert editing.float_operators(packing.unpack(FLOAT.read_bytes()))[0].startswith("CONV_2D")


@pytest.mark.parametrize("name", recipe.SCHEMES)
def test_the_same_input_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    hashes = {
        hashlib.sha256(convert(name, tmp_path / str(turn)).read_bytes()).hexdigest()
        for turn in range(2)
    }
    assert len(hashes) == 1


def test_the_file_says_how_it_was_made(tmp_path: Path) -> None:
    card = read_card(convert("static_wi8_ai8", tmp_path))
    assert card is not None
    assert card.recipe == "static_wi8_ai8"
    assert card.calibration == CALIBRATION.to_json()
    assert card.parent == hashlib.sha256(FLOAT.read_bytes()).hexdigest()
    assert card.labels == ("zero", "one", "two")


def test_other_tools_find_labels_and_normalization(tmp_path: Path) -> None:
    path = convert("fp16", tmp_path)
    model = packing.unpack(path.read_bytes())
    (entry,) = [entry for entry in model.metadata if entry.name == metadata.NAME]
    content = bytes(model.buffers[entry.buffer].data)
    assert content[4:8] == b"M001"
    assert LABELS.encode() in content
    assert np.float32(255).tobytes() in content
    with zipfile.ZipFile(path) as archive:
        assert archive.read(LABELS).decode().split() == ["zero", "one", "two"]


def test_packing_shares_vectors_aligns_weights_and_loses_nothing(tmp_path: Path) -> None:
    path = convert("static_wi8_ai8", tmp_path)
    content = path.read_bytes()
    again = packing.pack(packing.unpack(content))
    assert again == packing.pack(packing.unpack(again))
    base = np.frombuffer(content, np.uint8).__array_interface__["data"][0]
    stored = [b.data for b in packing.unpack(content).buffers if b.data is not None and len(b.data)]
    offsets = [data.__array_interface__["data"][0] - base for data in stored]
    assert stored
    assert [offset % 16 for offset in offsets] == [0] * len(offsets)
    copied = tmp_path / "again.tflite"
    copied.write_bytes(again)
    values = NAMED["0..1"].apply(PIXELS)
    assert np.array_equal(Interpreter(copied).predict(values), Interpreter(path).predict(values))


def test_equal_quantization_vectors_are_stored_once() -> None:
    model = packing.unpack((MODELS / "tiny_int8.tflite").read_bytes())
    size = len(packing.pack(model))
    quantized = [t.quantization for t in model.subgraphs[0].tensors if t.quantization is not None]
    for quantization in quantized:
        quantization.zeroPoint = np.zeros(4096, np.int64)
    assert len(quantized) > 2
    assert len(packing.pack(model)) - size < 2 * 4096 * 8


def test_ranges_hold_every_value_that_was_seen() -> None:
    ranges = measure(FLOAT.read_bytes(), CALIBRATION)
    name = Interpreter(FLOAT).inputs[0].name
    assert ranges[name]["min"].item() == SAMPLES.min()
    assert ranges[name]["max"].item() == SAMPLES.max()
    fewer = measure(FLOAT.read_bytes(), Calibration.of_values("less", SAMPLES[:3]))
    assert all((ranges[key]["min"] <= fewer[key]["min"]).all() for key in fewer)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.full((2, 8, 8, 1), np.nan), "NaN or infinite values in 2 of 2 samples"),
        (np.zeros((2, 8, 8, 3)), r"\[\[8, 8, 1\]\]. Received: \[\[8, 8, 3\]\]"),
        (np.zeros((0, 8, 8, 1)), "at least one"),
    ],
)
def test_samples_that_do_not_fit_are_one_error(
    samples: np.ndarray, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        broken = Calibration.of_values("broken", samples)
        tflconv.convert(FLOAT, ["static_wi8_ai8"], tmp_path, calibration=broken)
    assert list(tmp_path.iterdir()) == []


def test_static_recipes_ask_for_samples(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"static_wi8_ai8 .* samples") as raised:
        tflconv.convert(FLOAT, ["fp32", "static_wi8_ai8"], tmp_path)
    assert "calibration=" in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_what_must_be_trained_first_asks_for_the_model(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be trained\.\nGive the Keras model"):
        tflconv.convert(FLOAT, ["qat_static_wi8_ai8"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_quantized_file_is_no_starting_point(tmp_path: Path) -> None:
    with pytest.raises(TflconvError, match=r"quantized already: .*CONV_2D"):
        tflconv.convert(MODELS / "tiny_int8.tflite", ["fp16"], tmp_path)


def test_a_file_where_the_folder_should_be_is_one_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(TflconvError, match="cannot write"):
        convert("fp32", blocked)
    assert list(tmp_path.iterdir()) == [blocked]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, FLOAT.stat().st_size - 1500))
def test_a_truncated_model_is_one_error(length: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cut = Path(folder) / "cut.tflite"
        cut.write_bytes(FLOAT.read_bytes()[:length])
        with pytest.raises(TflconvError, match=r"not a \.tflite file|cut short|not a TFLite"):
            opened(cut)


def test_arithmetic_at_the_input_is_seen() -> None:
    assert opened(FLOAT).own_arithmetic == []


def test_calibration_outside_of_what_was_trained_on_is_told(tmp_path: Path) -> None:
    ready = opened(FLOAT)
    card = description.describe(ready, read_card(FLOAT))
    path = tmp_path / "pixels.npy"
    np.save(path, PIXELS.astype(np.float32))
    with pytest.warns(UserWarning, match="trained on 0 to 1"):
        description.calibration(str(path), card)
    np.save(path, PIXELS)
    fitting = description.calibration(str(path), card)
    assert fitting.inputs[0].max() <= 1


@pytest.mark.parametrize(("count", "few"), [(1, True), (7, True), (8, False)])
def test_few_calibration_samples_are_warned_of(tmp_path: Path, count: int, few: bool) -> None:
    path = tmp_path / "pixels.npy"
    np.save(path, PIXELS[:count])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        description.calibration(str(path), read_card(FLOAT))
    samples = "1 sample" if count == 1 else f"{count} samples"
    assert any(f"has {samples}: other inputs" in str(each.message) for each in said) == few


def test_loose_pictures_in_a_folder_calibrate(tmp_path: Path) -> None:
    photos = {f"{index}.png": making_pictures.png(index) for index in range(5)}
    folder = making_pictures.write(tmp_path / "photos", photos)
    made = tmp_path / "made"
    assert command(made, "--recipe", "static_wi8_ai8", "--calibration", folder) == 0
    (made,) = made.iterdir()
    card = read_card(made)
    assert card is not None
    assert card.calibration is not None
    assert (card.calibration["name"], card.calibration["count"]) == ("photos-5-seed0", 5)


@pytest.mark.parametrize("option", ["--calibration", "--dataset"])
def test_classes_of_the_pictures_name_the_outputs_of_a_file_without_labels(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = tmp_path / "bare.tflite"
    bare.write_bytes(FLOAT.read_bytes().partition(b"PK\x03\x04")[0])
    photos = {
        f"{name}/{index}.png": making_pictures.png(index)
        for name in ("cat", "dog", "owl", "yak")
        for index in range(6)
    }
    four = making_pictures.write(tmp_path / "four", photos)
    three = making_pictures.write(
        tmp_path / "three", {name: png for name, png in photos.items() if "yak" not in name}
    )
    for folder, labels in ((three, ("cat", "dog", "owl")), (four, ())):
        made = tmp_path / folder.name / "made"
        with pytest.raises(SystemExit, match="0"):
            cli.main(
                ["convert", str(bare), "-o", str(made), "--normalize", "0..1", option, str(folder)]
            )
        card = read_card(next(made.iterdir()))
        assert card is not None
        assert card.labels == labels
        assert ("taken to be cat, dog, owl" in capsys.readouterr().err) is bool(labels)


CALIBRATIONS = {
    "wrong shape": (np.zeros((4, 9, 9, 1), np.float32), r"Received: [[9, 9, 1]]"),
    "wrong pixels": (np.zeros((4, 9, 9, 1), np.uint8), r"Received: [[9, 9, 1]]"),
    "nan": (np.full((4, 8, 8, 1), np.nan, np.float32), "NaN or infinite values in 4 of 4"),
    "text": (np.array(["a"]), "inputs are numbers. Received: <U1"),
    "nothing": (np.zeros((0, 8, 8, 1), np.float32), "at least one"),
}


@pytest.mark.parametrize("case", CALIBRATIONS)
def test_bad_calibration_is_one_error_and_no_file(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values, why = CALIBRATIONS[case]
    np.save(tmp_path / "samples.npy", values)
    wanted = ("--recipe", "fp32", "--recipe", "static_wi8_ai8")
    assert command(tmp_path / "made", *wanted, "--calibration", tmp_path / "samples.npy") in (1, 2)
    (error,) = [line for line in capsys.readouterr().err.splitlines() if "Error" in line]
    assert why in error
    assert not (tmp_path / "made").exists()


def test_labels_of_the_wrong_count_are_one_error() -> None:
    with pytest.raises(UsageError, match="2 labels, but tiny_float32 has outputs of"):
        description.describe(opened(FLOAT), read_card(FLOAT), labels=["a", "b"])


@pytest.mark.parametrize("name", ["selective_wi8_ai8", "static_wi8_ai16"])
def test_an_output_that_a_quantized_operator_reads_stays_what_it_is(
    name: str, tmp_path: Path
) -> None:
    builder = Builder()
    source, middle = builder.tensor((1, 8)), builder.tensor((1, 8))
    options = fb.LeakyReluOptionsT()
    options.alpha = 0.2
    builder.op("LEAKY_RELU", [source], [middle], options)
    scores = dense(builder, middle, 8, 4)
    model = builder.write(tmp_path / "two.tflite", [source], [scores, middle])
    samples = Calibration.of_values("noise", RANDOM.normal(size=(20, 8)))
    (file,) = tflconv.convert(model, [name], tmp_path, calibration=samples, min_cosine=0.99)
    read = packing.unpack(file.read_bytes())
    signed = [int(entry.tensorIndex) for entry in read.signatureDefs[0].outputs]
    assert signed == [int(index) for index in read.subgraphs[0].outputs]
    assert [tensor.dtype for tensor in Interpreter(file).outputs] == ["float32", "float32"]
