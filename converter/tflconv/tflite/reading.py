"""Read a ``.tflite`` file as plain frozen values.

The file is a flatbuffer of the public schema, whose Python classes come with ai-edge-litert. They
check nothing, so damaged files are detected here: every length is compared with the file, every
index with its list. (https://ai.google.dev/edge/litert; schema.fbs in its sources.)
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TypeVar

from ai_edge_litert import schema_py_generated as fb

from tflconv.core import inputs, recognizing
from tflconv.errors import TflconvError
from tflconv.tflite import checking, schema, tables
from tflconv.tflite.contents import (
    Names,
    Operator,
    QuantizationParameters,
    Subgraph,
    TfliteModel,
    TfliteTensor,
)
from tflconv.tflite.schema import text

_Entry = TypeVar("_Entry")
_DAMAGE = (
    struct.error, IndexError, ValueError, TypeError, KeyError, AttributeError, OverflowError,
)  # fmt: skip


def read(path: Path) -> TfliteModel:
    """Read the model at ``path``.

    Raises:
        TflconvError: The file is missing, no ``.tflite`` file, or damaged.
    """
    try:
        inputs.require_finite(path)
        with path.open("rb") as stream:
            _check_kind(stream, path)  # before gigabytes of another kind are read
            content = stream.read()
    except FileNotFoundError as error:
        raise inputs.missing(path, hint="Make it with tflconv convert.") from error
    except OSError as error:
        hint = "Name the .tflite file in it." if path.is_dir() else None
        raise TflconvError(f"cannot read {path}: {inputs.why_unread(error)}.", hint=hint) from error
    return parse(content, path)


def parse(content: bytes, path: Path) -> TfliteModel:
    """Read a model from the ``content`` of the file that messages call ``path``.

    Raises:
        TflconvError: It is no ``.tflite`` file, or damaged.
    """
    _check_kind(io.BytesIO(content), path)
    try:
        return _FileReader(content).model(path)
    except _DAMAGE as error:
        what = str(error) if type(error) is ValueError else "a reference points beyond its end"
        raise TflconvError(
            f"{path} is damaged or cut short: {what}.", hint="Copy or convert it again."
        ) from error


def _check_kind(stream: IO[bytes], path: Path) -> None:
    """Raise ``TflconvError`` for a file of another kind; the stream is at its beginning after."""
    if stream.read(8)[4:] != schema.IDENTIFIER:
        raise recognizing.refusal(
            f"{path} is not a .tflite file",
            stream,
            hint="Convert a .keras file or a SavedModel with tflconv convert.",
            suffix=path.suffix,
        )
    stream.seek(0)


class _FileReader:
    """Reads the flatbuffer and checks every number in it."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._root = fb.Model.GetRootAs(content, 0)
        self._codes: dict[int, tuple[int, str, int]] = {}
        self._buffers = self._root.BuffersLength()

    def model(self, path: Path) -> TfliteModel:
        root = self._root
        graphs = self._entries(root.SubgraphsLength(), root.Subgraphs)
        subgraphs = tuple(self._subgraph(graph) for graph in graphs)
        if not subgraphs:
            raise ValueError("it has no graph")
        metadata = self._entries(root.MetadataLength(), root.Metadata)
        signatures = list(self._entries(root.SignatureDefsLength(), root.SignatureDefs))
        return TfliteModel(
            path=path,
            bytes=len(self._content),
            version=root.Version(),
            description=text(root.Description()),
            subgraphs=subgraphs,
            metadata={text(entry.Name()): len(self._buffer(entry.Buffer())) for entry in metadata},
            signatures=tuple(text(entry.SignatureKey()) for entry in signatures),
            names=next((self._names(s) for s in signatures if s.SubgraphIndex() == 0), ((), ())),
        )

    def _names(self, signature: fb.SignatureDef) -> tuple[Names, Names]:
        inputs = self._entries(signature.InputsLength(), signature.Inputs)
        outputs = self._entries(signature.OutputsLength(), signature.Outputs)
        return (
            tuple((entry.TensorIndex(), text(entry.Name())) for entry in inputs),
            tuple((entry.TensorIndex(), text(entry.Name())) for entry in outputs),
        )

    def _entries(self, length: int, get: Callable[[int], _Entry]) -> Iterator[_Entry]:
        """``length`` entries of a list; each takes at least four bytes of the file."""
        if not 0 <= length <= len(self._content) // 4:
            raise ValueError(f"a list of {length} entries")
        return map(get, range(length))

    def _subgraph(self, graph: fb.SubGraph) -> Subgraph:
        tensors = self._entries(graph.TensorsLength(), graph.Tensors)
        operators = self._entries(graph.OperatorsLength(), graph.Operators)
        subgraph = Subgraph(
            name=text(graph.Name()),
            tensors=tuple(self._tensor(index, entry) for index, entry in enumerate(tensors)),
            operators=tuple(self._operator(index, entry) for index, entry in enumerate(operators)),
            inputs=tables.integers(graph.InputsAsNumpy()),
            outputs=tables.integers(graph.OutputsAsNumpy()),
        )
        checking.check(subgraph)
        return subgraph

    def _tensor(self, index: int, tensor: fb.Tensor) -> TfliteTensor:
        shape = tables.integers(tensor.ShapeAsNumpy())
        signature = tables.integers(tensor.ShapeSignatureAsNumpy()) or shape
        quantization = tensor.Quantization()
        for sizes in (shape, signature):
            if len(sizes) > 32 or any(size < -1 for size in sizes):
                raise ValueError(f"a tensor of shape {sizes[:32]}")
        return TfliteTensor(
            index=index,
            name=text(tensor.Name()),
            shape=shape,
            signature=signature,
            dtype=schema.named(schema.TENSOR_TYPES, tensor.Type(), "element type"),
            buffer=tensor.Buffer(),
            data=self._buffer(tensor.Buffer()),
            quantization=_quantization(quantization),
            block=_block(quantization),
            sparse=tensor.Sparsity() is not None,
            variable=bool(tensor.IsVariable()),
        )

    def _operator(self, index: int, operator: fb.Operator) -> Operator:
        builtin, name, version = self._code(operator.OpcodeIndex())
        return Operator(
            index=index,
            name=name,
            inputs=tables.integers(operator.InputsAsNumpy()),
            outputs=tables.integers(operator.OutputsAsNumpy()),
            options=tables.options(operator),
            version=version,
            custom=builtin == schema.CUSTOM,
            custom_options=tables.raw(operator.CustomOptionsAsNumpy()),
        )

    def _code(self, index: int) -> tuple[int, str, int]:
        """Code, name and version of the operators of one kind."""
        if index not in self._codes:
            if index >= self._root.OperatorCodesLength():
                raise ValueError(f"operator code {index} is missing")
            code = self._root.OperatorCodes(index)
            builtin = schema.builtin_code(code.BuiltinCode(), code.DeprecatedBuiltinCode())
            name = schema.operator_name(builtin, code.CustomCode())
            self._codes[index] = builtin, name, code.Version()
        return self._codes[index]

    def _buffer(self, index: int) -> bytes:
        if not 0 <= index < max(self._buffers, 1):
            raise ValueError(f"buffer {index} is missing")
        if index == 0:
            return b""
        buffer = self._root.Buffers(index)
        if buffer.Offset() > 1:
            return self._slice(buffer.Offset(), buffer.Size())
        return b"" if buffer.DataIsNone() else buffer.DataAsNumpy().tobytes()

    def _slice(self, start: int, size: int) -> bytes:
        """Bytes of a buffer that is stored behind the flatbuffer, as in files above 2 GB."""
        if start + size > len(self._content):
            raise ValueError("a buffer lies beyond its end")
        return self._content[start : start + size]


def _quantization(table: fb.QuantizationParameters | None) -> QuantizationParameters | None:
    if table is None or table.ScaleIsNone() or not table.ScaleLength():
        return None
    return QuantizationParameters(
        scales=tuple(table.ScaleAsNumpy().tolist()),
        zero_points=() if table.ZeroPointIsNone() else tables.integers(table.ZeroPointAsNumpy()),
        dimension=table.QuantizedDimension(),
        vectors=tuple(_vectors(table)),
    )


def _block(table: fb.QuantizationParameters | None) -> int:
    """Weights that share a scale in block-wise quantization, whose scales are a tensor."""
    blockwise = fb.QuantizationDetails.BlockwiseQuantization
    if table is None or table.DetailsType() != blockwise or (details := table.Details()) is None:
        return 0
    blocks = fb.BlockwiseQuantization()
    blocks.Init(details.Bytes, details.Pos)
    return int(blocks.BlockSize())


def _vectors(table: fb.QuantizationParameters) -> Iterator[tuple[int, int]]:
    """Position and bytes of the scales and the zero points in the file."""
    for slot, size in _QUANTIZATION_SLOTS:
        if offset := table._tab.Offset(slot):
            yield table._tab.Vector(offset), size * table._tab.VectorLen(offset)


_QUANTIZATION_SLOTS = ((8, 4), (10, 8))
"""Slots of scales and zero points in the table, and bytes per value."""
