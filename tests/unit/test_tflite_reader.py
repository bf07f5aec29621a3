"""The reader gives what is in a file, and one clear error for whatever is no sound file."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from ai_edge_litert import schema_py_generated as fb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_graphs import FLOAT, INT8, INT32, Builder, dense

from tflconv.errors import TflconvError
from tflconv.inspection import cost, delegation
from tflconv.tflite import editing, packing, reading
from tflconv.tflite.contents import QuantizationParameters


def two_layers() -> bytes:
    builder = Builder()
    source = builder.tensor((1, 8), INT8, scale=0.5, zero_point=-3, name="pixels")
    hidden = dense(builder, source, 8, 4, INT8, relu=True)
    return builder.content([source], [dense(builder, hidden, 4, 2, INT8)])


def test_reads_tensors_operators_and_options() -> None:
    model = reading.parse(two_layers(), Path("m.tflite"))
    first, second = model.main.operators
    pixels = model.main.tensors[model.main.inputs[0]]
    assert (pixels.name, pixels.shape, pixels.dtype) == ("pixels", (1, 8), "int8")
    assert pixels.quantization == QuantizationParameters(scales=(0.5,), zero_points=(-3,))
    assert (first.name, first.activation, second.activation) == ("FULLY_CONNECTED", "RELU", None)
    weights = model.main.input_tensors(first)[1]
    assert weights.quantization is not None
    assert weights.quantization.channelwise
    assert (weights.elements, weights.bytes, len(weights.data)) == (32, 32, 32)


@pytest.mark.parametrize("field", ["builtinCode", "deprecatedBuiltinCode"])
def test_an_operator_has_its_code_in_either_field(field: str) -> None:
    model = packing.unpack(two_layers())
    for code in model.operatorCodes:
        setattr(code, field, 0)
    assert [name for _, _, name in editing.operators(model)] == ["FULLY_CONNECTED"] * 2
    found = reading.parse(packing.pack(model), Path("m.tflite")).main
    assert [operator.name for operator in found.operators] == ["FULLY_CONNECTED"] * 2


def test_knows_who_makes_and_who_reads_a_tensor() -> None:
    graph = reading.parse(two_layers(), Path("m.tflite")).main
    hidden = graph.operators[0].outputs[0]
    assert graph.producers[hidden] is graph.operators[0]
    assert graph.consumers[hidden] == [graph.operators[1]]


def test_an_appended_archive_is_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(two_layers())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "a\nb")
    assert len(reading.read(path).main.operators) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a .tflite file"),
        (b"TFL3", "is not a .tflite file"),
        (b"PK\x03\x04 a keras file", "is not a .tflite file"),
        (b"\x10\x00\x00\x00TFL3", "damaged or cut short"),
        (two_layers()[: len(two_layers()) // 2], "damaged or cut short"),
    ],
)
def test_foreign_and_cut_files_are_one_message(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "bad.tflite"
    path.write_bytes(content)
    with pytest.raises(TflconvError, match=words) as raised:
        reading.read(path)
    assert "bad.tflite" in raised.value.message
    assert raised.value.exit_code == 1


def test_codes_of_a_newer_schema_are_told() -> None:
    builder = Builder()
    source, target = builder.tensor((1, 8)), builder.tensor((1, 8))
    builder.op("RELU", [source], [target])
    builder._model.operatorCodes[0].builtinCode = 999
    with pytest.raises(TflconvError, match="an operator of code 999, which only newer tools"):
        reading.parse(builder.content([source], [target]), Path("new.tflite"))


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(TflconvError, match="no model at"):
        reading.read(tmp_path / "none.tflite")
    with pytest.raises(TflconvError, match="cannot read"):
        reading.read(tmp_path)


def many_operators() -> bytes:
    """A graph of all operators whose inputs the costs and rules look into."""
    builder = Builder()
    source = builder.tensor((1, 4, 4, 2), INT8)
    kernel = builder.tensor((2, 3, 3, 2), INT8, scale=[0.1, 0.2], values=1)
    bias = builder.tensor((2,), INT32, scale=[0.01, 0.02], values=0)
    image, summed, product, rows, scaled = (builder.tensor((1, 4, 4, 2), INT8) for _ in range(5))
    builder.op("CONV_2D", [source, kernel, bias], [image], fb.Conv2DOptionsT())
    builder.op("ADD", [image, source], [summed], fb.AddOptionsT())
    builder.op("BATCH_MATMUL", [summed, image], [product], fb.BatchMatMulOptionsT())
    begin, end, strides = (builder.tensor((4,), INT32, values=v) for v in (0, [1, 4, 4, 2], 1))
    builder.op("STRIDED_SLICE", [product, begin, end, strides], [rows], fb.StridedSliceOptionsT())
    builder.op("MUL", [rows, source], [scaled], fb.MulOptionsT())
    return builder.content([source], [scaled])


def look_at(content: bytes) -> str:
    """Read and judge ``content`` as inspect does; the message if it is refused."""
    try:
        model = reading.parse(content, Path("m.tflite"))
    except TflconvError as error:
        return error.message
    found = delegation.predict(model)
    cost.instructions(model.main, found.partitions)
    return "sound"


@settings(max_examples=400, deadline=2000, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_damage_is_read_or_refused_but_never_crashes(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from([two_layers, many_operators]))())
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(8, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    said = look_at(bytes(content))
    assert said == "sound" or "damaged" in said


@settings(max_examples=100, deadline=2000)
@given(length=st.integers(8, len(many_operators()) - 1))
def test_every_cut_is_read_or_refused(length: int) -> None:
    said = look_at(many_operators()[:length])
    assert said == "sound" or "damaged" in said


def test_dynamic_dimensions_count_as_one() -> None:
    builder = Builder()
    source = builder.tensor((-1, 8), FLOAT)
    model = reading.parse(builder.content([source], [source]), Path("m.tflite"))
    assert model.main.tensors[0].elements == 8
