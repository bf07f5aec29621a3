"""Round the weights of FULLY_CONNECTED to 4 bits so that its results change least.

Nearest rounding treats each weight by itself. Here weights are rounded one input after another, and
what the rounded ones are off by is made up for by those that are still to come, as far as inputs of
the calibration samples go together (Frantar et al. 2023, "GPTQ", https://arxiv.org/abs/2210.17323).
The step of a row is the one that loses least, weighed by how large its inputs are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from numpy.typing import NDArray

from tflconv.conversion.calibration import Calibration, observe
from tflconv.tflite import editing, packing

_SAMPLES = 64
_LARGEST = 7
"""Weights are whole steps from -7 to 7."""

_DAMPING = 0.01
"""Share of the mean square of the inputs that is added to each, so that all are told apart."""

_FACTORS = np.linspace(1, 0.5, 26)

Doubles = NDArray[np.float64]


def to_four_bits(
    content: bytes, calibration: Calibration, made: Collection[str] | None = None
) -> bytes:
    """Return a float model whose weights of FULLY_CONNECTED are whole steps of 4 bits.

    Args:
        content: A float ``.tflite`` file.
        calibration: Samples to run it with.
        made: Results of the operators whose weights are rounded; by default all.
    """
    model = packing.unpack(content)
    layers = dict(_layers(model, made))
    squares = _squares(content, calibration, {source for _, source in layers.values()})
    for index, (kernel, source) in layers.items():
        if source in squares:
            shape = [int(side) for side in kernel.shape]
            weights = editing.values(model, kernel, np.float32).reshape(shape)
            rounded = rounded_rows(weights.astype(np.float64), squares[source])
            model.subgraphs[0].tensors[index].buffer = editing.add_buffer(
                model, rounded.astype(np.float32)
            )
    return packing.pack(model)


def layers_with_own_weights(content: bytes) -> tuple[str, ...]:
    """Return the results of the operators whose weights ``to_four_bits`` rounds.

    Args:
        content: A float ``.tflite`` file.
    """
    model = packing.unpack(content)
    graph, kernels = model.subgraphs[0], dict(_layers(model, None))
    return tuple(
        editing.names(graph, operator.outputs)[0]
        for operator in graph.operators
        if len(operator.inputs) > 1 and int(operator.inputs[1]) in kernels
    )


def rounded_rows(weights: Doubles, squares: Doubles) -> Doubles:
    """Return ``weights`` in steps of 4 bits.

    Args:
        weights: One row for each result, one column for each input.
        squares: Mean products of each two inputs.

    Example:
        >>> rounded_rows(np.array([[7.0, 2.4], [0.6, -7.0]]), np.eye(2)).tolist()
        [[7.0, 2.0], [1.0, -7.0]]
    """
    damped = squares + np.eye(len(squares)) * (_DAMPING * np.trace(squares) / len(squares) or 1.0)
    steps = _steps(weights, np.diag(damped))
    order = np.argsort(-np.diag(damped), kind="stable")
    upper = np.linalg.cholesky(np.linalg.inv(damped[np.ix_(order, order)])).T
    left, rounded = weights[:, order].copy(), np.empty_like(weights)
    for place, column in enumerate(order):
        whole = np.clip(np.rint(left[:, place] / steps), -_LARGEST, _LARGEST) * steps
        error = (left[:, place] - whole) / upper[place, place]
        left[:, place:] -= np.outer(error, upper[place, place:])
        rounded[:, column] = whole
    return _reaching(rounded, weights, steps)


def _steps(weights: Doubles, importance: Doubles) -> Doubles:
    """The step of each row that loses least when weights are rounded by themselves."""
    widest = np.abs(weights).max(axis=1) / _LARGEST
    widest[widest == 0] = 1.0
    candidates = widest * _FACTORS[:, np.newaxis]
    losses = [
        (np.square(_nearest(weights, steps) - weights) * importance).sum(axis=1)
        for steps in candidates
    ]
    return np.asarray(candidates[np.argmin(losses, axis=0), np.arange(len(weights))])


def _nearest(weights: Doubles, steps: Doubles) -> Doubles:
    whole = np.clip(np.rint(weights / steps[:, np.newaxis]), -_LARGEST, _LARGEST)
    return np.asarray(whole * steps[:, np.newaxis])


def _reaching(rounded: Doubles, weights: Doubles, steps: Doubles) -> Doubles:
    """Let the largest weight of each row have 7 steps, by which the step is told later on."""
    rows = np.arange(len(weights))
    largest = np.abs(weights).argmax(axis=1)
    ends = np.where(weights[rows, largest] < 0, -_LARGEST, _LARGEST) * steps
    short = np.abs(rounded).max(axis=1) < (_LARGEST - 0.5) * steps
    short &= weights[rows, largest] != 0
    rounded[rows[short], largest[short]] = ends[short]
    return rounded


def _layers(
    model: fb.ModelT, made: Collection[str] | None
) -> Iterator[tuple[int, tuple[fb.TensorT, str]]]:
    """Index and tensor of each kernel that one FULLY_CONNECTED reads, and the name of its input."""
    graph = model.subgraphs[0]
    read = [int(index) for operator in graph.operators for index in operator.inputs]
    for operator in graph.operators:
        chosen = made is None or editing.names(graph, operator.outputs)[0] in made
        if chosen and editing.operator_name(model, operator) == "FULLY_CONNECTED":
            index = int(operator.inputs[1])
            kernel = graph.tensors[index]
            floats = kernel.type == fb.TensorType.FLOAT32 and editing.has_values(model, kernel)
            if floats and read.count(index) == 1:
                yield index, (kernel, editing.names(graph, operator.inputs[:1])[0])


def _squares(content: bytes, calibration: Calibration, names: set[str]) -> dict[str, Doubles]:
    """Mean products of each two channels of the activations called so."""
    first = replace(calibration, inputs=tuple(each[:_SAMPLES] for each in calibration.inputs))
    sums: dict[str, Doubles] = {}
    counts: dict[str, int] = {}
    for activations in observe(content, first, names):
        for name, values in activations:
            rows = values.reshape(-1, values.shape[-1]).astype(np.float64)
            sums[name] = sums.get(name, 0.0) + rows.T @ rows
            counts[name] = counts.get(name, 0) + len(rows)
    return {name: total / counts[name] for name, total in sums.items()}
