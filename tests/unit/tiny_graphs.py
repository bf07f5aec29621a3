"""Tiny ``.tflite`` files, one pattern each, built from the schema and nothing else.

Not a test module: tests of inspection and delegation build what they need with ``Builder``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as fb

INT8, UINT8, FLOAT, HALF, INT32 = (
    fb.TensorType.INT8,
    fb.TensorType.UINT8,
    fb.TensorType.FLOAT32,
    fb.TensorType.FLOAT16,
    fb.TensorType.INT32,
)
_DTYPES = {
    INT8: np.int8, UINT8: np.uint8, FLOAT: np.float32, HALF: np.float16, INT32: np.int32,
    fb.TensorType.INT16: np.int16, fb.TensorType.INT64: np.int64,
    fb.TensorType.BOOL: np.bool_,
}  # fmt: skip


class Builder:
    """Adds tensors and operators to one graph; ``write`` makes the file."""

    def __init__(self) -> None:
        self._model = fb.ModelT()
        self._model.version = 3
        self._model.buffers = [fb.BufferT()]
        self._model.operatorCodes = []
        self._graph = fb.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        self._graph.inputs, self._graph.outputs = [], []
        self._model.subgraphs = [self._graph]

    def tensor(
        self,
        shape: tuple[int, ...],
        dtype: int = FLOAT,
        *,
        scale: float | list[float] | None = None,
        zero_point: int = 0,
        dimension: int = 0,
        values: Any = None,
        name: str = "",
        signature: tuple[int, ...] = (),
    ) -> int:
        """Add a tensor, constant if ``values`` are given, and return its index."""
        made = fb.TensorT()
        made.shape, made.type = list(shape), dtype
        made.shapeSignature = list(signature) or None
        made.name = (name or f"t{len(self._graph.tensors)}").encode()
        made.buffer = 0 if values is None else self._buffer(values, shape, dtype)
        if scale is None and dtype in (INT8, UINT8):
            scale = 0.1
        if scale is not None:
            scales = scale if isinstance(scale, list) else [scale]
            made.quantization = fb.QuantizationParametersT()
            made.quantization.scale = scales
            made.quantization.zeroPoint = [zero_point] * len(scales)
            made.quantization.quantizedDimension = dimension
        self._graph.tensors.append(made)
        return len(self._graph.tensors) - 1

    def op(
        self,
        name: str,
        inputs: list[int],
        outputs: list[int],
        options: Any = None,
        version: int = 1,
    ) -> None:
        """Add an operator; ``options`` is an object of the schema, such as ``AddOptionsT()``.

        A name that the schema does not have makes a custom operator, and ``options`` its bytes.
        """
        made = fb.OperatorT()
        made.opcodeIndex = self._code(name, version)
        made.inputs, made.outputs = inputs, outputs
        if isinstance(options, bytes):
            made.customOptions = np.frombuffer(options, np.uint8)
        elif options is not None:
            kind = type(options).__name__.removesuffix("T")
            made.builtinOptionsType = getattr(fb.BuiltinOptions, kind)
            made.builtinOptions = options
        self._graph.operators.append(made)

    def content(self, inputs: list[int], outputs: list[int]) -> bytes:
        """The finished file."""
        self._graph.inputs, self._graph.outputs = inputs, outputs
        builder = flatbuffers.Builder(1024)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def write(self, path: Path, inputs: list[int], outputs: list[int]) -> Path:
        """Write the finished file to ``path``."""
        path.write_bytes(self.content(inputs, outputs))
        return path

    def _buffer(self, values: Any, shape: tuple[int, ...], dtype: int) -> int:
        buffer = fb.BufferT()
        array = np.broadcast_to(np.asarray(values, _DTYPES[dtype]), shape)
        buffer.data = np.frombuffer(array.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        return len(self._model.buffers) - 1

    def _code(self, name: str, version: int) -> int:
        code = fb.OperatorCodeT()
        code.builtinCode = getattr(fb.BuiltinOperator, name, fb.BuiltinOperator.CUSTOM)
        if code.builtinCode == fb.BuiltinOperator.CUSTOM:
            code.customCode = name.encode()
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = version
        self._model.operatorCodes.append(code)
        return len(self._model.operatorCodes) - 1


def dense(
    builder: Builder, source: int, inputs: int, outputs: int, dtype: int = FLOAT, relu: bool = False
) -> int:
    """A FULLY_CONNECTED of random weights; int8 has channelwise scales. Returns its output."""
    random = np.random.default_rng(inputs * 1000 + outputs)
    options = fb.FullyConnectedOptionsT()
    options.fusedActivationFunction = fb.ActivationFunctionType.RELU if relu else 0
    if dtype == FLOAT:
        weights = builder.tensor((outputs, inputs), values=random.normal(size=(outputs, inputs)))
        bias = builder.tensor((outputs,), values=np.zeros(outputs))
        output = builder.tensor((1, outputs))
    else:
        scales = [0.01] * outputs
        drawn = random.integers(-127, 128, (outputs, inputs))
        weights = builder.tensor((outputs, inputs), INT8, scale=scales, values=drawn)
        bias = builder.tensor((outputs,), INT32, scale=[0.001] * outputs, values=0)
        output = builder.tensor((1, outputs), INT8)
    builder.op("FULLY_CONNECTED", [source, weights, bias], [output], options)
    return output


def two_layers(path: Path, dtype: int = FLOAT, *, fused: bool = True) -> Path:
    """8 values, dense to 4 with RELU (fused or apart), dense to 2."""
    builder = Builder()
    source = builder.tensor((1, 8), dtype, name="pixels")
    hidden = dense(builder, source, 8, 4, dtype, relu=fused)
    if not fused:
        apart = builder.tensor((1, 4), dtype)
        builder.op("RELU", [hidden], [apart])
        hidden = apart
    return builder.write(path, [source], [dense(builder, hidden, 4, 2, dtype)])
