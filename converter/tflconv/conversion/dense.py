"""The FULLY_CONNECTED layers of a float file, and the inputs that they see."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from numpy.typing import NDArray

from tflconv.conversion.calibration import Calibration, observe
from tflconv.tflite import editing, packing

_ROWS = 8192
"""Rows of a layer's input that are enough; all samples give as many of them."""

_SEEN = 12288
"""Rows that are enough to choose from: samples with many tokens have many."""

Doubles = NDArray[np.float64]
Rows = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A FULLY_CONNECTED with stored weights; ``kernel`` and ``bias`` are tensors, -1 is none.

    ``name`` is its kernel's, ``result`` that of what it makes.
    """

    kernel: int
    bias: int
    name: str
    result: str
    weights: Doubles


@dataclass(frozen=True, kw_only=True)
class SharedInput:
    """Layers that read the same activation, which is called ``source``."""

    source: str
    layers: tuple[Layer, ...]

    @property
    def names(self) -> frozenset[str]:
        """The names of their kernels."""
        return frozenset(layer.name for layer in self.layers)

    @property
    def has_biases(self) -> bool:
        """Whether each layer has a bias that can be changed."""
        return all(layer.bias >= 0 for layer in self.layers)

    @property
    def size(self) -> int:
        """Number of their weights."""
        return sum(layer.weights.size for layer in self.layers)

    def store(self, model: fb.ModelT, weights: Doubles, *, shift: Doubles | None = None) -> None:
        """Store new weights in ``model``, one row for each result of all layers.

        Args:
            model: The model that the layers are of.
            weights: The rows of all layers, one below the other.
            shift: What is added to their biases, if they have some.
        """
        graph, start = model.subgraphs[0], 0
        for layer in self.layers:
            rows = slice(start, start + len(layer.weights))
            start = rows.stop
            kernel = graph.tensors[layer.kernel]
            kernel.buffer = editing.add_buffer(model, weights[rows].astype(np.float32))
            if self.has_biases and shift is not None:
                bias = graph.tensors[layer.bias]
                moved = editing.values(model, bias, np.float32) + shift[rows]
                bias.buffer = editing.add_buffer(model, moved.astype(np.float32))


def groups(model: fb.ModelT) -> list[SharedInput]:
    """Return the layers whose kernel nothing else reads, by what they read, in their order."""
    by_source: dict[str, list[Layer]] = {}
    for source, layer in _layers(model):
        by_source.setdefault(source, []).append(layer)
    return [SharedInput(source=source, layers=tuple(each)) for source, each in by_source.items()]


def kernels_beside(model: fb.ModelT, results: Collection[str]) -> frozenset[str]:
    """Return the names of all kernels but those of the layers that make ``results``."""
    graph = model.subgraphs[0]
    chosen = {
        layer.name for group in groups(model) for layer in group.layers if layer.result in results
    }
    return frozenset(
        name
        for operator in graph.operators
        if editing.operator_name(model, operator) == "FULLY_CONNECTED"
        for name in editing.names(graph, operator.inputs[1:2])
        if name not in chosen
    )


def seen(content: bytes, calibration: Calibration, names: Collection[str]) -> dict[str, Rows]:
    """Return rows of the activations called so, as ``content`` computes them.

    Args:
        content: A float ``.tflite`` file.
        calibration: Samples to run it with.
        names: The activations.
    """
    if not names:
        return {}
    rows: dict[str, list[Rows]] = {}
    enough = _enough(packing.unpack(content), calibration)
    most = max(1, _ROWS // len(enough.inputs[0]))
    for activations in observe(_as_far_as(content, names), enough, names):
        for name, values in activations:
            each = values.reshape(-1, values.shape[-1])
            few = min(len(each), most)
            rows.setdefault(name, []).append(each[np.arange(few) * len(each) // few])
    return {name: np.concatenate(each) for name, each in rows.items()}


def seen_by_layers(content: bytes, calibration: Calibration) -> dict[str, Rows]:
    """Return rows of the inputs of all groups of layers, by what they read.

    Args:
        content: A float ``.tflite`` file.
        calibration: Samples to run it with.
    """
    return seen(content, calibration, {g.source for g in groups(packing.unpack(content))})


def _as_far_as(content: bytes, names: Collection[str]) -> bytes:
    """The file without the operators behind those that make ``names``, which need not run."""
    model = packing.unpack(content)
    graph, inputs = model.subgraphs[0], editing.input_names(model)
    ends = [index for index, name in editing.float_activations(model).items() if name in names]
    made = [not set(ends).isdisjoint(map(int, operator.outputs)) for operator in graph.operators]
    graph.operators = graph.operators[: len(made) - made[::-1].index(True)] if any(made) else []
    graph.outputs = ends
    editing.sign(model, inputs, editing.names(graph, ends))
    return packing.pack(model)


def _enough(model: fb.ModelT, calibration: Calibration) -> Calibration:
    """The samples that are enough for layers of ``model``: few, if each has many rows."""
    tensors = model.subgraphs[0].tensors
    rows = max(
        math.prod(map(int, tensors[int(operator.inputs[0])].shape[:-1]))
        for operator in model.subgraphs[0].operators
        if editing.operator_name(model, operator) == "FULLY_CONNECTED"
    )
    count = -(-_SEEN // rows)
    return replace(calibration, inputs=tuple(each[:count] for each in calibration.inputs))


def _layers(model: fb.ModelT) -> Iterator[tuple[str, Layer]]:
    graph = model.subgraphs[0]
    read = [int(index) for operator in graph.operators for index in operator.inputs]
    for operator in graph.operators:
        if editing.operator_name(model, operator) == "FULLY_CONNECTED":
            index = int(operator.inputs[1])
            kernel = graph.tensors[index]
            if _is_own(model, index, read):
                shape = [int(side) for side in kernel.shape]
                weights = editing.values(model, kernel, np.float32).reshape(shape)
                source, name = editing.names(graph, operator.inputs[:2])
                bias = int(operator.inputs[2]) if len(operator.inputs) > 2 else -1
                yield (
                    source,
                    Layer(
                        kernel=index,
                        bias=bias if bias >= 0 and _is_own(model, bias, read) else -1,
                        name=name,
                        result=editing.names(graph, operator.outputs)[0],
                        weights=weights.astype(np.float64),
                    ),
                )


def _is_own(model: fb.ModelT, index: int, read: list[int]) -> bool:
    """Whether a tensor has stored floats that are read once."""
    tensor = model.subgraphs[0].tensors[index]
    floats = tensor.type == fb.TensorType.FLOAT32 and editing.has_values(model, tensor)
    return floats and read.count(index) == 1
