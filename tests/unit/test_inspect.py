"""What inspect says of tiny graphs whose costs are known by hand, and how it ends on bad files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ai_edge_litert import schema_py_generated as fb
from click.testing import CliRunner
from tiny_graphs import INT8, Builder, dense, two_layers

from tflconv.cli.inspect import command
from tflconv.inspection import diff, drawing
from tflconv.inspection.inspect import inspect, to_json
from tflconv.model.card import ModelCard, embed_card
from tflconv.model.normalization import Normalization
from tflconv.results import BenchmarkRun, DeviceInfo, Graph, MeasuredModel, Op, Results


def scaled(path: Path) -> Path:
    """The same two layers with an unfolded BatchNorm (MUL, ADD by constants) between them."""
    builder = Builder()
    source = builder.tensor((1, 8), name="pixels")
    hidden = dense(builder, source, 8, 4)
    for name, options in (("MUL", fb.MulOptionsT()), ("ADD", fb.AddOptionsT())):
        made, factor = builder.tensor((1, 4)), builder.tensor((4,), values=2)
        builder.op(name, [hidden, factor], [made], options)
        hidden = made
    return builder.write(path, [source], [dense(builder, hidden, 4, 2)])


def convolution(path: Path, name: str, kernel: tuple[int, ...]) -> Path:
    builder = Builder()
    source, target = builder.tensor((1, 6, 6, 4)), builder.tensor((1, 6, 6, 8))
    weights = builder.tensor(kernel, values=1)
    bias = builder.tensor((8,), values=0)
    kind = name.title().replace("_", "").replace("2D", "2D")
    builder.op(name, [source, weights, bias], [target], getattr(fb, f"{kind}OptionsT")())
    return builder.write(path, [source], [target])


@pytest.fixture
def float_path(tmp_path: Path) -> Path:
    return two_layers(tmp_path / "float.tflite")


def test_counts_parameters_macs_and_bytes(float_path: Path) -> None:
    found = inspect(float_path)
    assert found.macs == 8 * 4 + 4 * 2
    assert found.parameters == 8 * 4 + 4 + 4 * 2 + 2
    assert found.bytes.weights == 4 * found.parameters
    assert found.bytes.total == float_path.stat().st_size
    assert found.bytes.structure > 0

    (row,) = found.ops
    assert (row.name, row.types, row.count, row.delegated) == ("FULLY_CONNECTED", "float32", 2, 2)


@pytest.mark.parametrize(
    ("name", "kernel", "macs"),
    [
        ("CONV_2D", (8, 3, 3, 4), 6 * 6 * 8 * 3 * 3 * 4),
        ("DEPTHWISE_CONV_2D", (1, 3, 3, 8), 6 * 6 * 8 * 3 * 3),
    ],
)
def test_macs_of_convolutions(
    tmp_path: Path, name: str, kernel: tuple[int, ...], macs: int
) -> None:
    assert inspect(convolution(tmp_path / "c.tflite", name, kernel)).macs == macs


def test_macs_of_a_batch_matmul(tmp_path: Path) -> None:
    builder = Builder()
    left, right = builder.tensor((1, 3, 5, 7)), builder.tensor((1, 3, 7, 11))
    target = builder.tensor((1, 3, 5, 11))
    builder.op("BATCH_MATMUL", [left, right], [target], fb.BatchMatMulOptionsT())
    path = builder.write(tmp_path / "b.tflite", [left, right], [target])
    assert inspect(path).macs == 3 * 5 * 7 * 11


def test_channelwise_tables_are_counted_apart(tmp_path: Path) -> None:
    found = inspect(two_layers(tmp_path / "int8.tflite", INT8))
    scales_and_zeros = 2 * 4 + 2 * 2 + 3
    assert found.bytes.quantization == scales_and_zeros * (4 + 8)
    assert found.bytes.weights == 8 * 4 + 4 * 2 + 4 * (4 + 2)


def test_shared_weights_are_counted_once(tmp_path: Path) -> None:
    builder = Builder()
    source = builder.tensor((1, 4))
    weights, bias = builder.tensor((4, 4), values=1), builder.tensor((4,), values=0)
    value = source
    for _ in range(3):
        made = builder.tensor((1, 4))
        options = fb.FullyConnectedOptionsT()
        builder.op("FULLY_CONNECTED", [value, weights, bias], [made], options)
        value = made
    found = inspect(builder.write(tmp_path / "s.tflite", [source], [value]))
    assert (found.parameters, found.macs) == (20, 48)


def test_arena_reuses_the_room_of_dead_tensors(tmp_path: Path) -> None:
    builder = Builder()
    value = source = builder.tensor((1, 1024))
    for _ in range(6):
        made = builder.tensor((1, 1024))
        builder.op("RELU", [value], [made])
        value = made
    found = inspect(builder.write(tmp_path / "a.tflite", [source], [value]))
    assert found.arena == 2 * 4096


def test_card_and_attached_archive_are_seen(float_path: Path) -> None:
    size = float_path.stat().st_size
    card = ModelCard(
        model="tiny",
        labels=("a", "b"),
        input_shape=(2, 4, 1),
        normalization=Normalization(mean=(127.5,), std=(127.5,)),
        recipe="fp32",
    )
    embed_card(float_path, card)
    found = inspect(float_path)
    assert found.card == card
    assert found.bytes.attached == float_path.stat().st_size - size
    assert found.bytes.total == float_path.stat().st_size
    output = CliRunner().invoke(command, [str(float_path)]).output
    assert "2: a, b" in output
    assert "(pixel − 127.5) / 127.5" in output


def test_json_is_complete_and_plain(float_path: Path) -> None:
    result = CliRunner().invoke(command, [str(float_path), "--json"])
    value = json.loads(result.output)
    assert value == json.loads(json.dumps(to_json(inspect(float_path, packed=True)))) | {
        "measured": []
    }
    assert value["inputs"] == [
        {
            "name": "pixels",
            "shape": [1, 8],
            "shape_signature": [1, 8],
            "type": "float32",
            "scale": None,
            "zero_point": None,
        }
    ]
    assert value["delegation"] == {"partitions": 1, "delegated": 2, "refused": []}


def test_measured_costs_stand_beside_the_file_they_belong_to(
    tmp_path: Path, float_path: Path
) -> None:
    def run(sha256: str) -> BenchmarkRun:
        ops = (
            Op(name="FC a", kind="Fully Connected", delegate="XNNPACK", mean_ns=3000.0, count=2),
            Op(name="GELU", kind="GELU", mean_ns=2000.0),
        )
        return BenchmarkRun(
            model=MeasuredModel(slug="m", name="m", recipe="fp32", sha256=sha256, bytes=1),
            device=DeviceInfo(id="host", kind="host", name="pc", abi="x", os="y"),
            graph=Graph(nodes=3, delegated=2, partitions=2, ops=ops),
        )

    measured = tmp_path / "r.json"
    arguments = [str(float_path), "--results", str(measured)]
    Results(runs=(run(inspect(float_path).sha256),)).save(measured)
    output = CliRunner().invoke(command, arguments).output
    assert "Measured on pc (host), 2 partitions" in output
    assert re.search(r"Fully Connected +XNNPACK +2 +6\.0 +75%", output)
    assert re.search(r"GELU +built-in +1 +2\.0 +25%", output)
    (found,) = json.loads(CliRunner().invoke(command, [*arguments, "--json"]).stdout)["measured"]
    assert (found["device"], found["partitions"], found["unit"]) == ("host", 2, "µs")
    assert found["kinds"][0] == {
        "kind": "Fully Connected",
        "delegate": "XNNPACK",
        "count": 2,
        "cost": 6.0,
        "share": 0.75,
    }
    Results(runs=(run("0" * 64),)).save(measured)
    told = CliRunner().invoke(command, arguments)
    assert "Measured" not in told.output
    assert f"no measured graph of {float_path.name}; `tflconv bench` records one" in told.stderr


def test_counted_costs_are_told_in_instructions(tmp_path: Path, float_path: Path) -> None:
    ops = (
        Op(name="a", kind="CONV_2D", delegate="XNNPACK", instructions=9000.0),
        Op(name="b", kind="CONV_2D", delegate="XNNPACK", instructions=3000.0),
        Op(name="c", kind="RELU", delegate="XNNPACK", instructions=0.0),
    )
    run = BenchmarkRun(
        model=MeasuredModel(
            slug="m", name="m", recipe="fp32", sha256=inspect(float_path).sha256, bytes=1
        ),
        device=DeviceInfo(id="arm64:x", kind="emulator", name="x", abi="x", os="y"),
        graph=Graph(nodes=3, delegated=3, partitions=1, ops=ops),
    )
    Results(runs=(run,)).save(tmp_path / "r.json")
    arguments = [str(float_path), "--results", str(tmp_path / "r.json")]
    output = CliRunner().invoke(command, arguments).output
    assert re.search(r"operator +run by +count +instructions +share", output)
    assert re.search(r"CONV_2D +XNNPACK +2 +12,000 +100%", output)


def test_a_fused_activation_is_named(tmp_path: Path, float_path: Path) -> None:
    apart = two_layers(tmp_path / "apart.tflite", fused=False)
    (change,) = diff.compare(inspect(apart), inspect(float_path)).changes
    assert (change.kind, change.op, change.detail) == ("fused", "RELU", "into FULLY_CONNECTED")


def test_a_folded_batch_norm_is_named(tmp_path: Path) -> None:
    plain = two_layers(tmp_path / "plain.tflite", fused=False)
    before = inspect(scaled(tmp_path / "scaled.tflite"))
    found = {(c.kind, c.op, c.detail) for c in diff.compare(before, inspect(plain)).changes}
    assert ("folded", "MUL", "into the constants of FULLY_CONNECTED") in found
    assert ("folded", "ADD", "into the constants of FULLY_CONNECTED") in found
    assert ("added", "RELU", "not in the first graph") in found


def test_a_quantized_twin_is_retyped(tmp_path: Path, float_path: Path) -> None:
    found = diff.compare(inspect(float_path), inspect(two_layers(tmp_path / "q.tflite", INT8)))
    (change,) = found.changes
    assert (change.kind, change.count, change.detail) == ("retyped", 2, "float32 → int8")
    assert found.unchanged == 0
    assert found.figures["macs"] == (40, 40)


def test_narrower_layers_are_named(tmp_path: Path) -> None:
    paths = []
    for width in (6, 4):
        builder = Builder()
        source = builder.tensor((1, 8))
        hidden = dense(builder, source, 8, width)
        path = tmp_path / f"{width}.tflite"
        paths.append(builder.write(path, [source], [dense(builder, hidden, width, 2)]))
    found = diff.compare(*(inspect(path) for path in paths)).changes
    assert {c.detail for c in found} == {"weights 6 × 8 → 4 × 8", "weights 2 × 6 → 2 × 4"}
    assert {c.kind for c in found} == {"narrowed"}


def test_reordered_operators_are_named(tmp_path: Path) -> None:
    paths = []
    for order in (("TANH", "EXP", "ABS", "NEG"), ("EXP", "ABS", "NEG", "TANH")):
        builder = Builder()
        value = source = builder.tensor((1, 8))
        for name in order:
            made = builder.tensor((1, 8))
            builder.op(name, [value], [made])
            value = made
        paths.append(builder.write(tmp_path / f"{order[0]}.tflite", [source], [value]))
    (change,) = diff.compare(*(inspect(path) for path in paths)).changes
    assert (change.kind, change.op, change.count) == ("reordered", "TANH", 1)


def test_a_graph_equals_itself(float_path: Path) -> None:
    found = diff.compare(inspect(float_path), inspect(float_path))
    assert found.changes == ()
    assert found.unchanged == 2


def test_two_files_give_a_table_and_one_json(tmp_path: Path, float_path: Path) -> None:
    other = two_layers(tmp_path / "other.tflite", fused=False)
    arguments = [str(other), str(float_path)]
    assert "into FULLY_CONNECTED" in CliRunner().invoke(command, arguments).output
    value = json.loads(CliRunner().invoke(command, [*arguments, "--json"]).output)
    assert [model["file"] for model in value["models"]] == ["other.tflite", "float.tflite"]
    assert value["difference"]["changes"][0]["kind"] == "fused"


def test_picture_has_a_box_for_every_operator(tmp_path: Path) -> None:
    models = [
        inspect(two_layers(tmp_path / "a<b>.tflite", fused=fused)).model for fused in (True, False)
    ]
    svg = ElementTree.fromstring(drawing.draw(models))
    boxes = svg.findall(".//{http://www.w3.org/2000/svg}rect")
    assert len(boxes) == (2 + 2) + (3 + 2)
    words = "".join(svg.itertext())
    assert "FULLY_CONNECTED + RELU" in words
    assert "a<b>.tflite" in words


def test_picture_tells_why_an_operator_is_outside(tmp_path: Path) -> None:
    builder = Builder()
    source, target = builder.tensor((1, 8), INT8), builder.tensor((1, 8), INT8)
    builder.op("GELU", [source], [target], fb.GeluOptionsT())
    path = builder.write(tmp_path / "g.tflite", [source], [target])
    svg = drawing.draw([inspect(path).model])
    assert 'class="builtin"' in svg
    assert "XNNPACK has it in float only, here it is int8" in svg


def test_a_dynamic_batch_is_shown_as_unknown(tmp_path: Path) -> None:
    builder = Builder()
    source = builder.tensor((-1, 8))
    target = builder.tensor((-1, 8))
    builder.op("TANH", [source], [target])
    path = builder.write(tmp_path / "d.tflite", [source], [target])
    output = CliRunner().invoke(command, [str(path)]).output
    assert "float32 ? × 8" in output
    assert "known only at run time" in output


def test_svg_is_written_whole_or_not_at_all(tmp_path: Path, float_path: Path) -> None:
    result = CliRunner().invoke(command, [str(float_path), "--svg", str(tmp_path / "g.svg")])
    assert result.exit_code == 0
    assert (tmp_path / "g.svg").read_text().endswith("</svg>\n")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not a model at all", "is not a .tflite file"),
        (b"\x1c\x00\x00\x00TFL3" + b"\x00" * 40, "damaged or cut short"),
    ],
)
def test_bad_files_end_with_one_message(tmp_path: Path, content: bytes, words: str) -> None:
    bad = tmp_path / "bad.tflite"
    bad.write_bytes(content)
    ended = subprocess.run(
        [sys.executable, "-m", "tflconv", "inspect", str(bad), "--svg", str(tmp_path / "o.svg")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "o.svg").exists()


def test_an_archive_without_layers_is_no_keras_model(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
    result = CliRunner().invoke(command, [str(path)])
    assert "is not a Keras model: it is a zip archive" in str(result.exception)


def test_inspect_imports_no_tensorflow(float_path: Path) -> None:
    script = (
        "import sys; from tflconv.cli import main\n"
        f"try: main(['inspect', {str(float_path)!r}])\n"
        "except SystemExit: pass\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def mobilenets() -> Path:
    return Path(os.environ.get("TFLCONV_DATA_DIR", "/nonexistent")) / "mobilenet-tflite"


def test_files_that_others_made(require) -> None:  # type: ignore[no-untyped-def]
    require("data", mobilenets().is_dir(), "TFLCONV_DATA_DIR has no mobilenet-tflite")
    quantized = inspect(mobilenets() / "mobilenet_v2_1.0_224_quant.tflite")
    assert quantized.macs == 300_775_552
    assert quantized.parameters == 3_489_097
    assert quantized.bytes.total == 3_610_798
    boundary = to_json(quantized)["inputs"][0]
    assert (boundary["type"], boundary["scale"], boundary["zero_point"]) == ("uint8", 1 / 128, 128)
    floating = inspect(mobilenets() / "mobilenet_v1_0.25_224_1_default_1.tflite")
    assert {row.types for row in floating.ops} == {"float32"}
    assert to_json(floating)["delegation"]["partitions"] == 2


def test_a_batch_left_open_is_shown_and_counted_as_one(tmp_path: Path) -> None:
    builder = Builder()
    source, target = (builder.tensor((1, 8), signature=(-1, 8)) for _ in range(2))
    builder.op("TANH", [source], [target])
    path = builder.write(tmp_path / "open.tflite", [source], [target])
    found = inspect(path)
    assert "float32 ? × 8" in CliRunner().invoke(command, [str(path)]).output
    assert "float32 ?×8" in drawing.draw([found.model])
    assert (found.delegation.partitions, found.arena) == (((0,),), 128)
    (source_said,) = to_json(found)["inputs"]  # type: ignore[misc]
    assert (source_said["shape"], source_said["shape_signature"]) == ([1, 8], [-1, 8])
