"""Which channels of a network may be scaled, because what reads them can undo the factor.

The labels are those of the graph of channels, handed on by other rules. A layer that reads channels
with a kernel can undo a factor, so what it makes has labels of its own. What lies between must give
a scaled channel for a scaled channel: ReLU, pooling, padding with zeros, an addition whose other
side is scaled alike. ReLU6, GELU, softmax, a product of two values and statistics over channels do
not, so they pin what goes in (Nagel et al. 2019, section 4.1, https://arxiv.org/abs/1906.04721).

A convolution and its BatchNormalization become one operator, so the channels between them are
nowhere stored and stay as they are; the scales of the BatchNormalization take the factor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tflconv.compression.channel_graph import (
    RULES,
    ChannelGraph,
    Growing,
    Labels,
    Rule,
    channel_graph,
    ends,
)
from tflconv.core.typing import KerasModel
from tflconv.network.keras.reader import read_with_layers
from tflconv.network.nodes import Node

_HOMOGENEOUS = frozenset(("relu",))
_OF_KERAS = frozenset(
    ("AveragePooling1D", "LeakyReLU", "MaxPooling1D", "UpSampling1D", "UpSampling2D",
     "ZeroPadding1D")
)  # fmt: skip
"""Layers of Keras that are read as opaque, have no weights, and hand a factor on."""


def equivariant_channels(model: KerasModel, *, resolution: int | None = None) -> ChannelGraph:
    """Return the channels of ``model``: all with one label that is not pinned may share a factor.

    Args:
        model: A functional or sequential Keras model with one output.
        resolution: Side of the pictures in pixels, for a model that takes any.

    Raises:
        TflconvError: The layers of the model are not visible.
    """
    return channel_graph(*read_with_layers(model, resolution=resolution), rules=_RULES)


def _fresh(grown: Growing, node: Node, inputs: Sequence[Labels]) -> Labels:
    """What a kernel makes can have any factor, and what it reads can be divided by any."""
    if type(grown.layers.get(node.name)).__name__ == "SeparableConv2D":
        return ends(grown, node, inputs)  # two kernels of one layer
    return grown.fresh(_width(grown, node))


def _affine(grown: Growing, node: Node, inputs: Sequence[Labels]) -> Labels:
    """Scales and shifts that are weights take a factor; constants do not."""
    layer = grown.layers.get(node.name)
    kind = type(layer).__name__
    if kind == "PositionEmbedding":
        return inputs[0]
    if kind == "BatchNormalization" and getattr(layer, "gamma", None) is not None:
        grown.pin(inputs[0])
        return grown.fresh(_width(grown, node))
    return ends(grown, node, inputs)


def _norm(grown: Growing, node: Node, inputs: Sequence[Labels]) -> Labels:
    grown.pin(inputs[0])
    layer = grown.layers.get(node.name)
    pinned = getattr(layer, "gamma", None) is None
    return grown.fresh(_width(grown, node), pinned=pinned)


def _activation(grown: Growing, node: Node, inputs: Sequence[Labels]) -> Labels:
    if node.options["function"] not in _HOMOGENEOUS:
        grown.pin(inputs[0])
    return inputs[0]


def _opaque(grown: Growing, node: Node, inputs: Sequence[Labels]) -> Labels:
    kind, width = type(grown.layers.get(node.name)), _width(grown, node)
    ours = kind.__module__.partition(".")[0] in ("keras", "tf_keras")
    if ours and kind.__name__ in _OF_KERAS and len(inputs) == 1 and len(inputs[0]) == width:
        return inputs[0]
    return ends(grown, node, inputs)


def _token(grown: Growing, node: Node, inputs: Sequence[Labels]) -> Labels:
    is_token = type(grown.layers.get(node.name)).__name__ == "ClassToken"
    return inputs[0] if is_token else ends(grown, node, inputs)


def _attention(grown: Growing, node: Node, inputs: Sequence[Labels]) -> Labels:
    if type(grown.layers.get(node.name)).__name__ != "MultiHeadAttention":
        return ends(grown, node, inputs)
    grown.heads[node.name] = grown.fresh(node.weights["query_kernel"].shape[1], pinned=True)
    return grown.fresh(_width(grown, node))


def _width(grown: Growing, node: Node) -> int:
    return int(grown.sides[node.name][-1])


_RULES: Mapping[str, Rule] = {
    **RULES,
    "activation": _activation,
    "affine": _affine,
    "attention": _attention,
    "conv": _fresh,
    "dense": _fresh,
    "depthwise": _fresh,
    "layer_norm": _norm,
    "mul": ends,
    "opaque": _opaque,
    "operator": ends,
    "patches": ends,
    "token": _token,
}
