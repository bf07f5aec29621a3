"""Dense layers whose weights take 4 or 2 bits, with scales per row, tensor or block.

Not a test module.
"""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from growing_graphs import GrowingGraph, Value
from tiny_graphs import FLOAT, HALF, INT8, INT32, Builder

INT4, INT2 = fb.TensorType.INT4, fb.TensorType.INT2
_BITS = {INT8: 8, INT4: 4, INT2: 2}


def packed_weights(
    builder: Builder, rows: int, columns: int, dtype: int, *, scales: int = 0, block: int = 0
) -> int:
    """Add constant weights with as many scales, or with a scale per block of a row."""
    index = builder.tensor((rows, columns))
    tensor = builder._graph.tensors[index]
    buffer = fb.BufferT()
    buffer.data = np.zeros(-(-rows * columns * _BITS[dtype] // 8), np.uint8)
    builder._model.buffers.append(buffer)
    tensor.type, tensor.buffer = dtype, len(builder._model.buffers) - 1
    tensor.quantization = fb.QuantizationParametersT()
    if block:
        details = fb.BlockwiseQuantizationT()
        details.scales = builder.tensor((rows, columns // block), HALF, values=0.01)
        details.zeroPoints, details.blockSize = -1, block
        tensor.quantization.details = details
        tensor.quantization.detailsType = fb.QuantizationDetails.BlockwiseQuantization
    else:
        tensor.quantization.scale = [0.01] * scales
        tensor.quantization.zeroPoint = [0] * scales
    return index


def packed_dense(graph: GrowingGraph, value: Value) -> Value | None:
    """A dense layer of small weights behind ``value``."""
    if value.dtype not in (FLOAT, INT8) or len(value.shape) < 2:
        return None
    dtype, rows = graph.pick(INT4, INT4, INT2, INT2, INT8), graph.pick(3, 4, 8)
    columns, source = value.shape[-1], value.index
    block = 0
    if graph.chance(0.3):  # blocks need wide rows
        block, columns = graph.pick(16, 32, 64), graph.pick(64, 128)
        source = graph.input((1, columns), value.dtype).index
    scales = graph.pick(1, rows, rows)
    weights = packed_weights(graph.builder, rows, columns, dtype, scales=scales, block=block)
    bias = -1
    if graph.chance(0.4):
        kind = FLOAT if value.dtype == FLOAT else INT32
        more = {} if kind == FLOAT else {"scale": [0.001] * rows}
        bias = graph.builder.tensor((rows,), kind, values=0, **more)
    options = graph.fused(fb.FullyConnectedOptionsT())
    options.keepNumDims = block == 0
    shape = (1, rows) if block else (*value.shape[:-1], rows)
    return graph.result("FULLY_CONNECTED", [source, weights, bias], shape, value.dtype, options)
