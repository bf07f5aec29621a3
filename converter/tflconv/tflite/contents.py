"""What a ``.tflite`` file holds, as plain frozen values: tensors, operators and subgraphs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tflconv.tflite import schema, tables

Names = tuple[tuple[int, str], ...]
"""Indices of tensors, each with a name."""


@dataclass(frozen=True, kw_only=True)
class QuantizationParameters:
    """How stored integers stand for numbers: ``real = scale * (stored - zero_point)``.

    Attributes:
        scales: One scale, or one per slice along ``dimension``.
        zero_points: Likewise.
        dimension: The dimension that scales differ along.
        vectors: Position and bytes of both in the file, where tensors may share them.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    dimension: int = 0
    vectors: tuple[tuple[int, int], ...] = field(default=(), compare=False)

    @property
    def channelwise(self) -> bool:
        """Whether there is more than one scale."""
        return len(self.scales) > 1

    @property
    def symmetric(self) -> bool:
        """Whether all zero points are 0."""
        return not any(self.zero_points)


@dataclass(frozen=True, kw_only=True)
class TfliteTensor:
    """A value in a graph.

    Attributes:
        index: Its number in the subgraph.
        name: Its name; may be empty.
        shape: Its sides as LiteRT allocates them, where a batch left open is 1.
        signature: Its sides with -1 for those that a caller may choose.
        dtype: Name of the type of its elements.
        buffer: Number of the buffer with its bytes, which constants may share.
        data: Bytes of a constant; empty for other tensors.
        quantization: How its integers stand for numbers, if they do.
        block: Number of weights in a row that share a scale of their own; 0 where none do so.
        sparse: Whether the bytes are stored in a sparse format.
        variable: Whether it keeps its values between runs.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    dtype: str
    buffer: int
    data: bytes = field(default=b"", repr=False)
    quantization: QuantizationParameters | None = None
    block: int = 0
    sparse: bool = False
    variable: bool = False

    @property
    def constant(self) -> bool:
        """Whether the file holds the values."""
        return bool(self.data)

    @property
    def elements(self) -> int:
        """Number of values; a dimension without a size counts as one."""
        return math.prod(max(size, 1) for size in self.shape)

    @property
    def bytes(self) -> int:
        """Number of bytes of the values in memory."""
        return -(-self.elements * schema.BITS.get(self.dtype, 0) // 8)

    def integers(self) -> NDArray[np.int64]:
        """Return the values of an int32 or int64 constant."""
        stored = np.dtype(self.dtype).newbyteorder("<")
        return np.frombuffer(self.data, dtype=stored).astype(np.int64)


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One operator of a subgraph.

    Attributes:
        index: Its position in the order of execution.
        name: ``CONV_2D``, or the custom code of a custom operator.
        inputs: Indices of tensors; -1 for an optional input that is left out.
        outputs: Indices of tensors.
        options: Options by their names in the schema.
        version: Version of the operator.
        custom: Whether it is no part of the schema: whoever wrote the file chose its name and
            bytes.
    """

    index: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, tables.OperatorOption] = field(default_factory=dict)
    version: int = 1
    custom: bool = False
    custom_options: bytes = field(default=b"", repr=False)

    @property
    def activation(self) -> str | None:
        """The activation function that is fused into the operator, if there is one."""
        code = self.options.get("fusedActivationFunction")
        return schema.ACTIVATIONS.get(code) if isinstance(code, int) else None


@dataclass(frozen=True, kw_only=True)
class Subgraph:
    """Operators in the order of execution, and the tensors between them."""

    name: str
    tensors: tuple[TfliteTensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def input_tensors(self, operator: Operator) -> list[TfliteTensor]:
        """Return the inputs of ``operator`` without those that are left out."""
        return [self.tensors[index] for index in operator.inputs if index >= 0]

    def output_tensors(self, operator: Operator) -> list[TfliteTensor]:
        """Return the outputs of ``operator``."""
        return [self.tensors[index] for index in operator.outputs if index >= 0]

    @cached_property
    def producers(self) -> dict[int, Operator]:
        """The operator that computes a tensor, by the index of the tensor."""
        return {t: operator for operator in self.operators for t in operator.outputs if t >= 0}

    @cached_property
    def consumers(self) -> dict[int, list[Operator]]:
        """The operators that read a tensor, by the index of the tensor."""
        consumers: dict[int, list[Operator]] = {}
        for operator in self.operators:
            for tensor in dict.fromkeys(operator.inputs):
                consumers.setdefault(tensor, []).append(operator)
        return consumers


@dataclass(frozen=True, kw_only=True)
class TfliteModel:
    """A ``.tflite`` file of ``bytes`` bytes, its main subgraph first.

    ``metadata`` has the size in bytes of each entry, ``signatures`` the keys, ``names`` what the
    first signature of the main subgraph calls its inputs and outputs, by their index.
    """

    path: Path
    bytes: int
    version: int
    description: str
    subgraphs: tuple[Subgraph, ...]
    metadata: Mapping[str, int] = field(default_factory=dict)
    signatures: tuple[str, ...] = ()
    names: tuple[Names, Names] = ((), ())

    @property
    def main(self) -> Subgraph:
        """The subgraph that an inference starts with."""
        return self.subgraphs[0]
