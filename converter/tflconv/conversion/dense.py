"""The FULLY_CONNECTED layers of a float file, and the inputs that they see."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from numpy.typing import NDArray

from tflconv.conversion.calibration import Calibration, observe
from tflconv.tflite import editing

_SAMPLES = 64
_ROWS = 4096
"""Rows of a layer's input are enough: samples with many tokens have many."""

Doubles = NDArray[np.float64]


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
class Group:
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

    def without(self, names: Collection[str]) -> Group:
        """Return the layers whose kernels are not called so."""
        return replace(self, layers=tuple(each for each in self.layers if each.name not in names))

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


def groups(model: fb.ModelT) -> list[Group]:
    """Return the layers whose kernel nothing else reads, by what they read, in their order."""
    by_source: dict[str, list[Layer]] = {}
    for source, layer in _layers(model):
        by_source.setdefault(source, []).append(layer)
    return [Group(source=source, layers=tuple(each)) for source, each in by_source.items()]


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


def seen(content: bytes, calibration: Calibration, names: Collection[str]) -> dict[str, Doubles]:
    """Return rows of the activations called so, as ``content`` computes them.

    Args:
        content: A float ``.tflite`` file.
        calibration: Samples to run it with.
        names: The activations.
    """
    rows: dict[str, list[NDArray[np.float32]]] = {}
    first = replace(calibration, inputs=tuple(each[:_SAMPLES] for each in calibration.inputs))
    for activations in observe(content, first, names):
        for name, values in activations:
            rows.setdefault(name, []).append(values.reshape(-1, values.shape[-1]))
        if max(sum(map(len, each)) for each in rows.values()) >= _ROWS:
            break
    return {name: np.concatenate(each).astype(np.float64) for name, each in rows.items()}


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
