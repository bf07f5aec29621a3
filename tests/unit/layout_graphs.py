"""``.tflite`` graphs of one operator, of pictures whose channels come first or last.

Not a test module.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from tiny_graphs import FLOAT, INT8, INT32, Builder

Shape = tuple[int, ...]

BINARY: dict[str, Any] = {"ADD": fb.AddOptionsT, "MUL": fb.MulOptionsT, "SUB": fb.SubOptionsT}
FIRST, LAST = (0, 3, 1, 2), (0, 2, 3, 1)
"""Permutations that put the channels there."""


def binary(name: str, left: Shape, right: Shape, dtype: int = FLOAT) -> bytes:
    """An operator of two tensors, the right one stretched to the left one's shape."""
    builder = Builder()
    sources = [builder.tensor(shape, dtype) for shape in (left, right)]
    target = builder.tensor(left, dtype)
    builder.op(name, sources, [target], BINARY[name](), version=2)
    return builder.content(sources, [target])


def square(shape: Shape, dtype: int = FLOAT) -> bytes:
    """A MUL of a tensor by itself."""
    builder = Builder()
    source, target = (builder.tensor(shape, dtype) for _ in range(2))
    builder.op("MUL", [source, source], [target], fb.MulOptionsT(), version=2)
    return builder.content([source], [target])


def padded(shape: Shape, axes: Shape, dtype: int = FLOAT) -> bytes:
    """A PAD of one value on both sides of ``axes``."""
    amounts = [[int(axis in axes)] * 2 for axis in range(len(shape))]
    made = tuple(side + 2 * (axis in axes) for axis, side in enumerate(shape))
    return _steered("PAD", shape, made, amounts, fb.PadOptionsT(), dtype)


def mean(shape: Shape, axes: Shape, dtype: int = FLOAT) -> bytes:
    """A MEAN over ``axes``, which are kept with one value each."""
    options = fb.ReducerOptionsT()
    options.keepDims = True
    made = tuple(1 if axis in axes else side for axis, side in enumerate(shape))
    return _steered("MEAN", shape, made, list(axes), options, dtype)


def transposed(shape: Shape, order: Shape, dtype: int = FLOAT) -> bytes:
    """A TRANSPOSE."""
    made = tuple(shape[axis] for axis in order)
    return _steered("TRANSPOSE", shape, made, list(order), fb.TransposeOptionsT(), dtype)


def samples() -> dict[str, bytes]:
    """Files of several sizes, of what exporters do to pictures whose channels come first."""
    made: dict[str, bytes] = {}
    sizes = ((8, 16, 16), (32, 16, 16), (48, 7, 7), (3, 34, 34))
    for (channels, *sides), (kind, dtype) in itertools.product(
        sizes, (("float", FLOAT), ("int8", INT8))
    ):
        first, last = (1, channels, *sides), (1, *sides, channels)
        found = {
            "SQUARE": square(first, dtype),
            "PAD first": padded(first, (2, 3), dtype),
            "PAD last": padded(last, (1, 2), dtype),
            "MEAN first": mean(first, (2, 3), dtype),
            "TRANSPOSE to first": transposed(last, FIRST, dtype),
            "TRANSPOSE to last": transposed(first, LAST, dtype),
        }
        made |= {f"{name} {channels} {sides[0]} {kind}": each for name, each in found.items()}
    return made


def _steered(
    name: str, shape: Shape, made: Shape, values: list[Any], options: Any, dtype: int
) -> bytes:
    builder = Builder()
    source, target = builder.tensor(shape, dtype), builder.tensor(made, dtype)
    _steer(builder, name, source, target, values, options)
    return builder.content([source], [target])


def _steer(
    builder: Builder, name: str, source: int, target: int, values: Any, options: Any
) -> None:
    """Add an operator whose second input are ``values``: an order, axes, amounts or sizes."""
    steering = builder.tensor(np.shape(values), INT32, values=values)
    builder.op(name, [source, steering], [target], options, version=2 if name != "RESHAPE" else 1)


def group_norm(channels: int = 24, groups: int = 4, side: int = 12) -> tuple[bytes, Shape]:
    """A convolution and a group norm as PyTorch exports them, twice, and the shape of the input."""
    builder, random = Builder(), np.random.default_rng(0)
    first = shape = (1, 3, side, side)
    value = source = builder.tensor(shape)
    for _ in range(2):
        value, shape = _convolved_first(builder, random, value, shape, channels)
        value = _normed(builder, random, value, shape, groups)
    return builder.content([source], [value]), first


def _convolved_first(
    builder: Builder, random: np.random.Generator, source: int, shape: Shape, made: int
) -> tuple[int, Shape]:
    """A convolution of a picture whose channels come first, and stay there."""
    _, channels, *sides = shape
    options, kernel = fb.Conv2DOptionsT(), (made, 3, 3, channels)
    options.strideH = options.strideW = 1
    turned = builder.tensor((1, *sides, channels))
    _steer(builder, "TRANSPOSE", source, turned, LAST, fb.TransposeOptionsT())
    weights = builder.tensor(kernel, values=random.normal(0, (9 * channels) ** -0.5, kernel))
    bias = builder.tensor((made,), values=random.normal(0, 0.1, made))
    target, result = builder.tensor((1, *sides, made)), builder.tensor((1, made, *sides))
    builder.op("CONV_2D", [turned, weights, bias], [target], options)
    _steer(builder, "TRANSPOSE", target, result, FIRST, fb.TransposeOptionsT())
    return result, (1, made, *sides)


def _normed(
    builder: Builder, random: np.random.Generator, source: int, shape: Shape, groups: int
) -> int:
    """A group norm with a scale and an offset per channel, and a RELU."""
    rows, one = (1, groups, math.prod(shape) // groups), (1, groups, 1)

    def add(name: str, made: Shape, *sources: int) -> int:
        target = builder.tensor(made)
        options = BINARY[name]() if name in BINARY else None
        builder.op(name, list(sources), [target], options)
        return target

    def mean(of: int) -> int:
        options, target = fb.ReducerOptionsT(), builder.tensor(one)
        options.keepDims = True
        _steer(builder, "MEAN", of, target, (2,), options)
        return target

    def per_channel(center: float) -> int:
        drawn = random.normal(center, 0.1, (1, shape[1], 1, 1))
        return builder.tensor(drawn.shape, values=drawn)

    flat = builder.tensor(rows)
    _steer(builder, "RESHAPE", source, flat, rows, fb.ReshapeOptionsT())
    centred = add("SUB", rows, flat, mean(flat))
    variance = mean(add("MUL", rows, centred, centred))
    spread = add("RSQRT", one, add("ADD", one, variance, builder.tensor((), values=1e-5)))
    picture = builder.tensor(shape)
    scaled = add("MUL", rows, centred, spread)
    _steer(builder, "RESHAPE", scaled, picture, shape, fb.ReshapeOptionsT())
    stretched = add("MUL", shape, picture, per_channel(1))
    return add("RELU", shape, add("ADD", shape, stretched, per_channel(0)))
