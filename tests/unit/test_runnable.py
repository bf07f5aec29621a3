"""What a file says of why LiteRT's CPU runtime cannot run it, and what LiteRT says itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as fb
from ai_edge_litert.interpreter import Interpreter
from click.testing import CliRunner
from tiny_graphs import FLOAT, INT8, Builder

from tflconv.benchmark import litert_errors
from tflconv.cli.inspect import command
from tflconv.errors import TflconvError
from tflconv.inspection import runnable
from tflconv.tflite import reading

STRING = fb.TensorType.STRING


def single(name: str, dtype: int = FLOAT, **more: float) -> bytes:
    """One operator from four values to four."""
    builder = Builder()
    source, target = (builder.tensor((1, 4), dtype, name=side, **more) for side in "xy")
    builder.op(name, [source], [target], b"")
    return builder.content([source], [target])


def obstacles(content: bytes) -> list[str]:
    return runnable.obstacles(reading.parse(content, Path("m.tflite")))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sinh", "it needs the custom operator sinh, which LiteRT's CPU runtime lacks"),
        ("FlexErf", "it needs TensorFlow's operator Erf (Flex), which LiteRT's CPU"),
        ("edgetpu-custom-op", "edgetpu-custom-op, compiled for a Coral Edge TPU, which"),
        ("DISPATCH_OP", "DISPATCH_OP, compiled for a vendor's NPU, which"),
        ("Convolution2DTransposeBias", "the custom operator Convolution2DTransposeBias, which"),
    ],
)
def test_operators_that_litert_lacks_are_named_and_litert_agrees(name: str, words: str) -> None:
    content = single(name)
    (reason,) = obstacles(content)
    assert words in reason
    with pytest.raises(RuntimeError):
        Interpreter(model_content=content).allocate_tensors()


def test_custom_operators_that_litert_has_are_no_obstacle() -> None:
    assert obstacles(single("aeq.hadamard_rotation")) == []


def test_custom_operators_that_xnnpack_takes_are_no_obstacle() -> None:
    builder = Builder()
    source, target = builder.tensor((1, 2, 2, 3)), builder.tensor((1, 4, 4, 5))
    weights, bias = builder.tensor((5, 2, 2, 3), values=1), builder.tensor((5,), values=0)
    stride_of_two = b"".join(n.to_bytes(4, "little") for n in (1, 2, 2))
    name = "Convolution2DTransposeBias"
    builder.op(name, [source, weights, bias], [target], stride_of_two)
    content = builder.content([source], [target])
    assert obstacles(content) == []
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    assert [each["op_name"] for each in interpreter._get_ops_details()] == [name, "DELEGATE"]


def test_text_is_no_number() -> None:
    assert obstacles(single("ABS", STRING)) == [
        "its input 'x' is text (a string), not numbers",
        "its output 'y' is text (a string), not numbers",
    ]


@pytest.mark.parametrize(("scale", "zero_point"), [(0.0, 0), (float("inf"), 0), (0.1, 1 << 20)])
def test_an_odd_quantization_is_the_fault_of_the_file(scale: float, zero_point: int) -> None:
    builder = Builder()
    source, target = (builder.tensor((1, 4), INT8, scale=scale, zero_point=zero_point, name=side)
                      for side in "xy")  # fmt: skip
    builder.op("RELU", [source], [target])
    model = reading.parse(builder.content([source], [target]), Path("odd.tflite"))
    with pytest.raises(TflconvError, match=r"odd.tflite: 'x' is quantized with a (scale|zero)"):
        runnable.check(model)


def test_a_file_that_cannot_run_is_never_slower_than_float(tmp_path: Path) -> None:
    path = tmp_path / "npu.tflite"
    path.write_bytes(single("edgetpu-custom-op", INT8))
    output = CliRunner().invoke(command, [str(path)]).output
    assert "! LiteRT's CPU runtime cannot run it: it needs the custom operator edgetpu" in output
    assert "slower" not in output


def between(first: str, second: str, *, shape: tuple[int, ...] = (1, 4)) -> Builder:
    """Two inputs to their sum and their product, which are called alike."""
    builder = Builder()
    left, right = (builder.tensor(shape, name=name) for name in (first, second))
    total, product = (builder.tensor(shape, name=name) for name in (first, second))
    builder.op("ADD", [left, right], [total], fb.AddOptionsT())
    builder.op("MUL", [left, right], [product], fb.MulOptionsT())
    return builder


def test_ends_of_one_name_are_told_as_they_end_the_process_of_litert() -> None:
    assert obstacles(between("x", "x").content([0, 1], [2, 3])) == [
        "2 of its inputs have the name 'x'",
        "2 of its outputs have the name 'x'",
    ]
    assert obstacles(between("x", "y").content([0, 1], [2, 3])) == []
    assert obstacles(between("", "").content([0, 1], [2, 3])) == []
    assert obstacles(between("x", "y").content([0, 1], [2, 2])) == []


def test_ends_without_values_are_told() -> None:
    assert obstacles(between("x", "y").content([0, 1], [])) == ["it has no outputs"]
    empty = between("x", "y", shape=(1, 0)).content([0, 1], [2])
    assert obstacles(empty)[0] == "its input 'x' of shape [1, 0] has no values"


def test_figures_of_open_sides_are_said_to_be_those_of_one_shape(tmp_path: Path) -> None:
    builder = Builder()
    tokens = builder.tensor((1, 1, 8), name="tokens", signature=(-1, -1, 8))
    batch = builder.tensor((1, 8), name="batch", signature=(-1, 8))
    target = builder.tensor((1, 1, 8), signature=(-1, -1, 8))
    builder.op("ADD", [tokens, batch], [target], fb.AddOptionsT())
    path = builder.write(tmp_path / "open.tflite", [tokens, batch], [target])
    (line,) = runnable.open_sides(reading.read(path))
    assert "'tokens' of shape [1, 1, 8]" in line
    assert "[-1, -1, 8]" in line
    result = CliRunner().invoke(command, [str(path)])
    assert "the file leaves sides open" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        ("", ""),
        ("INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n", ""),
        (
            "ERROR: Encountered unresolved custom op: sinh.\nSee instructions: https://x\n"
            "ERROR: Node number 0 (sinh) failed to prepare.",
            "it needs the custom operator sinh, which LiteRT's CPU runtime lacks",
        ),
        (
            "ERROR: Select TensorFlow op(s), included in the given model, is(are) not supported\n"
            "ERROR: Node number 3 (FlexErf) failed to prepare.",
            "it needs TensorFlow's operator Erf (Flex), which LiteRT's CPU runtime lacks",
        ),
        (
            "ERROR: Didn't find op for builtin opcode 'ADD' version '99'. An older version ...",
            "it needs version 99 of ADD, which this LiteRT lacks",
        ),
        (
            "ERROR: [litert_compiled_model.cc:164] Variable tensors not yet supported.\n"
            "ERROR: Failed to invoke",
            "Variable tensors not yet supported",
        ),
        (
            "ERROR: tflite/core/subgraph.cc:2631 (tensor->allocation_type == kTfLiteArenaRw ||"
            " tensor->allocation_type == kTfLiteCustom) was not true.\nERROR: Failed to invoke",
            "the shape of an output is known only while the model runs, and LiteRT's compiled"
            " models cannot give such outputs; a model converted with a batch of 1 has fixed"
            " shapes",
        ),
    ],
)
def test_what_litert_says_becomes_one_line(stderr: str, reason: str) -> None:
    assert litert_errors.reason(stderr) == reason


@pytest.mark.parametrize(("scale", "runs"), [(0.99, True), (1.0, False), (3.2, True)])
def test_a_comparison_that_ends_the_process_is_foretold(
    scale: float, runs: bool, tmp_path: Path
) -> None:
    """LiteRT's own words are none: it aborts."""
    builder = Builder()
    source = builder.tensor((1, 4), INT8, scale=scale)
    limit = builder.tensor((1,), INT8, scale=scale, values=[0])
    target = builder.tensor((1, 4), fb.TensorType.BOOL, name="mask")
    builder.op("NOT_EQUAL", [source, limit], [target])
    content = builder.content([source], [target])
    (tmp_path / "model.tflite").write_bytes(content)
    found = obstacles(content)
    assert bool(found) != runs
    assert runs or found == ["NOT_EQUAL 'mask' compares integers in steps of 1, which ends LiteRT"]
    script = (
        "import sys; from ai_edge_litert.interpreter import Interpreter as I;"
        "i = I(model_path=sys.argv[1]); i.allocate_tensors(); i.invoke()"
    )
    argv = [sys.executable, "-c", script, str(tmp_path / "model.tflite")]
    assert (subprocess.run(argv, capture_output=True, check=False).returncode == 0) == runs


@pytest.mark.parametrize("version", [1, 2, 3, 99])
def test_versions_of_operators_are_known_to_litert_or_not(version: int) -> None:
    builder = Builder()
    source, target = builder.tensor((1, 4)), builder.tensor((1, 4))
    builder.op("EXP", [source], [target], version=version)
    content = builder.content([source], [target])
    told = obstacles(content)
    try:
        Interpreter(model_content=content)
    except ValueError:
        assert len(told) == 1
        assert f"needs version {version} of EXP, of which LiteRT" in told[0]
        assert told[0].endswith("knows up to 2")
    else:
        assert told == []


def test_an_operator_that_litert_has_no_kernel_of_is_told() -> None:
    builder = Builder()
    source, target = builder.tensor((1, 4)), builder.tensor((1, 4))
    builder.op("STABLEHLO_COSINE", [source], [target])
    (reason,) = obstacles(builder.content([source], [target]))
    assert "version 1 of STABLEHLO_COSINE, of which LiteRT" in reason
    assert reason.endswith("knows none")


def test_another_version_of_the_schema_is_told() -> None:
    content = bytearray(single("ABS"))
    model = fb.ModelT.InitFromObj(fb.Model.GetRootAs(content, 0))
    model.version = 4
    made = flatbuffers.Builder(1024)
    made.Finish(model.Pack(made), b"TFL3")
    with pytest.raises(ValueError, match="schema version 4"):
        Interpreter(model_content=bytes(made.Output()))
    assert obstacles(bytes(made.Output())) == ["its schema is of version 4, and LiteRT reads 3"]


@pytest.mark.parametrize("dtype", [FLOAT, fb.TensorType.FLOAT16])
def test_weights_that_are_no_numbers_are_named(dtype: int, tmp_path: Path) -> None:
    builder = Builder()
    source, target = builder.tensor((1, 4), dtype), builder.tensor((1, 4), dtype)
    added = builder.tensor((4,), dtype, values=[1, float("nan"), 2, float("-inf")], name="bias")
    builder.op("ADD", [source, added], [target])
    path = builder.write(tmp_path / "m.tflite", [source], [target])
    (line,) = runnable.broken_weights(reading.read(path))
    assert line.startswith("there is NaN among the weights 'bias':")
    assert line in CliRunner().invoke(command, [str(path)]).output.replace("\n", " ")
    assert runnable.broken_weights(reading.parse(single("ABS"), path)) == []


@pytest.mark.parametrize(
    ("dtype", "what"),
    [(fb.TensorType.RESOURCE, "a resource of TensorFlow"), (fb.TensorType.VARIANT, "a list of")],
)
def test_ends_that_are_no_numbers_are_told(dtype: int, what: str) -> None:
    assert [what in reason for reason in obstacles(single("ABS", dtype))] == [True, True]
