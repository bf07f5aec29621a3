"""Files of uint8, of float16 and with an open batch become what today's kernels are fast at."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tiny_graphs import FLOAT, HALF, INT32, UINT8, Builder

import tflconv
from tflconv.cli import main
from tflconv.errors import TflconvError, UsageError
from tflconv.tflite import packing, reading

RECIPE = "static_wi8_ai8"
SIDE, CHANNELS, FILTERS = 5, 6, 4
STEP = 0.05
"""Scale of the outputs of the graphs here."""


def convolution(
    random: np.random.Generator, *, zero_point: int, depthwise: bool = False, spread: int = 127
) -> tuple[bytes, np.ndarray]:
    """A file of uint8 with one convolution, and its kernel in steps from ``zero_point``."""
    builder = Builder()
    source = builder.tensor((1, SIDE, SIDE, CHANNELS), UINT8, scale=0.02, zero_point=128, name="x")
    filters = CHANNELS if depthwise else FILTERS
    shape = (1, 3, 3, CHANNELS) if depthwise else (FILTERS, 3, 3, CHANNELS)
    low, high = max(-zero_point, -spread), min(255 - zero_point, spread)
    steps = random.integers(low, high + 1, shape)
    kernel = builder.tensor(
        shape, UINT8, scale=0.004, zero_point=zero_point, values=steps + zero_point
    )
    bias = builder.tensor(
        (filters,), INT32, scale=0.004 * 0.02, values=random.integers(-5000, 5000, filters)
    )
    output = builder.tensor((1, SIDE, SIDE, filters), UINT8, scale=STEP, zero_point=120, name="y")
    options = fb.DepthwiseConv2DOptionsT() if depthwise else fb.Conv2DOptionsT()
    options.strideW = options.strideH = 1
    options.dilationWFactor = options.dilationHFactor = 1
    if depthwise:
        options.depthMultiplier = 1
    name = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    builder.op(name, [source, kernel, bias], [output], options)
    return builder.content([source], [output]), steps


def converted(content: bytes, folder: Path, io: str = "uint8") -> Path:
    path = folder / "old.tflite"
    path.write_bytes(content)
    return tflconv.convert(path, [RECIPE], folder / "new", io=io, with_card=False)[0]


def answer(file: Path | bytes, stored: np.ndarray) -> np.ndarray:
    """The output for what an input stores."""
    content = file if isinstance(file, bytes) else file.read_bytes()
    runtime = Interpreter(model_content=content)
    runtime.allocate_tensors()
    runtime.set_tensor(runtime.get_input_details()[0]["index"], stored)
    runtime.invoke()
    return np.asarray(runtime.get_tensor(runtime.get_output_details()[0]["index"]))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 255), st.booleans(), st.integers(0, 2**32 - 1))
def test_outputs_differ_by_a_step_at_most(zero_point: int, depthwise: bool, seed: int) -> None:
    random = np.random.default_rng(seed)
    content, _ = convolution(random, zero_point=zero_point, depthwise=depthwise, spread=255)
    pixels = random.integers(0, 256, (1, SIDE, SIDE, CHANNELS)).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        new = answer(converted(content, Path(folder)), pixels)
    apart = np.abs(answer(content, pixels).astype(int) - new)
    weights, step = 9 * (1 if depthwise else CHANNELS), 0.004 * 0.02 * 128
    assert new.dtype == np.uint8
    assert apart.max() <= 1 + weights * step / STEP, "each weight may be off by half a step"


@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("zero_point", [100, 128, 150])
def test_weights_within_127_steps_stay_exact(
    zero_point: int, depthwise: bool, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    spread = min(zero_point, 255 - zero_point, 127)
    content, steps = convolution(random, zero_point=zero_point, depthwise=depthwise, spread=spread)
    made = reading.read(converted(content, tmp_path, "int8")).main
    kernel = next(tensor for tensor in made.tensors if tensor.constant and tensor.dtype == "int8")
    assert kernel.quantization is not None
    assert kernel.quantization.symmetric
    assert set(kernel.quantization.scales) == {np.float32(0.004)}
    assert kernel.quantization.dimension == (3 if depthwise else 0)
    assert (np.frombuffer(kernel.data, np.int8).reshape(steps.shape) == steps).all()
    pixels = random.integers(0, 256, (1, SIDE, SIDE, CHANNELS)).astype(np.uint8)
    new = answer(converted(content, tmp_path), pixels)
    assert np.abs(new.astype(int) - answer(content, pixels)).max() <= 1


def test_only_channels_that_reach_further_get_a_scale_of_their_own(tmp_path: Path) -> None:
    content, steps = convolution(np.random.default_rng(0), zero_point=60, spread=120)
    model = packing.unpack(content)
    graph = model.subgraphs[0]
    steps[1, 0, 0, 0] = 190
    model.buffers[graph.tensors[1].buffer].data = (steps + 60).astype(np.uint8).ravel()
    made = reading.read(converted(packing.pack(model), tmp_path, "int8")).main
    kernel = next(tensor for tensor in made.tensors if tensor.constant and tensor.dtype == "int8")
    assert kernel.quantization is not None
    wider = 0.004 * 190 / 127
    assert kernel.quantization.scales == pytest.approx([0.004, wider, 0.004, 0.004], rel=1e-6)
    stored = np.frombuffer(kernel.data, np.int8).reshape(steps.shape)
    assert stored[1, 0, 0, 0] == 127
    assert (stored[[0, 2, 3]] == steps[[0, 2, 3]]).all()


@pytest.mark.parametrize(("io", "dtype"), [("float32", np.float32), ("int8", np.int8)])
def test_inputs_and_outputs_have_the_type_that_is_asked_for(
    io: str, dtype: type, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    content, _ = convolution(random, zero_point=128)
    pixels = random.integers(0, 256, (1, SIDE, SIDE, CHANNELS)).astype(np.uint8)
    expected = (answer(content, pixels).astype(np.float32) - 120) * STEP
    fed = {"float32": (pixels.astype(np.float32) - 128) * 0.02, "int8": (pixels ^ 128).view("int8")}
    new = answer(converted(content, tmp_path, io), fed[io])
    assert new.dtype == dtype
    real = new if io == "float32" else (new.astype(np.float32) + 8) * STEP
    np.testing.assert_allclose(real, expected, atol=STEP * 1.01)


def test_joined_values_get_the_scale_of_the_whole(tmp_path: Path) -> None:
    builder = Builder()
    source = builder.tensor((1, 4), UINT8, scale=0.5, zero_point=10)
    kernel = builder.tensor((4, 4), UINT8, scale=0.1, zero_point=128, values=128 + 10 * np.eye(4))
    bias = builder.tensor((4,), INT32, scale=0.05, values=0)
    first = builder.tensor((1, 4), UINT8, scale=0.5, zero_point=10)
    whole = builder.tensor((1, 8), UINT8, scale=1.0, zero_point=20)
    builder.op("FULLY_CONNECTED", [source, kernel, bias], [first], fb.FullyConnectedOptionsT())
    joining = fb.ConcatenationOptionsT()
    joining.axis = 1
    builder.op("CONCATENATION", [first, source], [whole], joining)
    content = builder.content([source], [whole])
    values = np.array([[10, 60, 110, 200]], np.uint8)
    new = answer(converted(content, tmp_path), values)
    assert new.tolist() == answer(content, values).tolist()


def test_halves_become_floats_and_an_open_batch_one(tmp_path: Path) -> None:
    builder = Builder()
    source = builder.tensor((1, 4), FLOAT, signature=(-1, 4), name="x")
    halves = builder.tensor((3, 4), HALF, values=np.arange(12).reshape(3, 4) / 8)
    kernel, bias = builder.tensor((3, 4), FLOAT), builder.tensor((3,), FLOAT, values=0)
    output = builder.tensor((1, 3), FLOAT, signature=(-1, 3))
    builder.op("DEQUANTIZE", [halves], [kernel])
    builder.op("FULLY_CONNECTED", [source, kernel, bias], [output], fb.FullyConnectedOptionsT())
    old = builder.write(tmp_path / "halves.tflite", [source], [output])
    made = tflconv.convert(old, ["fp32"], tmp_path / "new", with_card=False)[0]
    graph = reading.read(made).main
    assert [operator.name for operator in graph.operators] == ["FULLY_CONNECTED"]
    assert {tensor.dtype for tensor in graph.tensors} == {"float32"}
    assert all(-1 not in tensor.signature for tensor in graph.tensors)
    values = np.ones((1, 4), np.float32)
    assert answer(made, values).tolist() == answer(old.read_bytes(), values).tolist()


def test_another_recipe_says_which_there_is(tmp_path: Path) -> None:
    content, _ = convolution(np.random.default_rng(0), zero_point=128)
    path = tmp_path / "old.tflite"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"quantized already: CONV_2D.*\n.*static_wi8_ai8"):
        tflconv.convert(path, ["dynamic_wi8_afp32"], tmp_path / "new")
    assert not (tmp_path / "new").exists() or not list((tmp_path / "new").iterdir())


def test_operators_that_int8_does_not_know_are_no_starting_point(tmp_path: Path) -> None:
    content, _ = convolution(np.random.default_rng(0), zero_point=128)
    model = packing.unpack(content)
    graph = model.subgraphs[0]
    code = fb.OperatorCodeT()
    code.builtinCode, code.version = fb.BuiltinOperator.REVERSE_V2, 1
    model.operatorCodes.append(code)
    axis = fb.TensorT()
    axis.name, axis.shape, axis.type = b"axis", [1], INT32
    axis.buffer = len(model.buffers)
    buffer = fb.BufferT()
    buffer.data = np.frombuffer(np.array([1], np.int32).tobytes(), np.uint8)
    model.buffers.append(buffer)
    turned = packing.unpack(content).subgraphs[0].tensors[3]
    turned.name = b"turned"
    graph.tensors += [axis, turned]
    operator = fb.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 1, [3, 4], [5]
    graph.operators.append(operator)
    graph.outputs = [5]
    with pytest.raises(TflconvError, match=r"quantized already.*\n.*Start from the float model"):
        converted(packing.pack(model), tmp_path)


@pytest.fixture
def mobilenet(require) -> Path:  # type: ignore[no-untyped-def]
    folder = Path(os.environ.get("TFLCONV_DATA_DIR", "/nonexistent")) / "mobilenet-tflite"
    require("data", folder.is_dir(), "TFLCONV_DATA_DIR has no mobilenet-tflite")
    return folder / "mobilenet_v2_1.0_224_quant.tflite"


def views(count: int) -> np.ndarray:
    """Parts of photographs, the same every time."""
    random = np.random.default_rng(0)
    photos = sorted((Path(os.environ["TFLCONV_DATA_DIR"]) / "photos").glob("*.png"))
    made = []
    for place in range(count):
        with Image.open(photos[place % len(photos)]) as photo:
            side = int(min(photo.size) * random.uniform(0.4, 1))
            left, top = (int(random.integers(0, length - side + 1)) for length in photo.size)
            part = photo.convert("RGB").crop((left, top, left + side, top + side))
            made.append(np.asarray(part.resize((224, 224)))[np.newaxis])
    return np.stack(made)


def test_a_published_mobilenet_keeps_its_answers(
    mobilenet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["convert", str(mobilenet), "--recipe", RECIPE, "--io", "uint8", "-o", str(tmp_path)])
    assert ended.value.code == 0, capsys.readouterr().err
    made = tmp_path / f"{mobilenet.stem}-{RECIPE}.tflite"
    assert made.stat().st_size < 1.06 * mobilenet.stat().st_size
    pixels = views(24)
    before, after = (
        np.stack([answer(file, picture) for picture in pixels]).reshape(len(pixels), -1)
        for file in (mobilenet.read_bytes(), made)
    )
    shares, new = before / 256, after / 256
    cosine = (shares * new).sum(1) / np.linalg.norm(shares, axis=1) / np.linalg.norm(new, axis=1)
    assert cosine.mean() > 0.99
    lost = shares.max(1) - shares[np.arange(len(shares)), new.argmax(1)]
    assert lost.max() < 0.1, "another class only where two were nearly as likely"
    kernels = [t for t in reading.read(made).main.tensors if t.constant and t.dtype == "int8"]
    assert all(kernel.quantization and kernel.quantization.channelwise for kernel in kernels)
