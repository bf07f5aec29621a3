"""Graphs of one pattern each, which XNNPACK takes or refuses. Not a test module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from flatbuffers import flexbuffers
from packed_graphs import INT2, INT4, packed_weights
from tiny_graphs import FLOAT, HALF, INT8, INT32, UINT8, Builder


def unary(name: str, dtype: int, options: Any = None, out_scale: float = 0.1) -> bytes:
    builder = Builder()
    source = builder.tensor((1, 4, 4, 8), dtype)
    scale = out_scale if dtype != FLOAT else None
    target = builder.tensor((1, 4, 4, 8), dtype, scale=scale)
    builder.op(name, [source], [target], options)
    return builder.content([source], [target])


def binary(name: str, dtype: int, options: Any = None, out_scale: float = 0.1) -> bytes:
    builder = Builder()
    left, right = (builder.tensor((1, 4, 4, 8), dtype) for _ in range(2))
    scale = out_scale if dtype != FLOAT else None
    target = builder.tensor((1, 4, 4, 8), dtype, scale=scale)
    builder.op(name, [left, right], [target], options)
    return builder.content([left, right], [target])


def convolution(name: str, dtype: int, *, dimension: int, bias: bool = True) -> bytes:
    builder = Builder()
    scales = [0.1] * 8 if dtype == INT8 else None
    depthwise = name == "DEPTHWISE_CONV_2D"
    shape = (1, 3, 3, 8) if depthwise else (8, 3, 3, 8)
    source, target = (builder.tensor((1, 4, 4, 8), dtype) for _ in range(2))
    kernel = builder.tensor(shape, dtype, scale=scales, dimension=dimension, values=1)
    inputs = [source, kernel]
    if bias:
        quantized = {} if dtype == FLOAT else {"scale": [0.01] * 8}
        inputs.append(
            builder.tensor((8,), FLOAT if dtype == FLOAT else INT32, values=0, **quantized)
        )
    options = fb.DepthwiseConv2DOptionsT() if depthwise else fb.Conv2DOptionsT()
    options.strideW = options.strideH = 1
    options.dilationWFactor = options.dilationHFactor = 1
    if depthwise:
        options.depthMultiplier = 1
    builder.op(name, inputs, [target], options)
    return builder.content([source], [target])


def matmul(zero_point: int, dtype: int = INT8) -> bytes:
    builder = Builder()
    left = builder.tensor((1, 2, 4, 8), dtype)
    right = builder.tensor((1, 2, 8, 4), dtype, zero_point=zero_point)
    target = builder.tensor((1, 2, 4, 4), dtype)
    builder.op("BATCH_MATMUL", [left, right], [target], fb.BatchMatMulOptionsT())
    return builder.content([left, right], [target])


def reshape(dtype: int, out_scale: float) -> bytes:
    builder = Builder()
    source = builder.tensor((1, 4, 4, 8), dtype)
    shape = builder.tensor((2,), INT32, values=[1, 128])
    target = builder.tensor((1, 128), dtype, scale=out_scale if dtype != FLOAT else None)
    builder.op("RESHAPE", [source, shape], [target], fb.ReshapeOptionsT())
    return builder.content([source], [target])


def strided_slice(*, shrink: bool, stride: int = 1) -> bytes:
    builder = Builder()
    source = builder.tensor((1, 4, 8))
    begin, end, strides = (
        builder.tensor((3,), INT32, values=v) for v in ([0, 0, 0], [1, 1, 8], [1, stride, 1])
    )
    target = builder.tensor((1, 8) if shrink else (1, 1, 8))
    options = fb.StridedSliceOptionsT()
    options.shrinkAxisMask = 2 if shrink else 0
    builder.op("STRIDED_SLICE", [source, begin, end, strides], [target], options)
    return builder.content([source], [target])


def reduction(name: str, dtype: int) -> bytes:
    builder = Builder()
    source = builder.tensor((1, 4, 4, 8), dtype)
    axes = builder.tensor((2,), INT32, values=[1, 2])
    target = builder.tensor((1, 8), dtype)
    builder.op(name, [source, axes], [target], fb.ReducerOptionsT())
    return builder.content([source], [target])


def concatenation(count: int, dtype: int) -> bytes:
    builder = Builder()
    sources = [builder.tensor((1, 4), dtype) for _ in range(count)]
    target = builder.tensor((1, 4 * count), dtype)
    options = fb.ConcatenationOptionsT()
    options.axis = 1
    builder.op("CONCATENATION", sources, [target], options)
    return builder.content(sources, [target])


def pooling(name: str, dtype: int) -> bytes:
    builder = Builder()
    source = builder.tensor((1, 4, 4, 8), dtype)
    target = builder.tensor((1, 2, 2, 8), dtype)
    options = fb.Pool2DOptionsT()
    options.strideW = options.strideH = options.filterWidth = options.filterHeight = 2
    builder.op(name, [source], [target], options)
    return builder.content([source], [target])


def softmax(dtype: int, beta: float = 1.0) -> bytes:
    options = fb.SoftmaxOptionsT()
    options.beta = beta
    builder = Builder()
    source = builder.tensor((1, 8), dtype)
    scale = 1 / 256 if dtype == INT8 else None
    target = builder.tensor((1, 8), dtype, scale=scale, zero_point=-128 if scale else 0)
    builder.op("SOFTMAX", [source], [target], options)
    return builder.content([source], [target])


def half_weights() -> bytes:
    builder = Builder()
    source, target = builder.tensor((1, 8)), builder.tensor((1, 4))
    packed = builder.tensor((4, 8), HALF, values=1)
    unpacked = builder.tensor((4, 8))
    bias = builder.tensor((4,), values=0)
    builder.op("DEQUANTIZE", [packed], [unpacked], fb.DequantizeOptionsT())
    builder.op("FULLY_CONNECTED", [source, unpacked, bias], [target], fb.FullyConnectedOptionsT())
    return builder.content([source], [target])


def packed(dtype: int, *, scales: int = 0, block: int = 0, source_type: int = FLOAT) -> bytes:
    """A dense layer of 8 rows of 64 weights in 4 or 2 bits."""
    builder = Builder()
    source, target = builder.tensor((1, 64), source_type), builder.tensor((1, 8), source_type)
    weights = packed_weights(builder, 8, 64, dtype, scales=scales, block=block)
    builder.op("FULLY_CONNECTED", [source, weights, -1], [target], fb.FullyConnectedOptionsT())
    return builder.content([source], [target])


def composite(name: str) -> bytes:
    """A composite between two operators, which LiteRT runs by the graph that stands for it."""
    builder = Builder()
    source, middle, target, end = (builder.tensor((1, 8)) for _ in range(4))
    builder.op("RELU", [source], [middle])
    options = fb.StableHLOCompositeOptionsT()
    options.name, options.decompositionSubgraphIndex, options.version = name.encode(), 1, 1
    options.compositeAttributes = np.frombuffer(flexbuffers.Dumps({"epsilon": 1e-6}), np.uint8)
    operator = fb.OperatorT()
    operator.opcodeIndex = builder._code("STABLEHLO_COMPOSITE", 1)
    operator.inputs, operator.outputs = [middle], [target]
    operator.builtinOptions2Type = fb.BuiltinOptions2.StableHLOCompositeOptions
    operator.builtinOptions2 = options
    builder._graph.operators.append(operator)
    builder.op("TANH", [target], [end])
    inner = Builder()
    first, last = inner.tensor((1, 8)), inner.tensor((1, 8))
    inner.op("ABS", [first], [last])
    inner.content([first], [last])
    inner._graph.operators[0].opcodeIndex = builder._code("ABS", 1)
    builder._model.subgraphs.append(inner._graph)
    return builder.content([source], [end])


def cast(name: str, source_type: int, target_type: int) -> bytes:
    builder = Builder()
    source, target = builder.tensor((1, 8), source_type), builder.tensor((1, 8), target_type)
    builder.op(name, [source], [target])
    return builder.content([source], [target])


def half_slope() -> bytes:
    builder = Builder()
    source, target = builder.tensor((1, 4, 4, 8)), builder.tensor((1, 4, 4, 8))
    packed, slope = builder.tensor((1, 1, 8), HALF, values=1), builder.tensor((1, 1, 8))
    builder.op("DEQUANTIZE", [packed], [slope], fb.DequantizeOptionsT())
    builder.op("PRELU", [source, slope], [target])
    return builder.content([source], [target])


def half_bias(weights: int) -> bytes:
    """A float16 bias behind DEQUANTIZE beside weights that are so, too, or float."""
    builder = Builder()
    source, target = builder.tensor((1, 8)), builder.tensor((1, 4))
    kernel = builder.tensor((4, 8), weights, values=1)
    packed, bias = builder.tensor((4,), HALF, values=0), builder.tensor((4,))
    builder.op("DEQUANTIZE", [packed], [bias], fb.DequantizeOptionsT())
    if weights == HALF:
        unpacked = builder.tensor((4, 8))
        builder.op("DEQUANTIZE", [kernel], [unpacked], fb.DequantizeOptionsT())
        kernel = unpacked
    builder.op("FULLY_CONNECTED", [source, kernel, bias], [target], fb.FullyConnectedOptionsT())
    return builder.content([source], [target])


def variable(shape: tuple[int, ...]) -> bytes:
    """Assign to a variable, and read it as ``shape``."""
    builder = Builder()
    source, target = builder.tensor((1, 8)), builder.tensor(shape)
    handle = builder.tensor((), fb.TensorType.RESOURCE)
    options = fb.VarHandleOptionsT()
    options.container, options.sharedName = b"", b"state"
    builder.op("VAR_HANDLE", [], [handle], options)
    builder.op("ASSIGN_VARIABLE", [handle, source], [])
    builder.op("READ_VARIABLE", [handle], [target])
    return builder.content([source], [target])


def open_batch() -> bytes:
    builder = Builder()
    source, target = (builder.tensor((1, 8), signature=(-1, 8)) for _ in range(2))
    builder.op("TANH", [source], [target])
    return builder.content([source], [target])


def computed_shape() -> bytes:
    builder = Builder()
    source, shape = builder.tensor((1, 8)), builder.tensor((2,), INT32)
    before, after, target = builder.tensor((1, 8)), builder.tensor((2, 4)), builder.tensor((2, 4))
    builder.op("RELU", [source], [before])
    builder.op("RESHAPE", [before, shape], [after], fb.ReshapeOptionsT())
    builder.op("RELU", [after], [target])
    return builder.content([source, shape], [target])


GRAPHS: dict[str, Callable[[], bytes]] = {
    "relu float": lambda: unary("RELU", FLOAT),
    "relu int8": lambda: unary("RELU", INT8),
    "gelu float": lambda: unary("GELU", FLOAT, fb.GeluOptionsT()),
    "gelu int8": lambda: unary("GELU", INT8, fb.GeluOptionsT()),
    "rsqrt float": lambda: unary("RSQRT", FLOAT),
    "rsqrt int8": lambda: unary("RSQRT", INT8),
    "logistic float": lambda: unary("LOGISTIC", FLOAT),
    "tanh float": lambda: unary("TANH", FLOAT),
    "hard swish float": lambda: unary("HARD_SWISH", FLOAT),
    "hard swish int8": lambda: unary("HARD_SWISH", INT8),
    "log float": lambda: unary("LOG", FLOAT),
    "elu uint8": lambda: unary("ELU", UINT8),
    "abs int32": lambda: unary("ABS", INT32),
    "prelu, slope of an input": lambda: binary("PRELU", FLOAT),
    "add float": lambda: binary("ADD", FLOAT, fb.AddOptionsT()),
    "add int8": lambda: binary("ADD", INT8, fb.AddOptionsT()),
    "add int8, far scales": lambda: binary("ADD", INT8, fb.AddOptionsT(), out_scale=1e-5),
    "sub int8": lambda: binary("SUB", INT8, fb.SubOptionsT()),
    "mul int8": lambda: binary("MUL", INT8, fb.MulOptionsT()),
    "mul uint8": lambda: binary("MUL", UINT8, fb.MulOptionsT()),
    "div float": lambda: binary("DIV", FLOAT, fb.DivOptionsT()),
    "squared difference float": lambda: binary("SQUARED_DIFFERENCE", FLOAT),
    "squared difference int8": lambda: binary("SQUARED_DIFFERENCE", INT8),
    "maximum int8": lambda: binary("MAXIMUM", INT8, fb.MaximumMinimumOptionsT()),
    "conv float": lambda: convolution("CONV_2D", FLOAT, dimension=0),
    "conv int8": lambda: convolution("CONV_2D", INT8, dimension=0),
    "depthwise int8": lambda: convolution("DEPTHWISE_CONV_2D", INT8, dimension=3),
    "depthwise float": lambda: convolution("DEPTHWISE_CONV_2D", FLOAT, dimension=3),
    "matmul float": lambda: matmul(0, FLOAT),
    "matmul int8, symmetric": lambda: matmul(0),
    "matmul int8, asymmetric": lambda: matmul(5),
    "reshape int8": lambda: reshape(INT8, 0.1),
    "reshape float": lambda: reshape(FLOAT, 0.1),
    "slice, kept axes": lambda: strided_slice(shrink=False),
    "slice, dropped axis": lambda: strided_slice(shrink=True),
    "slice, stride 2": lambda: strided_slice(shrink=False, stride=2),
    "mean int8": lambda: reduction("MEAN", INT8),
    "mean float": lambda: reduction("MEAN", FLOAT),
    "sum float": lambda: reduction("SUM", FLOAT),
    "concatenate 2 int8": lambda: concatenation(2, INT8),
    "concatenate 5 float": lambda: concatenation(5, FLOAT),
    "concatenate 6 float": lambda: concatenation(6, FLOAT),
    "average pool float": lambda: pooling("AVERAGE_POOL_2D", FLOAT),
    "average pool int8": lambda: pooling("AVERAGE_POOL_2D", INT8),
    "max pool float": lambda: pooling("MAX_POOL_2D", FLOAT),
    "max pool int8": lambda: pooling("MAX_POOL_2D", INT8),
    "softmax float": lambda: softmax(FLOAT),
    "softmax float, beta 2": lambda: softmax(FLOAT, beta=2.0),
    "softmax int8": lambda: softmax(INT8),
    "float16 weights": half_weights,
    "float16 slope": half_slope,
    "float16 bias, float16 weights": lambda: half_bias(HALF),
    "float16 bias, float weights": lambda: half_bias(FLOAT),
    "relu float16": lambda: unary("RELU", HALF),
    "add float16": lambda: binary("ADD", HALF, fb.AddOptionsT()),
    "max pool float16": lambda: pooling("MAX_POOL_2D", HALF),
    "variable": lambda: variable((1, 8)),
    "variable, read in another shape": lambda: variable((2, 4)),
    "batch left open": open_batch,
    "shape computed at run time": computed_shape,
    "reshape int32": lambda: reshape(INT32, 0.1),
    "quantize": lambda: cast("QUANTIZE", FLOAT, INT8),
    "quantize uint8 to int8": lambda: cast("QUANTIZE", UINT8, INT8),
    "int4 weights, scale per row": lambda: packed(INT4, scales=8),
    "int4 weights, one scale": lambda: packed(INT4, scales=1),
    "int4 weights, int8 data": lambda: packed(INT4, scales=8, source_type=INT8),
    "int4 weights, blocks of 32": lambda: packed(INT4, block=32),
    "int4 weights, blocks of 16": lambda: packed(INT4, block=16),
    "int2 weights, scale per row": lambda: packed(INT2, scales=8),
    "int2 weights, one scale": lambda: packed(INT2, scales=1),
    "int8 weights, blocks of 16": lambda: packed(INT8, block=16),
    "composite of LiteRT's": lambda: composite("odml.rms_norm"),
    "composite of somebody's": lambda: composite("mine.thing"),
    "dequantize": lambda: cast("DEQUANTIZE", INT8, FLOAT),
}
