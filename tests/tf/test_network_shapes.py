"""Computed shapes against those that TensorFlow gives, for every kind of node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hand_made import drawn, network, node
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_networks import sequential

from tflconv.core.tensorflow import tf
from tflconv.network import shapes as shapes_module
from tflconv.network.keras.execution import run
from tflconv.network.keras.reader import read
from tflconv.network.nodes import Network
from tflconv.network.shapes import shapes
from tflconv.tflite.contents import Operator

Draw = Callable[[st.SearchStrategy[Any]], Any]
SIDE = st.integers(1, 4)


def executed(of: Network) -> tuple[int, ...]:
    inputs = [tf.zeros((1, *each.options["shape"])) for each in of.inputs]
    return tuple(run(of, *inputs).shape)


def picture(draw: Draw) -> tuple[int, int, int]:
    return draw(st.integers(1, 12)), draw(st.integers(1, 12)), draw(SIDE)


def window(draw: Draw, shape: tuple[int, ...], size: tuple[int, int]) -> dict[str, Any]:
    """Padding and dilation that TensorFlow allows for windows of ``size``."""
    dilation = draw(st.sampled_from([(1, 1), (2, 2), (2, 1), (1, 3)]))
    reach = [step * (side - 1) + 1 for side, step in zip(size, dilation, strict=True)]
    fits = all(side <= pixels for side, pixels in zip(reach, shape, strict=False))
    padding = draw(st.sampled_from(["SAME", "VALID"] if fits else ["SAME"]))
    return {"padding": padding, "dilation": dilation}


def conv(draw: Draw) -> Network:
    shape, size, outputs = picture(draw), (draw(SIDE), draw(SIDE)), draw(SIDE)
    options = window(draw, shape, size) | {"strides": (draw(SIDE), draw(SIDE))}
    kernel = np.zeros((*size, shape[-1], outputs))
    return network(shape, node("conv", "x", options=options, kernel=kernel, bias=kernel[0, 0, 0]))


def depthwise(draw: Draw) -> Network:
    """TensorFlow has one stride for both sides, and none beside a dilation."""
    shape, size, multiplier = picture(draw), (draw(SIDE), draw(SIDE)), draw(SIDE)
    options = window(draw, shape, size)
    stride = draw(SIDE) if options["dilation"] == (1, 1) else 1
    kernel = np.zeros((*size, shape[-1], multiplier))
    bias = np.zeros(shape[-1] * multiplier)
    options["strides"] = (stride, stride)
    return network(shape, node("depthwise", "x", options=options, kernel=kernel, bias=bias))


def pool(draw: Draw) -> Network:
    shape, size = picture(draw), (draw(SIDE), draw(SIDE))
    fits = all(side <= pixels for side, pixels in zip(size, shape, strict=False))
    options = {
        "function": draw(st.sampled_from(["max", "average"])),
        "size": size,
        "strides": (draw(SIDE), draw(SIDE)),
        "padding": draw(st.sampled_from(["SAME", "VALID"] if fits else ["SAME"])),
    }
    return network(shape, node("pool", "x", options=options))


def pad(draw: Draw) -> Network:
    ends = st.tuples(st.integers(0, 3), st.integers(0, 3))
    shape = picture(draw)[draw(st.integers(0, 1)) :]
    borders = tuple(draw(ends) for _ in shape[1:])
    return network(shape, node("pad", "x", options={"borders": borders}))


def patches(draw: Draw) -> Network:
    rows, columns, high, wide, channels = (draw(SIDE) for _ in range(5))
    shape = (rows * high, columns * wide, channels)
    return network(shape, node("patches", "x", options={"size": (high, wide)}))


def dense(draw: Draw) -> Network:
    shape, outputs = draw(st.lists(SIDE, min_size=1, max_size=3)), draw(SIDE)
    kernel = np.zeros((shape[-1], outputs))
    return network(tuple(shape), node("dense", "x", kernel=kernel, bias=kernel[0]))


def affine(draw: Draw) -> Network:
    """Scales of one number, of a channel, and of each position."""
    shape = (draw(SIDE), draw(SIDE), draw(SIDE))
    of = draw(st.sampled_from([(), (1,), shape[-1:], (1, *shape), (4, 1, 1)]))
    shape = (1, *shape[1:]) if of == (4, 1, 1) else shape
    return network(shape, node("affine", "x", scale=np.full(of, 2.0), shift=np.full(of, 1.0)))


def same(kind: str, **options: Any) -> Callable[[Draw], Network]:
    def make(draw: Draw) -> Network:
        shape = picture(draw)
        weights = {key: drawn(shape[-1]) for key in ("gamma", "beta") if kind == "layer_norm"}
        return network(shape, node(kind, "x", options=options, **weights))

    return make


def elementwise(kind: str) -> Callable[[Draw], Network]:
    """Two inputs and a vector that is spread over them."""

    def make(draw: Draw) -> Network:
        shape = picture(draw)
        gate = node("mean", "x", name="gate", options={"axes": (1, 2), "keep": True})
        order = draw(st.permutations(["x", "gate", "x"]))
        return network(shape, gate, node(kind, *order))

    return make


def attention(draw: Draw) -> Network:
    tokens, channels, heads, size, outputs = (draw(SIDE) for _ in range(5))
    weights = {f"{part}_kernel": np.zeros((channels, heads, size)) for part in PARTS}
    weights |= {f"{part}_bias": np.zeros((heads, size)) for part in PARTS}
    weights |= {"output_kernel": np.zeros((heads, size, outputs)), "output_bias": np.zeros(outputs)}
    options = {"scale": 0.5, "function": draw(st.sampled_from(["softmax", "relu"]))}
    return network((tokens, channels), node("attention", "x", options=options, **weights))


PARTS = ("query", "key", "value")


def matmul(draw: Draw) -> Network:
    """Right operands as they are, turned round, and one for all heads."""
    heads, rows, middle, columns = (draw(SIDE) for _ in range(4))
    turned = draw(st.booleans())
    shape = (columns, middle) if turned else (middle, columns)
    right = node("input", name="y", options={"shape": (draw(st.sampled_from([heads, 1])), *shape)})
    product = node("matmul", "x", "y", options={"transpose_right": turned})
    return network((heads, rows, middle), right, product)


def concat(draw: Draw) -> Network:
    axis = draw(st.sampled_from([-1, -2, 1, 2, 3]))
    return network(picture(draw), node("concat", *["x"] * draw(SIDE), options={"axis": axis}))


def mean(draw: Draw) -> Network:
    axes = draw(st.sampled_from([(1,), (1, 2), (-1,), (-2, -1), (1, 2, 3)]))
    return network(
        picture(draw), node("mean", "x", options={"axes": axes, "keep": draw(st.booleans())})
    )


def reshape(draw: Draw) -> Network:
    shape = picture(draw)
    other = draw(st.permutations(shape)) if draw(st.booleans()) else [int(np.prod(shape))]
    return network(shape, node("reshape", "x", options={"shape": tuple(other)}))


def token(draw: Draw) -> Network:
    tokens, channels = draw(SIDE), draw(SIDE)
    return network((tokens, channels), node("token", "x", token=drawn(1, channels)))


def crop(draw: Draw) -> Network:
    tokens, channels = draw(st.integers(3, 9)), draw(SIDE)
    begin, end = draw(st.sampled_from([(0, 1), (1, None), (0, -1), (-2, None), (1, 3), (2, 99)]))
    return network((tokens, channels), node("crop", "x", options={"begin": begin, "end": end}))


def opaque(draw: Draw) -> Network:
    shape = picture(draw)
    options = {"call": lambda value: tf.transpose(value, (0, 2, 1, 3))}
    options["shape"] = (shape[1], shape[0], shape[2])
    return network(shape, node("opaque", "x", options=options))


def transpose(draw: Draw) -> Network:
    order = draw(st.permutations([1, 2, 3]))
    return network(picture(draw), node("transpose", "x", options={"axes": (0, *order)}))


def operator(draw: Draw) -> Network:
    """The reversed sides of a picture, as an operator of a file says it."""
    shape = picture(draw)
    turned = Operator(index=0, name="TRANSPOSE", inputs=(0, 1), outputs=(2,))
    options = {
        "operator": turned,
        "constants": {1: np.array([0, 3, 2, 1], np.int32)},
        "shapes": ((1, *shape),),
        "place": 0,
        "shape": shape[::-1],
    }
    return network(shape, node("operator", "x", options=options))


KINDS: dict[str, Callable[[Draw], Network]] = {
    "input": lambda draw: network(picture(draw)),
    "opaque": opaque,
    "operator": operator,
    "reshape": reshape,
    "activation": same("activation", function="relu"),
    "identity": same("identity"),
    "layer_norm": same("layer_norm", epsilon=1e-3),
    "add": elementwise("add"),
    "mul": elementwise("mul"),
    "affine": affine,
    "attention": attention,
    "concat": concat,
    "conv": conv,
    "crop": crop,
    "dense": dense,
    "depthwise": depthwise,
    "matmul": matmul,
    "mean": mean,
    "pad": pad,
    "patches": patches,
    "pool": pool,
    "token": token,
    "transpose": transpose,
}


def test_every_kind_of_node_is_here() -> None:
    assert set(KINDS) == set(shapes_module._RULES)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_shape_is_the_one_that_execution_gives(kind: str, data: st.DataObject) -> None:
    made = KINDS[kind](data.draw)
    assert shapes(made)[made.output] == executed(made)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_shapes_follow_from_node_to_node(data: st.DataObject) -> None:
    """Convolutions, poolings and paddings one after another, as networks have them."""
    nodes: list[Any] = []
    shape = first = picture(data.draw)
    for index in range(3):
        kind = data.draw(st.sampled_from(["conv", "depthwise", "pool", "pad", "mean"]))
        options: dict[str, Any] = {"strides": (2, 2), "padding": "SAME", "size": (2, 2)}
        options |= {"function": "average", "axes": (1,), "keep": True}
        if kind == "pad":
            options["borders"] = ((1, 0), (0, 2))
        kernel = np.zeros((3, 3, shape[-1], 2))
        weights = {"kernel": kernel, "bias": np.zeros(2 if kind == "conv" else 2 * shape[-1])}
        chosen = weights if kind in ("conv", "depthwise") else {}
        source = nodes[-1].name if nodes else "x"
        nodes.append(node(kind, source, name=f"n{index}", options=options, **chosen))
        known = shapes(network(first, *nodes))
        shape = known[f"n{index}"][1:]
    for index in range(3):
        assert known[f"n{index}"] == executed(network(first, *nodes[: index + 1]))


def test_layers_that_are_not_known_say_what_they_give(kit: Any) -> None:
    unknown = [kit.layers.UpSampling2D(2), kit.layers.LeakyReLU(), kit.layers.Permute((3, 1, 2))]
    model = sequential(kit, (4, 5, 3), kit.layers.Conv2D(2, 3), *unknown)
    made = read(model)
    assert [len(made.of_kind("opaque")), shapes(made)[made.output]] == [3, (1, 2, 4, 6)]
    assert executed(made) == (1, 2, 4, 6)
