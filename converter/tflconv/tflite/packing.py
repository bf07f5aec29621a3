"""Unpack a ``.tflite`` flatbuffer into objects, and pack them into a small flatbuffer.

Equal objects give equal bytes. Equal quantization vectors are stored once: a zero point per channel
takes 8 bytes and is always 0, and other writers store a vector of them for every weight and bias,
which is 15 % of a small int8 MobileNetV2.
"""

from __future__ import annotations

import copy

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as fb
from numpy.typing import ArrayLike

from tflconv.tflite.schema import IDENTIFIER

_ALIGNMENT = 16


def unpack(content: bytes) -> fb.ModelT:
    """Return the model in a ``.tflite`` file as objects, with every weight inside its buffer.

    Some writers (litert-quantizer among them) put weights behind the flatbuffer and only an offset
    into it, which older runtimes do not read.
    """
    model = fb.ModelT.InitFromPackedBuf(content, 0)
    for buffer in model.buffers:
        if buffer.offset > 1:
            stored = content[buffer.offset : buffer.offset + buffer.size]
            buffer.data, buffer.offset, buffer.size = np.frombuffer(stored, np.uint8), 0, 0
    return model


def pack(model: fb.ModelT) -> bytes:
    """Return the ``.tflite`` file of ``model``: weights aligned, equal vectors stored once."""
    builder = flatbuffers.Builder(1 << 20)
    vectors = _Vectors(builder)
    model = copy.copy(model)
    model.buffers = [_Buffer(buffer, vectors) for buffer in model.buffers]
    model.subgraphs = [_sharing(graph, vectors) for graph in model.subgraphs]
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


class _Vectors:
    """Writes vectors of numbers into a flatbuffer, each of several equal ones once."""

    def __init__(self, builder: flatbuffers.Builder) -> None:
        self.builder = builder
        self._known: dict[tuple[bytes, int], int] = {}

    def shared(self, values: ArrayLike | None, dtype: str) -> int | None:
        """Return the offset of a vector with ``values``; None if they are None."""
        if values is None:
            return None
        array = np.asarray(values, dtype)
        key = (array.tobytes(), array.itemsize)
        if key not in self._known:
            self._known[key] = self.write(*key)
        return self._known[key]

    def write(self, content: bytes, item: int, *, alignment: int | None = None) -> int:
        """Write a vector and return its offset.

        Args:
            content: Its bytes.
            item: Bytes per element.
            alignment: Bytes that it is aligned to, by default ``item``.
        """
        builder = self.builder
        builder.StartVector(item, len(content) // item, alignment or item)
        builder.head -= len(content)
        builder.Bytes[builder.head : builder.head + len(content)] = content
        return builder.EndVector()


class _Buffer(fb.BufferT):
    """Packs a buffer aligned to 16 bytes; the generated class ignores ``force_align``."""

    def __init__(self, original: fb.BufferT, vectors: _Vectors) -> None:
        super().__init__()
        data = original.data
        self.content = b"" if data is None else np.asarray(data, np.uint8).tobytes()
        self.vectors = vectors

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802 - called by the generated ModelT
        vector = self.vectors.write(self.content, 1, alignment=_ALIGNMENT) if self.content else None
        fb.BufferStart(builder)
        if vector is not None:
            fb.BufferAddData(builder, vector)
        return fb.BufferEnd(builder)


class _Quantization(fb.QuantizationParametersT):
    """Packs the quantization of a tensor with vectors that other tensors may share."""

    def __init__(self, original: fb.QuantizationParametersT, vectors: _Vectors) -> None:
        super().__init__()
        self.original = original
        self.vectors = vectors

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802 - called by the generated TensorT
        values, shared = self.original, self.vectors.shared
        low, high = shared(values.min, "<f4"), shared(values.max, "<f4")
        scale, zero_point = shared(values.scale, "<f4"), shared(values.zeroPoint, "<i8")
        fb.QuantizationParametersStart(builder)
        for add, offset in (
            (fb.QuantizationParametersAddMin, low),
            (fb.QuantizationParametersAddMax, high),
            (fb.QuantizationParametersAddScale, scale),
            (fb.QuantizationParametersAddZeroPoint, zero_point),
        ):
            if offset is not None:
                add(builder, offset)
        fb.QuantizationParametersAddQuantizedDimension(builder, values.quantizedDimension)
        return fb.QuantizationParametersEnd(builder)


def _sharing(graph: fb.SubGraphT, vectors: _Vectors) -> fb.SubGraphT:
    graph = copy.copy(graph)
    graph.tensors = [copy.copy(tensor) for tensor in graph.tensors]
    for tensor in graph.tensors:
        if tensor.quantization is not None and tensor.quantization.details is None:
            tensor.quantization = _Quantization(tensor.quantization, vectors)
    return graph
