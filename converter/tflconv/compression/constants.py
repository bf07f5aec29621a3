"""Channels that are the same for every input, and what they add to the layer that reads them.

A filter of zeros, or a BatchNormalization whose scale is 0, leaves a channel that is a constant. It
can go without a change of any output if what it adds is put into the bias of the layer that reads
it. Where that layer pads its input with zeros, the constant is missing at the borders, and no bias
is right; so nothing is put anywhere there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tflconv.compression.channel_graph import ChannelGraph, Labels, LayerLabels
from tflconv.network.nodes import Network, Node

Constants = NDArray[np.float64]
"""The value of each channel; NaN for one that is no constant."""

_ACTIVATIONS: Mapping[str, Callable[[Constants], Constants]] = {
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}
_KEEP = ("crop", "identity", "mean", "pool")


def folded(graph: ChannelGraph, gone: Labels) -> dict[int, Constants]:
    """Return what the channels ``gone`` added to the outputs of each layer, as far as it is known.

    Args:
        graph: The channels.
        gone: Labels of channels that are removed.

    Returns:
        By ``id`` of the layer, what to add to its bias, one value per output before removal.
    """
    by_node, additions = constants(graph.network, graph.sides), dict[int, Constants]()
    for place in graph.places:
        node = graph.network[place.nodes[0]]
        if node.kind not in ("conv", "dense") or not _unpadded(node):
            continue
        values = by_node[node.inputs[0]]
        lost = np.isin(place.labels["inputs"], gone) & np.isfinite(values) & (values != 0)
        if lost.any():
            kernel = node.weights["kernel"].reshape(
                -1, len(values), node.weights["kernel"].shape[-1]
            )
            additions[id(place.layer)] = np.einsum("sio,i->o", kernel[:, lost], values[lost])
    return {layer: added for layer, added in additions.items() if _uses(graph.places, layer) == 1}


def constants(network: Network, sides: Mapping[str, Sequence[int]]) -> dict[str, Constants]:
    """Return the constant channels of each node's output, by name of the node.

    Args:
        network: A network as it was read.
        sides: Shapes of the outputs of all nodes.
    """
    by_node: dict[str, Constants] = {}
    for node in network:
        inputs = [by_node[name] for name in node.inputs]
        width = sides[node.name][-1] if len(sides[node.name]) > 1 else 1
        value = _value(node, inputs, width)
        by_node[node.name] = value if len(value) == width else np.full(max(width, 0), np.nan)
    return by_node


def _value(node: Node, inputs: Sequence[Constants], width: int) -> Constants:
    unknown = np.full(max(width, 0), np.nan)
    if node.kind in ("conv", "dense"):
        heard = node.weights["kernel"].reshape(-1, width).any(0)
        return np.asarray(np.where(heard, np.nan, node.weights["bias"]), np.float64)
    if node.kind == "affine":
        return _affine(node, inputs[0], unknown)
    if node.kind == "activation" and node.options["function"] in _ACTIVATIONS:
        return _ACTIVATIONS[node.options["function"]](inputs[0])
    if node.kind in _KEEP and len(inputs[0]) == width:
        return inputs[0]
    if node.kind == "pad":
        return np.asarray(np.where(inputs[0] == 0, 0.0, np.nan), np.float64)
    if node.kind == "reshape" and width % max(1, len(inputs[0])) == 0:
        return np.tile(inputs[0], width // max(1, len(inputs[0])))
    if node.kind == "add" and all(len(value) == width for value in inputs):
        return np.asarray(np.sum(inputs, axis=0), np.float64)
    if node.kind == "concat" and sum(map(len, inputs)) == width:
        return np.concatenate(inputs)
    return unknown


def _affine(node: Node, value: Constants, unknown: Constants) -> Constants:
    scale, shift = node.weights["scale"], node.weights["shift"]
    if scale.size not in (1, len(value)) or shift.size not in (1, len(value)):
        return unknown
    scale, shift = (np.broadcast_to(part.ravel(), value.shape) for part in (scale, shift))
    moved: Constants = np.where(scale == 0, 0.0, value * scale) + shift
    return moved


def _unpadded(node: Node) -> bool:
    """Whether every output of ``node`` hears all its inputs, and no zeros beside them."""
    if node.kind == "dense":
        return True
    return node.options["padding"] == "VALID" or node.weights["kernel"].shape[:2] == (1, 1)


def _uses(places: Sequence[LayerLabels], layer: int) -> int:
    return sum(id(place.layer) == layer for place in places)
