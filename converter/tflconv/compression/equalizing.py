"""The step ``equalize``: factors move between layers until the channels of each value are alike.

A value is stored with one scale for all of its channels. One channel that is far larger than the
others takes nearly all of the 256 steps, and nothing in training prevents that: the next layer can
undo any factor. So the layer that makes channel ``j`` is divided by ``s[j]``, and what reads it is
multiplied (Nagel et al. 2019, https://arxiv.org/abs/1906.04721; before the layers that a norm
feeds, Xiao et al. 2022, "SmoothQuant", https://arxiv.org/abs/2211.10438):

    s[j] = max|x[j]| ** alpha / max|w[j]| ** (1 - alpha)

``x[j]`` is the channel over some pictures, ``w[j]`` the weights that read it. Each factor is
rounded to a power of two, which a float multiplies by without rounding: the network in float says
what it said. ``equivariance`` knows which channels can have a factor; between ReLU6 and the like
there are none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv.compression.channel_graph import ChannelGraph, LayerLabels, layer_weights
from tflconv.compression.config import EqualizeConfig
from tflconv.compression.cutting import Axes, row_of, weights_of
from tflconv.compression.equivariance import equivariant_channels
from tflconv.compression.examples import Examples
from tflconv.compression.kernels import copied
from tflconv.compression.technique import Subject
from tflconv.core.progress import Callback, Progress
from tflconv.core.tensorflow import tf
from tflconv.core.typing import KerasModel, Tensor
from tflconv.errors import TflconvError
from tflconv.network.keras.execution import FloatScheme, run
from tflconv.network.nodes import Array, Node

_READ = ("inputs", "keys", "values")
"""Roles of the channels that a kernel reads."""
_STATISTICS = ("moving_mean", "moving_variance")
_TOLERANCE = 1e-5
"""Of the largest output; sums in another order may differ in their last bits."""
_LIMIT = 2.0**20

Factors = NDArray[np.float32]
"""``s`` by label; 1 for a channel that stays."""


def compress(
    subject: Subject[EqualizeConfig],
    examples: Examples | None,
    unfinished: Path,  # noqa: ARG001 - nothing is trained
    progress: Callback,
) -> KerasModel:
    """Equalize the channels of a copy of the model of ``subject``.

    Raises:
        TflconvError: No channel of it can have a factor, or its layers are not visible.
    """
    assert examples is not None  # this technique always needs pictures
    pictures = examples.sample(subject.config.examples, subject.config.seed)
    model = copied(subject.model)
    graph = equivariant_channels(model, resolution=subject.model.resolution)
    factors = chosen(graph, pictures, subject.config.alpha)
    before = _outputs(model, pictures)
    scale(graph, factors)
    _check_equal(before, _outputs(model, pictures), model.name)
    moved = int((factors != 1).sum())
    message = (
        f"{moved} groups of channels get a factor, from {factors.min():g} to {factors.max():g}"
    )
    progress(Progress(stage="equalize", state="note", message=message))
    return model


def chosen(graph: ChannelGraph, pictures: Array, alpha: float) -> Factors:
    """Return the factor of each label: a power of two.

    Args:
        graph: The equivariant channels.
        pictures: Inputs of the network ``[n, ...]``.
        alpha: From 0, where only weights count, to 1, where only values do.

    Raises:
        TflconvError: No channel can have a factor.
    """
    free = _free(graph)
    values, weights = _largest_values(graph, pictures, len(free)), _largest_weights(graph, free)
    usable = free & (values > 0) & (weights > 0)
    if not usable.any():
        raise TflconvError(
            f"no channel of {graph.network.name} can be equalized: none lies between two layers"
            " that can undo a factor of each other.",
            hint="ReLU passes a factor on; ReLU6, GELU and sigmoid do not. Try qat instead.",
        )
    factors = np.ones(len(free), np.float32)
    ratios = values[usable] ** alpha / weights[usable] ** (1 - alpha)
    powers = np.exp2(np.round(np.log2(ratios)))
    factors[usable] = np.clip(powers, 1 / _LIMIT, _LIMIT)
    return factors


def scale(graph: ChannelGraph, factors: Factors) -> None:
    """Divide what makes each channel by its factor, and multiply what reads it."""
    for place, variable, by in _changes(graph, factors):
        value = np.asarray(variable)
        assert value.shape == np.broadcast_shapes(value.shape, by.shape), place.layer.name
        variable.assign(value * by)


def _changes(graph: ChannelGraph, factors: Factors) -> Iterator[tuple[LayerLabels, Any, Factors]]:
    """Yield each weight once, and what it is multiplied by."""
    seen = set()
    for place in graph.places:
        if id(place.layer) in seen:
            continue
        seen.add(id(place.layer))
        for name, variable, axes in weights_of(place):
            if name not in _STATISTICS:
                yield place, variable, _factor(place, name, variable, axes, factors)


def _factor(place: LayerLabels, name: str, variable: Any, axes: Axes, factors: Factors) -> Factors:
    """What a weight is multiplied by, in its shape or one that broadcasts to it."""
    by: Factors = np.ones((1,) * len(variable.shape), np.float32)
    for axis, role in enumerate(axes):
        side = [1] * len(axes)
        side[axis] = -1
        if role in _READ:
            by = np.multiply(by, factors[place.labels[role]].reshape(side))
        elif role == "outputs":
            by = np.divide(by, factors[place.labels[role]].reshape(side))
    if type(place.layer).__name__ == "DepthwiseConv2D" and name.endswith("kernel"):
        middle = factors[place.labels["middle"]].reshape(variable.shape[2:])
        by = np.divide(by, middle)
    return by


def _free(graph: ChannelGraph) -> NDArray[np.bool_]:
    """Which labels are made by weights and read by weights, and pinned nowhere."""
    count = 1 + max(
        (int(labels.max()) for p in graph.places for labels in p.labels.values() if len(labels)),
        default=-1,
    )
    made, read = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    pinned = np.zeros(count, np.bool_)
    pinned[[label for label in graph.pinned if label < count]] = True
    for place in graph.places:
        if row_of(place) is None and layer_weights(place.layer):
            for labels in place.labels.values():
                pinned[labels] = True
        for _, _, axes in weights_of(place):
            made[place.labels["outputs"]] = True
            for role in set(axes) & set(_READ):
                read[place.labels[str(role)]] = True
    return made & read & ~pinned


def _largest_weights(graph: ChannelGraph, free: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The largest weight that reads each label, by its size."""
    largest = np.zeros(len(free))
    for place in graph.places:
        for _, variable, axes in weights_of(place):
            for axis, role in enumerate(axes):
                if role in _READ:
                    others = tuple(each for each in range(len(axes)) if each != axis)
                    sizes = np.abs(np.asarray(variable)).max(axis=others)
                    np.maximum.at(largest, place.labels[role], sizes)
    return largest


def _largest_values(graph: ChannelGraph, pictures: Array, count: int) -> NDArray[np.float64]:
    """The largest value of each label over ``pictures``, by its size."""
    observer = _ChannelObserver({place.nodes[-1] for place in graph.places})
    for start in range(0, len(pictures), 16):
        run(graph.network, tf.constant(pictures[start : start + 16]), scheme=observer)
    largest = np.zeros(count)
    for place in graph.places:
        np.maximum.at(largest, place.labels["outputs"], observer.largest[place.nodes[-1]])
    return largest


@dataclass
class _ChannelObserver(FloatScheme):
    """Keeps the largest value of each channel of the outputs of the nodes called ``names``."""

    names: set[str]

    def __post_init__(self) -> None:
        self.largest: dict[str, NDArray[np.float64]] = {}

    def activation(self, node: Node, value: Tensor) -> Tensor:
        """Look at ``value`` and return it."""
        if node.name in self.names:
            array = np.abs(value.numpy()).reshape(-1, value.shape[-1]).max(axis=0)
            self.largest[node.name] = np.maximum(self.largest.get(node.name, 0.0), array)
        return value


def _outputs(model: KerasModel, pictures: Array) -> NDArray[np.float32]:
    outputs: NDArray[np.float32] = np.asarray(model(tf.constant(pictures), training=False))
    return outputs


def _check_equal(before: NDArray[np.float32], after: NDArray[np.float32], name: str) -> None:
    """Raise ``TflconvError`` where factors have changed what the model says in float."""
    error, largest = float(np.abs(after - before).max()), float(np.abs(before).max())
    if not error <= _TOLERANCE * max(largest, 1e-9):
        raise TflconvError(
            f"{name} says something else after equalizing: {error:.3g}, of outputs up to"
            f" {largest:.3g}.",
            hint="Leave the step out for this model, and please report it.",
        )
