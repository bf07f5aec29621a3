"""``.tflite`` graphs of products that fill no tile: transposed convolutions, and few columns.

Not a test module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from tiny_graphs import FLOAT, INT8, INT32, Builder

Kind = Literal["float", "hybrid", "int8"]
KINDS: tuple[Kind, ...] = ("float", "hybrid", "int8")
_PADDINGS = {True: fb.Padding.SAME, False: fb.Padding.VALID}
_ACTIVATION = fb.ActivationFunctionType


@dataclass(frozen=True, kw_only=True)
class Transposed:
    """A transposed convolution of a square picture.

    Attributes:
        side: Pixels along a side of the picture.
        channels: Channels that it reads.
        made: Channels that it makes.
        window: Taps along a side of the kernel.
        stride: Pixels that it makes of one, along a side.
        same: Whether it makes ``stride`` times as many, or as many as the window reaches.
    """

    side: int
    channels: int
    made: int
    window: int
    stride: int
    same: bool

    @classmethod
    def drawn(cls, seed: int) -> Self:
        """A random one; its stride is at least 2, and not larger than its window."""
        random = np.random.default_rng(seed)
        window = int(random.integers(2, 6))
        return cls(
            side=int(random.integers(4, 15)),
            channels=int(2 ** random.uniform(0, 6)),
            made=int(2 ** random.uniform(0, 6.01)),
            window=window,
            stride=int(random.integers(2, min(window, 4) + 1)),
            same=bool(random.integers(2)),
        )

    @property
    def made_side(self) -> int:
        """Pixels along a side of what it makes."""
        return self.stride * self.side if self.same else self.window + self.stride * (self.side - 1)

    def __str__(self) -> str:
        name = "SAME" if self.same else "VALID"
        shape = f"{self.side}x{self.side}x{self.channels} to {self.made}"
        return f"{shape}, {self.window}x{self.window} stride {self.stride} {name}"

    def content(self, kind: Kind) -> bytes:
        """The file that is this operator alone."""
        builder, type_ = Builder(), INT8 if kind == "int8" else FLOAT
        source = builder.tensor((1, self.side, self.side, self.channels), type_)
        return builder.content([source], [self.add(builder, source, kind)])

    def add(self, builder: Builder, source: int, kind: Kind = "float") -> int:
        """Add the operator to a graph, and return what it makes."""
        options, shape = fb.TransposeConvOptionsT(), (1, self.made_side, self.made_side, self.made)
        options.strideH = options.strideW = self.stride
        options.padding = _PADDINGS[self.same]
        size = builder.tensor((4,), INT32, values=shape)
        kernel = (self.made, self.window, self.window, self.channels)
        weights, bias = _weights(builder, kernel, kind)
        target = builder.tensor(shape, INT8 if kind == "int8" else FLOAT)
        builder.op("TRANSPOSE_CONV", [size, weights, source, bias], [target], options, version=3)
        return target


def convolved(shape: tuple[int, int, int, int], made: int, window: int) -> bytes:
    """A graph of one float convolution over ``shape`` to ``made`` channels."""
    builder = Builder()
    source = builder.tensor(shape)
    return builder.content([source], [_convolution(builder, source, shape, made, window)])


def dense(rows: int, depth: int, made: int) -> bytes:
    """A graph of one float FULLY_CONNECTED of ``rows`` vectors to ``made`` values each."""
    builder = Builder()
    source, target = builder.tensor((rows, depth)), builder.tensor((rows, made))
    weights, bias = _weights(builder, (made, depth), "float")
    builder.op("FULLY_CONNECTED", [source, weights, bias], [target], fb.FullyConnectedOptionsT())
    return builder.content([source], [target])


DECODERS: dict[str, tuple[Transposed, ...]] = {
    "autoencoder": (
        Transposed(side=6, channels=32, made=32, window=3, stride=2, same=True),
        Transposed(side=12, channels=32, made=16, window=3, stride=2, same=True),
        Transposed(side=24, channels=16, made=1, window=3, stride=2, same=True),
    ),
    "generator": (
        Transposed(side=4, channels=64, made=48, window=4, stride=2, same=True),
        Transposed(side=8, channels=48, made=24, window=4, stride=2, same=True),
        Transposed(side=16, channels=24, made=3, window=4, stride=2, same=True),
    ),
    "segmentation": (
        Transposed(side=12, channels=24, made=2, window=2, stride=2, same=False),
        Transposed(side=24, channels=2, made=2, window=4, stride=4, same=True),
    ),
    "super-resolution": (Transposed(side=20, channels=16, made=1, window=5, stride=3, same=True),),
    "without overlap": (
        Transposed(side=8, channels=48, made=24, window=2, stride=2, same=True),
        Transposed(side=16, channels=24, made=12, window=2, stride=2, same=True),
    ),
}
"""What decoders that people train end with; ``decoder`` puts a convolution before each."""


def decoder(name: str) -> tuple[bytes, tuple[int, ...]]:
    """A float network of ``DECODERS``, and the shape of its input."""
    builder, pieces = Builder(), DECODERS[name]
    shape = first = (1, pieces[0].side, pieces[0].side, pieces[0].channels)
    value = source = builder.tensor(shape)
    for piece in pieces:
        value = _convolution(builder, value, shape, piece.channels, 3, relu=True)
        value = piece.add(builder, value)
        shape = (1, piece.made_side, piece.made_side, piece.made)
    return builder.content([source], [value]), first


def _convolution(
    builder: Builder,
    source: int,
    shape: tuple[int, int, int, int],
    made: int,
    window: int,
    *,
    relu: bool = False,
) -> int:
    options = fb.Conv2DOptionsT()
    options.strideH = options.strideW = 1
    options.fusedActivationFunction = _ACTIVATION.RELU if relu else _ACTIVATION.NONE
    weights, bias = _weights(builder, (made, window, window, shape[-1]), "float")
    target = builder.tensor((*shape[:-1], made))
    builder.op("CONV_2D", [source, weights, bias], [target], options)
    return target


def _weights(builder: Builder, shape: tuple[int, ...], kind: Kind) -> tuple[int, int]:
    """Random weights, channels that are made first, and a bias."""
    random, made = np.random.default_rng(shape), shape[0]
    drawn = random.normal(0, np.prod(shape[1:]) ** -0.5, shape)
    bias = random.normal(0, 0.1, made)
    if kind == "float":
        return builder.tensor(shape, values=drawn), builder.tensor((made,), values=bias)
    scales = [float(np.abs(drawn).max() / 127)] * made
    integers = np.round(drawn / scales[0])
    weights = builder.tensor(shape, INT8, scale=scales, values=integers)
    if kind == "hybrid":
        return weights, builder.tensor((made,), values=bias)
    steps = [0.1 * scale for scale in scales]
    return weights, builder.tensor((made,), INT32, scale=steps, values=np.round(bias / steps[0]))
