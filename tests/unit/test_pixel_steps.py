"""Pixels that lie between the steps of an input are stored without an error."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from tiny_graphs import INT8, INT32, Builder

from tflconv import recipe
from tflconv.conversion import Calibration
from tflconv.conversion.calibration import load
from tflconv.conversion.preparation import FloatModel
from tflconv.tflite import biases, editing, packing

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 3))
PIXELS.flat[:256] = range(256)
BETWEEN = ((PIXELS - 127.5) / 127.5).astype(np.float32)
"""-1 to 1, so 0 lies between two pixels."""

LAYERS = ("convolution", "padded convolution", "depthwise convolution", "patches")


def network(kind: str) -> FloatModel:
    """One layer that reads pixels."""
    random, builder = np.random.default_rng(1), Builder()
    source = value = builder.tensor((1, 8, 8, 3))
    outputs = 3 if kind.startswith("depthwise") else 16
    made, name, shape = builder.tensor((1, 4, 4, outputs)), "CONV_2D", (16, 2, 2, 3)
    options = fb.Conv2DOptionsT()
    if kind == "patches":
        sides = builder.tensor((3,), INT32, values=[1, 16, 12])
        value, made = builder.tensor((1, 16, 12)), builder.tensor((1, 16, 16))
        builder.op("RESHAPE", [source, sides], [value])
        name, shape, options = "FULLY_CONNECTED", (16, 12), fb.FullyConnectedOptionsT()
        options.keepNumDims = True
    else:
        if kind.startswith("depthwise"):
            name, shape = "DEPTHWISE_CONV_2D", (1, 2, 2, 3)
            options = fb.DepthwiseConv2DOptionsT()
            options.depthMultiplier = 1
        if kind.startswith("padded"):
            shape = (16, 3, 3, 3)
        options.strideH = options.strideW = 2
        options.padding = fb.Padding.SAME if kind.startswith("padded") else fb.Padding.VALID
    weights = builder.tensor(shape, values=random.normal(0.2, 0.3, shape))
    biases = builder.tensor((outputs,), values=random.normal(size=outputs))
    builder.op(name, [value, weights, biases], [made], options)
    model = packing.unpack(builder.content([source], [made]))
    editing.sign(model, ["x"], ["y"])
    return FloatModel("tiny", packing.pack(model))


def made(model: FloatModel, samples: np.ndarray, chosen: str = "static_wi8_ai8") -> bytes:
    calibration = Calibration.of_values("pixels", samples)
    return model.make(recipe.get(chosen).with_io("float32"), calibration)


def kinds(content: bytes) -> list[str]:
    return [name for _, _, name in editing.operators(packing.unpack(content))]


def values(content: bytes, tensor: int, samples: np.ndarray) -> np.ndarray:
    runtime, found = load(content), []
    for sample in samples:
        runtime.set_tensor(runtime.get_input_details()[0]["index"], sample[np.newaxis])
        runtime.invoke()
        found.append(runtime.get_tensor(tensor))
    return np.concatenate(found)


@pytest.mark.parametrize("chosen", ["static_wi8_ai8", "selective_wi8_ai8", "mixed_wi8_ai8"])
@pytest.mark.parametrize("kind", LAYERS)
def test_integers_are_the_pixels_themselves(kind: str, chosen: str) -> None:
    content = made(network(kind), BETWEEN, chosen)
    graph = packing.unpack(content).subgraphs[0]
    place = kinds(content).index("ADD")
    assert kinds(content)[place + 1] == "QUANTIZE"
    stored = values(content, int(graph.operators[place + 1].outputs[0]), BETWEEN)
    np.testing.assert_array_equal(stored.ravel(), PIXELS.ravel() - 128)


@pytest.mark.parametrize("kind", LAYERS)
def test_the_layer_takes_the_shift_back(kind: str) -> None:
    """What is left is the rounding of weights and outputs, and of the edge of a padded picture."""
    model = network(kind)
    content = made(model, BETWEEN)
    expected, received = (
        values(each, int(packing.unpack(each).subgraphs[0].outputs[0]), BETWEEN)
        for each in (model.content, content)
    )
    apart = (received - expected).reshape(len(PIXELS), -1, expected.shape[-1])
    step = (expected.max() - expected.min()) / 255
    inside = apart[:, :5] if kind.startswith("padded") else apart
    assert np.abs(inside.mean(axis=(0, 1))).max() < step / 8
    assert np.abs(apart).max() < 1.5 * step


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param((PIXELS / 255).astype(np.float32), id="0 to 1"),
        pytest.param((PIXELS - 128.0).astype(np.float32), id="0 is a pixel"),
        pytest.param(np.random.default_rng(2).uniform(-1, 1, PIXELS.shape), id="no pixels"),
    ],
)
def test_other_inputs_stay(samples: np.ndarray) -> None:
    assert kinds(made(network("convolution"), samples.astype(np.float32)))[0] == "QUANTIZE"


def test_an_input_that_is_read_twice_stays() -> None:
    builder = Builder()
    source, bias = builder.tensor((1, 8, 8, 3)), builder.tensor((4,), values=np.zeros(4))
    weights = builder.tensor((4, 1, 1, 3), values=np.ones((4, 1, 1, 3)))
    first, second = (builder.tensor((1, 8, 8, 4)) for _ in range(2))
    options = fb.Conv2DOptionsT()
    options.strideH = options.strideW = 1
    for result in (first, second):
        builder.op("CONV_2D", [source, weights, bias], [result], options)
    model = packing.unpack(builder.content([source], [first, second]))
    editing.sign(model, ["x"], ["y", "z"])
    content = made(FloatModel("twice", packing.pack(model)), BETWEEN)
    assert "ADD" not in kinds(content)


def test_a_bias_that_another_layer_has_too_stays_what_it_is_there() -> None:
    builder = Builder()
    source = builder.tensor((1, 8), INT8, scale=0.5)
    kernel = builder.tensor((8, 8), INT8, scale=0.25, values=np.eye(8))
    bias = builder.tensor((8,), INT32, scale=0.125, values=np.full(8, 7))
    made = [builder.tensor((1, 8), INT8, scale=0.5) for _ in range(2)]
    for read, result in zip((source, made[0]), made, strict=True):
        builder.op("FULLY_CONNECTED", [read, kernel, bias], [result], fb.FullyConnectedOptionsT())
    model = packing.unpack(builder.content([source], [made[1]]))
    first, second = model.subgraphs[0].operators
    biases.add(model, first, np.full(8, 0.5))
    stored = [
        editing.values(model, model.subgraphs[0].tensors[int(each.inputs[2])], np.int32).tolist()
        for each in (first, second)
    ]
    assert stored == [[11] * 8, [7] * 8]
