"""Float ``.tflite`` graphs of the operators of ``standing_in``: alone, or between convolutions.

Not a test module.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from numpy.typing import NDArray
from tiny_graphs import INT32, Builder

from tflconv.tflite import standing_in

NAMES = tuple(standing_in.STAND_INS[8])
COMPARISONS = ("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")


def alone(name: str, shape: tuple[int, ...]) -> bytes:
    """A graph of one operator over ``shape``, batch first; of a comparison, as numbers."""
    builder, random = Builder(), np.random.default_rng(0)
    source = builder.tensor(shape)
    return builder.content([source], [treated(builder, random, name, source, shape)])


def treated(
    builder: Builder, random: np.random.Generator, name: str, source: int, shape: tuple[int, ...]
) -> int:
    """Add an operator that reads ``source``, and return what it makes."""
    width, made = shape[-1], (1, *shape[2:]) if name == "REDUCE_MAX" else shape
    target, options = builder.tensor(made), _options(name)
    constants: dict[str, Any] = {
        "MINIMUM": lambda: builder.tensor((width,), values=random.uniform(0.2, 0.8, width)),
        "MAXIMUM": lambda: builder.tensor((width,), values=random.uniform(-0.8, 0.2, width)),
        "PRELU": lambda: builder.tensor(
            (1,) * (len(shape) - 2) + (width,), values=random.uniform(-0.2, 0.5, width)
        ),
        "REDUCE_MAX": lambda: builder.tensor((1,), INT32, values=[1]),
    }
    if name in COMPARISONS:
        mask = builder.tensor(shape, fb.TensorType.BOOL)
        builder.op(name, [source, constants["MINIMUM"]()], [mask])
        builder.op("CAST", [mask], [target])
        return target
    used = [constants[name]()] if name in constants else []
    builder.op(name, [source, *used], [target], options)
    return target


def depthwise(size: int, shape: tuple[int, ...]) -> bytes:
    """A graph of one depthwise convolution over ``shape``, with a window of ``size`` both ways."""
    builder, options, width = Builder(), fb.DepthwiseConv2DOptionsT(), shape[-1]
    options.strideH = options.strideW = options.depthMultiplier = 1
    kernel = np.random.default_rng(0).normal(0, 1 / size, (1, size, size, width))
    source, target = builder.tensor(shape), builder.tensor(shape)
    weights = builder.tensor(kernel.shape, values=kernel)
    bias = builder.tensor((width,), values=np.zeros(width))
    builder.op("DEPTHWISE_CONV_2D", [source, weights, bias], [target], options)
    return builder.content([source], [target])


def joined(shape: tuple[int, ...]) -> bytes:
    """A graph of one CONCATENATION of more than XNNPACK takes."""
    builder, options = Builder(), fb.ConcatenationOptionsT()
    options.axis = len(shape) - 1
    source, target = builder.tensor(shape), builder.tensor((*shape[:-1], 6 * shape[-1]))
    builder.op("CONCATENATION", [source] * 6, [target], options)
    return builder.content([source], [target])


def _options(name: str) -> Any:
    if name == "LEAKY_RELU":
        leaky = fb.LeakyReluOptionsT()
        leaky.alpha = 0.2
        return leaky
    return fb.ReducerOptionsT() if name == "REDUCE_MAX" else None


def samples(name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """What ``alone`` can take in place of ``values``, which are normal."""
    if name in COMPARISONS:
        return np.round(2 * values)  # away from what is compared with
    return np.abs(values) + np.float32(0.2) if name in ("LOG", "SQRT") else values


def network(seed: int, names: tuple[str, ...] = NAMES) -> tuple[bytes, tuple[int, ...]]:
    """A random network of convolutions, each followed by one of ``names``, and its input's shape.

    Networks of ``len(names)`` seeds in a row begin with each of them once.
    """
    random = np.random.default_rng(seed)
    builder, side = Builder(), int(random.choice((8, 12, 16, 24)))
    shape = first = (1, side, side, int(random.choice((3, 8, 16))))
    value = source = builder.tensor(shape)
    drawn = [names[seed % len(names)], *random.choice(names, int(random.integers(1, 4)))]
    for name in map(str, drawn):
        value, shape = _convolved(builder, random, value, shape)
        if name == "LOG":
            value = _positive(builder, value, shape)
        if name == "REDUCE_MAX":
            value = _without_largest(builder, value, shape)
        elif name in COMPARISONS:
            mask = treated(builder, random, name, value, shape)
            value, before = builder.tensor(shape), value
            builder.op("MUL", [before, mask], [value], fb.MulOptionsT())
        else:
            value = treated(builder, random, name, value, shape)
    value, shape = _convolved(builder, random, value, shape)
    return builder.content([source], [value]), first


def _convolved(
    builder: Builder, random: np.random.Generator, source: int, shape: tuple[int, ...]
) -> tuple[int, tuple[int, ...]]:
    options = fb.Conv2DOptionsT()
    options.strideH = options.strideW = 1
    width, size = int(random.choice((8, 16, 24, 40))), int(random.choice((1, 3)))
    made = (*shape[:-1], width)
    kernel = random.normal(0, (size * size * shape[-1]) ** -0.5, (width, size, size, shape[-1]))
    target = builder.tensor(made)
    weights = builder.tensor(kernel.shape, values=kernel)
    bias = builder.tensor((width,), values=random.normal(0, 0.1, width))
    builder.op("CONV_2D", [source, weights, bias], [target], options)
    return target, made


def _positive(builder: Builder, source: int, shape: tuple[int, ...]) -> int:
    """Its size and a half: what has a logarithm that is no large number."""
    sizes, target = builder.tensor(shape), builder.tensor(shape)
    builder.op("ABS", [source], [sizes])
    half = builder.tensor((1,), values=0.5)
    builder.op("ADD", [sizes, half], [target], fb.AddOptionsT())
    return target


def _without_largest(builder: Builder, source: int, shape: tuple[int, ...]) -> int:
    """What it lacks to the largest channel of each pixel."""
    options = fb.ReducerOptionsT()
    options.keepDims = True
    largest, target = builder.tensor((*shape[:-1], 1)), builder.tensor(shape)
    axis = builder.tensor((1,), INT32, values=[len(shape) - 1])
    builder.op("REDUCE_MAX", [source, axis], [largest], options)
    builder.op("SUB", [source, largest], [target], fb.SubOptionsT())
    return target
