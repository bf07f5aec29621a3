"""Random ``.tflite`` graphs: one of a few operators after the other, in every way that files have.

Not a test module. A graph of a seed is always the same. Operands are inputs, constants, constants
behind DEQUANTIZE, or variables; types, scales, shapes, options and fused activations vary, and the
first dimension may be left open in the signature, as converters do with the batch. Some graphs
are wrong on purpose: LiteRT refuses those.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ai_edge_litert import schema_py_generated as fb
from growing_graphs import INT16, GrowingGraph, Value
from packed_graphs import packed_dense
from tiny_graphs import FLOAT, HALF, INT8, INT32, UINT8

INT64 = fb.TensorType.INT64
_UNARY = (
    "ABS", "CEIL", "COS", "ELU", "EXP", "FLOOR", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOG",
    "LOGISTIC", "NEG", "RELU", "RELU6", "RELU_N1_TO_1", "ROUND", "RSQRT", "SIN", "SOFTMAX", "SQRT",
    "SQUARE", "TANH", "LOG_SOFTMAX", "L2_NORMALIZATION",
)  # fmt: skip
_BINARY = ("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "PRELU", "POW")
_REDUCE = ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD")
_CODES = {"float": FLOAT, "half": HALF, "int8": INT8, "uint8": UINT8, "int16": INT16}


def unary(graph: GrowingGraph, value: Value) -> Value:
    name = graph.pick(*_UNARY)
    options: Any = None
    if name == "SOFTMAX":
        options = fb.SoftmaxOptionsT()
        options.beta = graph.pick(1.0, 1.0, 2.0)
    elif name == "LEAKY_RELU":
        options = fb.LeakyReluOptionsT()
        options.alpha = graph.pick(0.0, 0.1, 0.3, 1e-6)
    elif name == "GELU":
        options = fb.GeluOptionsT()
    if name in ("SOFTMAX", "LOGISTIC") and value.dtype == INT8:
        return graph.result(name, [value.index], value.shape, INT8, options,
                            scale=1 / 256, zero_point=-128)  # fmt: skip
    return graph.like(name, [value.index], value, options)


def binary(graph: GrowingGraph, value: Value) -> Value:
    name = graph.pick(*_BINARY)
    shape = graph.pick(value.shape, (*(1 for _ in value.shape[1:]), value.shape[-1]))
    if name == "PRELU":
        shape = value.shape[1:] if graph.chance(0.5) else (value.shape[-1],)
    other = graph.operand(shape, value.dtype)
    if graph.chance(0.3):
        fitting = [each for each in graph.earlier if each.shape == value.shape]
        other = next((each for each in fitting if each.dtype == value.dtype), other)
    options = {
        "ADD": fb.AddOptionsT, "SUB": fb.SubOptionsT, "MUL": fb.MulOptionsT, "DIV": fb.DivOptionsT,
        "MAXIMUM": fb.MaximumMinimumOptionsT, "MINIMUM": fb.MaximumMinimumOptionsT,
    }.get(name)  # fmt: skip
    made = options() if options else None
    if made is not None and hasattr(made, "fusedActivationFunction"):
        graph.fused(made)
    return graph.like(name, [value.index, other.index], value, made)


def _kernel(
    graph: GrowingGraph, shape: tuple[int, ...], dtype: int, axis: int
) -> tuple[int, list[float] | None]:
    """Weights of a convolution or dense layer, and their scales."""
    if dtype == FLOAT and graph.chance(0.7):
        return graph.operand(shape, FLOAT).index, None
    if dtype not in (FLOAT, INT8):
        return graph.tensor(shape, dtype, 1).index, None
    many = graph.chance(0.7)
    dimension = axis if graph.chance(0.9) else (axis + 1) % len(shape)
    scales = [0.01] * (shape[dimension] if many else 1)
    kernel = graph.builder.tensor(
        shape, INT8, scale=scales, dimension=dimension if many else 0, values=1
    )
    return kernel, scales


def _bias(graph: GrowingGraph, count: int, dtype: int, scales: list[float] | None) -> list[int]:
    chosen = graph.pick("constant", "constant", "constant", "none", "left out", "operand")
    if chosen in ("none", "left out"):
        return [] if chosen == "none" else [-1]
    if dtype == FLOAT:
        plain = chosen == "constant"
        return [(graph.tensor if plain else graph.operand)((count,), FLOAT, *([0] * plain)).index]
    scaled = [0.001] * (count if scales and len(scales) > 1 else 1)
    return [graph.builder.tensor((count,), INT32, scale=scaled, values=0)]


def convolution(graph: GrowingGraph, value: Value) -> Value | None:
    if len(value.shape) != 4:
        return None
    _, height, width, channels = value.shape
    depthwise = graph.chance(0.4)
    outputs = channels if depthwise else int(graph.pick(4, 8))
    shape = (1, 3, 3, channels) if depthwise else (outputs, 3, 3, channels)
    kernel, scales = _kernel(graph, shape, value.dtype, 3 if depthwise else 0)
    options = graph.fused(fb.DepthwiseConv2DOptionsT() if depthwise else fb.Conv2DOptionsT())
    options.strideW = options.strideH = stride = int(graph.pick(1, 2))
    options.dilationWFactor = options.dilationHFactor = 1
    if depthwise:
        options.depthMultiplier = 1
    bias = _bias(graph, outputs, value.dtype, scales)
    size = (1, -(-height // stride), -(-width // stride), outputs)
    name = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    return graph.result(name, [value.index, kernel, *bias], size, value.dtype, options)


def deconvolution(graph: GrowingGraph, value: Value) -> Value | None:
    if len(value.shape) != 4:
        return None
    _, height, width, channels = value.shape
    stride, side, outputs = int(graph.pick(1, 2)), int(graph.pick(1, 2, 3)), 4
    size = (1, height * stride, width * stride, outputs)
    kernel, scales = _kernel(graph, (outputs, side, side, channels), value.dtype, 0)
    options = graph.fused(fb.TransposeConvOptionsT())
    options.strideW = options.strideH = stride
    bias = [index for index in _bias(graph, outputs, value.dtype, scales) if index >= 0]
    sources = [graph.steering(list(size)), kernel, value.index, *bias]
    return graph.result("TRANSPOSE_CONV", sources, size, value.dtype, options)


def dense(graph: GrowingGraph, value: Value) -> Value:
    outputs = int(graph.pick(4, 6))
    kernel, scales = _kernel(graph, (outputs, value.shape[-1]), value.dtype, 0)
    options = graph.fused(fb.FullyConnectedOptionsT())
    options.keepNumDims = True
    bias = _bias(graph, outputs, value.dtype, scales)
    size = (*value.shape[:-1], outputs)
    return graph.result("FULLY_CONNECTED", [value.index, kernel, *bias], size, value.dtype, options)


def product(graph: GrowingGraph, value: Value) -> Value:
    adjoint, outputs = graph.chance(0.4), int(graph.pick(4, 6))
    inner = (outputs, value.shape[-1]) if adjoint else (value.shape[-1], outputs)
    shape = (*value.shape[:-2], *inner)
    if value.dtype == INT8 or (value.dtype == FLOAT and graph.chance(0.2)):
        zero = int(graph.pick(0, 0, 5))
        right = graph.tensor(shape, INT8, 1, scale=0.1, zero_point=zero)
    else:
        right = graph.operand(shape, value.dtype)
    options = fb.BatchMatMulOptionsT()
    options.adjY = adjoint
    size = (*value.shape[:-1], outputs)
    return graph.result("BATCH_MATMUL", [value.index, right.index], size, value.dtype, options)


def reshape(graph: GrowingGraph, value: Value) -> Value:
    shapes = ((1, math.prod(value.shape)), (1, value.shape[-1], *value.shape[1:-1]), value.shape)
    shape = tuple(graph.pick(*shapes))
    options = fb.ReshapeOptionsT()
    options.newShape = list(shape)
    if graph.chance(0.2):
        shape = (*(1 for _ in range(7 - len(shape))), *shape)
    said = [-1, *shape[1:]] if graph.chance(0.2) else list(shape)
    sources = [value.index, graph.steering(said)]
    return graph.like("RESHAPE", sources, Value(-1, shape, value.dtype, value.scale), options)


def transpose(graph: GrowingGraph, value: Value) -> Value:
    order = [0, *(int(axis) for axis in graph.random.permutation(range(1, len(value.shape))))]
    shape = tuple(value.shape[axis] for axis in order)
    sources = [value.index, graph.steering(order)]
    return graph.like("TRANSPOSE", sources, Value(-1, shape, value.dtype, value.scale))


def pad(graph: GrowingGraph, value: Value) -> Value:
    widths = [[0, 0], *([graph.pick(0, 1), graph.pick(0, 1)] for _ in value.shape[1:])]
    shape = tuple(a + size + b for (a, b), size in zip(widths, value.shape, strict=True))
    if graph.chance(0.1):
        paddings = graph.input((len(shape), 2), INT32).index
    else:
        dtype = graph.pick(INT32, INT32, INT32, INT64)
        paddings = graph.builder.tensor((len(shape), 2), dtype, values=widths)
    return graph.like("PAD", [value.index, paddings], Value(-1, shape, value.dtype, value.scale))


def reduction(graph: GrowingGraph, value: Value) -> Value:
    axes = [int(axis) for axis in graph.pick((-1,), (1,), (1, 2) if len(value.shape) > 3 else (1,))]
    options = fb.ReducerOptionsT()
    options.keepDims = graph.chance(0.5)
    whole = [axis % len(value.shape) for axis in axes]
    kept = [1 if axis in whole else size for axis, size in enumerate(value.shape)]
    shape = tuple(s for axis, s in enumerate(kept) if options.keepDims or axis not in whole)
    sources = [value.index, graph.steering(axes)]
    target = Value(-1, shape, value.dtype, value.scale)
    return graph.like(graph.pick(*_REDUCE), sources, target, options)


def concatenation(graph: GrowingGraph, value: Value) -> Value:
    count = int(graph.pick(1, 2, 3, 5, 6))
    others = [graph.operand(value.shape, value.dtype).index for _ in range(count - 1)]
    options = fb.ConcatenationOptionsT()
    options.axis = -1
    shape = (*value.shape[:-1], value.shape[-1] * count)
    target = Value(-1, shape, value.dtype, value.scale)
    return graph.like("CONCATENATION", [value.index, *others], target, options)


def split(graph: GrowingGraph, value: Value) -> Value | None:
    count = int(graph.pick(2, 3, 6))
    if value.shape[-1] % count:
        return None
    options = fb.SplitOptionsT()
    options.numSplits = count
    shape = (*value.shape[:-1], value.shape[-1] // count)
    scale = {"scale": value.scale} if value.scale else {}
    pieces = [graph.tensor(shape, value.dtype, **scale) for _ in range(count)]
    axis = graph.builder.tensor((), INT32, values=len(shape) - 1)
    graph.builder.op("SPLIT", [axis, value.index], [piece.index for piece in pieces], options)
    return pieces[0]


def crop(graph: GrowingGraph, value: Value) -> Value:
    rank = len(value.shape)
    sizes = [1, *(int(graph.random.integers(1, size + 1)) for size in value.shape[1:])]
    target = Value(-1, tuple(sizes), value.dtype, value.scale)
    if graph.chance(0.5):
        said = [-1 if s == full and graph.chance(0.3) else s
                for s, full in zip(sizes, value.shape, strict=True)]  # fmt: skip
        sources = [value.index, graph.steering([0] * rank), graph.steering(said)]
        return graph.like("SLICE", sources, target, fb.SliceOptionsT())
    options = fb.StridedSliceOptionsT()
    options.endMask = int(graph.pick(0, 0, 1))
    strides = [1] * (rank - 1) + [graph.pick(1, 1, 2)]
    sizes[-1] = -(-sizes[-1] // strides[-1])
    rows = ([0] * rank, list(target.shape), strides)
    sources = [value.index, *(graph.builder.tensor((rank,), INT32, values=row) for row in rows)]
    shape = tuple(sizes)
    return graph.like("STRIDED_SLICE", sources, Value(-1, shape, value.dtype, value.scale), options)


def pooling(graph: GrowingGraph, value: Value) -> Value | None:
    if len(value.shape) != 4:
        return None
    options = graph.fused(fb.Pool2DOptionsT())
    options.strideW = options.strideH = stride = int(graph.pick(1, 2))
    options.filterWidth = options.filterHeight = int(graph.pick(1, 2, 3))
    _, height, width, channels = value.shape
    shape = (1, -(-height // stride), -(-width // stride), channels)
    name = graph.pick("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D")
    return graph.like(name, [value.index], Value(-1, shape, value.dtype, value.scale), options)


def resize(graph: GrowingGraph, value: Value) -> Value | None:
    if len(value.shape) != 4:
        return None
    shape = (1, 8, 8, value.shape[3])
    sources = [value.index, graph.steering([8, 8])]
    name = graph.pick("RESIZE_BILINEAR", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")
    options = fb.ResizeBilinearOptionsT() if "BIL" in name else fb.ResizeNearestNeighborOptionsT()
    return graph.like(name, sources, Value(-1, shape, value.dtype, value.scale), options)


def depth(graph: GrowingGraph, value: Value) -> Value | None:
    if len(value.shape) != 4 or value.shape[1] % 2 or value.shape[2] % 2:
        return None
    _, height, width, channels = value.shape
    options = fb.SpaceToDepthOptionsT()
    options.blockSize = 2
    shape = (1, height // 2, width // 2, channels * 4)
    target = Value(-1, shape, value.dtype, value.scale)
    return graph.like("SPACE_TO_DEPTH", [value.index], target, options)


def requantize(graph: GrowingGraph, value: Value) -> Value:
    if value.dtype in (INT8, UINT8, INT16) and graph.chance(0.4):
        return graph.result("DEQUANTIZE", [value.index], value.shape, FLOAT)
    dtype = graph.pick(INT8, INT8, UINT8, INT16)
    return graph.result("QUANTIZE", [value.index], value.shape, dtype)


def cast(graph: GrowingGraph, value: Value) -> Value:
    dtype = graph.pick(FLOAT, FLOAT, HALF, INT32)
    return graph.result("CAST", [value.index], value.shape, dtype, fb.CastOptionsT())


def stored(graph: GrowingGraph, value: Value) -> Value:
    return graph.variable(value)


Step = Callable[[GrowingGraph, Value], "Value | None"]
STEPS: tuple[Step, ...] = (
    unary, unary, unary, binary, binary, binary, convolution, convolution, dense, dense, product,
    deconvolution, reshape, transpose, pad, reduction, concatenation, split, crop, pooling, resize,
    depth, requantize, cast, stored, packed_dense,
)  # fmt: skip


class RandomGraph(GrowingGraph):
    """A chain of random operators; ``content`` is the file."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        rank = int(self.random.choice([2, 3, 4, 4, 4, 4, 5]))
        shape = (1, *(int(self.random.choice([2, 4, 6])) for _ in range(rank - 1)))
        kind = self.random.choice(["float"] * 5 + ["int8"] * 5 + ["uint8", "int16", "int32"])
        self.value = self.input(shape, _CODES.get(str(kind), INT32))
        self.earlier = [self.value]
        for _ in range(int(self.random.integers(1, 7))):
            step = STEPS[int(self.random.integers(len(STEPS)))]
            self.value = step(self, self.value) or self.value
            self.earlier.append(self.value)
        if self.value.index in self.inputs:
            self.value = unary(self, self.value)

    def content(self) -> bytes:
        """The finished file; a second output may leave in the middle."""
        produced = [value.index for value in self.earlier if value.index not in self.inputs]
        ends = dict.fromkeys([self.value.index, *(produced[:1] if self.chance(0.2) else [])])
        return self.builder.content(self.inputs, list(ends))
