"""What a selective file may leave in float, the most harmful first."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from tiny_graphs import INT32, Builder

from tflconv.conversion import Calibration, relief
from tflconv.conversion.calibration import measure
from tflconv.tflite import editing, packing

RANDOM = np.random.default_rng(0)


def test_the_most_harmful_product_comes_first() -> None:
    """The ends come before all products, and a single far value spoils the steps of one of them."""
    builder = Builder()
    pixels = [builder.tensor((1, 6, 16)) for _ in range(3)]
    biases = builder.tensor((16,), values=np.zeros(16))
    kernel = builder.tensor((16, 16), values=np.eye(16))
    made = [builder.tensor((1, 6, 16), name=f"layer {number}") for number in range(3)]
    products = [builder.tensor((1, 6, 6), name=name) for name in ("even", "far")]
    dense, transposed = fb.FullyConnectedOptionsT(), fb.BatchMatMulOptionsT()
    dense.keepNumDims = transposed.adjY = True
    for source, result in zip(pixels, made, strict=True):
        builder.op("FULLY_CONNECTED", [source, kernel, biases], [result], dense)
    for left, result in zip(made[:2], products, strict=True):
        builder.op("BATCH_MATMUL", [left, made[2]], [result], transposed)
    content = packing.unpack(builder.content(pixels, products))
    editing.sign(content, ["x", "y", "z"], ["even", "far"])
    model = packing.pack(content)
    drawn = RANDOM.normal(size=(3, 20, 6, 16)).astype(np.float32)
    drawn[1, 0, 0, 0] = 100
    samples = Calibration.of_values("drawn", *drawn)
    found = relief.ordered(model, measure(model, samples), samples)
    assert found == ("layer 2", "layer 0", "layer 1", "far", "even")


@pytest.mark.parametrize(("outputs", "names"), [(10, ("scores", "mean")), (64, ())])
def test_the_tail_of_a_file_begins_after_the_last_layer_but_one(
    outputs: int, names: tuple[str, ...]
) -> None:
    """Not where the last layer is large: in float its weights would take four times the bytes."""
    builder = Builder()
    source, bias = builder.tensor((1, 4, 4, 32)), builder.tensor((32,), values=np.zeros(32))
    kernel = builder.tensor((32, 1, 1, 32), values=np.ones((32, 1, 1, 32)))
    first, mean = builder.tensor((1, 4, 4, 32)), builder.tensor((1, 32), name="mean")
    conv = fb.Conv2DOptionsT()
    conv.strideH = conv.strideW = 1
    builder.op("CONV_2D", [source, kernel, bias], [first], conv)
    axes = builder.tensor((2,), INT32, values=[1, 2])
    builder.op("MEAN", [first, axes], [mean], fb.ReducerOptionsT())
    weights = builder.tensor((outputs, 32), values=np.ones((outputs, 32)))
    scores = builder.tensor((1, outputs), name="scores")
    last = builder.tensor((outputs,), values=np.zeros(outputs))
    builder.op("FULLY_CONNECTED", [mean, weights, last], [scores], fb.FullyConnectedOptionsT())
    assert relief.tail(packing.unpack(builder.content([source], [scores]))) == names


@pytest.mark.parametrize(
    ("rows", "between", "names"),
    [
        pytest.param(1, "LOGISTIC", {"scores"}, id="reads a row of floats"),
        pytest.param(1, None, set(), id="reads integers"),
        pytest.param(6, "LOGISTIC", set(), id="reads several rows"),
    ],
)
def test_a_last_layer_is_free_in_float_where_it_reads_a_row_of_floats(
    rows: int, between: str | None, names: set[str]
) -> None:
    builder = Builder()
    source = value = builder.tensor((rows, 16))
    for name in ("hidden", "scores"):
        kernel, bias = (builder.tensor(s, values=np.ones(s)) for s in ((16, 16), (16,)))
        made = builder.tensor((rows, 16), name=name)
        options = fb.FullyConnectedOptionsT()
        builder.op("FULLY_CONNECTED", [value, kernel, bias], [made], options)
        value = made
        if between is not None and name == "hidden":
            value = builder.tensor((rows, 16), name="shares")
            builder.op(between, [made], [value])
    model = packing.unpack(builder.content([source], [made]))
    assert relief.free(model) == names
    assert relief.free(model, {"hidden"}) == ({"scores"} if rows == 1 else set())


def test_a_small_file_has_in_float_what_would_take_conversions() -> None:
    """Products, and layers that read one or the input; not those between other operators."""
    builder = Builder()
    source = builder.tensor((1, 6, 16))
    kernel, bias = (builder.tensor(shape, values=np.ones(shape)) for shape in ((16, 16), (16,)))
    dense, product, joining = (
        fb.FullyConnectedOptionsT(), fb.BatchMatMulOptionsT(), fb.ConcatenationOptionsT()
    )  # fmt: skip
    dense.keepNumDims, product.adjY, joining.axis = True, True, 2
    names = ("first", "shares", "query", "out", "last")
    first, shares, query, out, last = (builder.tensor((1, 6, 16), name=name) for name in names)
    scores, both = (builder.tensor((1, 6, width), name=f"{width}") for width in (6, 12))
    wide = builder.tensor((16, 12), values=np.ones((16, 12)))
    builder.op("FULLY_CONNECTED", [source, kernel, bias], [first], dense)
    builder.op("LOGISTIC", [first], [shares])
    builder.op("FULLY_CONNECTED", [shares, kernel, bias], [query], dense)
    builder.op("BATCH_MATMUL", [query, query], [scores], product)
    builder.op("CONCATENATION", [scores, scores], [both], joining)
    builder.op("FULLY_CONNECTED", [both, wide, bias], [out], dense)
    builder.op("FULLY_CONNECTED", [out, kernel, bias], [last], dense)
    model = packing.unpack(builder.content([source], [last]))
    assert relief.small(model) == {"first", "6", "out"}
