"""Which channels of a network belong together: the dependency graph of structured pruning.

Every channel of every value gets a label. A layer that makes new values (a convolution, a dense
layer, an attention) makes new labels; all others hand labels on, as they treat channels: a
BatchNormalization keeps them, ``Flatten`` repeats them for each pixel, ``Concatenate`` puts them
one after another, a depthwise layer repeats each by its multiplier. Where channels meet, in an
addition, their labels become one. So a label is all that must be removed together, through any
number of residual connections, and no family of networks is a case of its own (Fang et al. 2023,
"DepGraph", https://arxiv.org/abs/2301.12900).

A layer that is not known pins the channels that go in and come out: they stay. So do the inputs and
outputs of the network, and values over whose channels something is computed, such as a softmax.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tflconv.core.typing import KerasLayer, Shape
from tflconv.network.keras.reader import LayerUse
from tflconv.network.nodes import Network, Node
from tflconv.network.shapes import shapes

Labels = NDArray[np.int64]
"""One number per channel; equal numbers are removed together."""

_CHANNELWISE = frozenset(
    ("AveragePooling1D", "ELU", "LeakyReLU", "MaxPooling1D", "UpSampling1D", "UpSampling2D",
     "ZeroPadding1D")
)  # fmt: skip
"""Layers of Keras that are read as opaque and treat each channel alone, without weights."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerLabels:
    """The labels at one use of a layer.

    Attributes:
        layer: The layer.
        nodes: Names of the nodes that it was read into.
        kinds: Their kinds.
        labels: Labels by role: ``inputs``, ``outputs``; ``values`` and ``keys``, the further inputs
            of an attention, and its ``heads``; ``middle``, between the two convolutions of a
            separable one.
    """

    layer: KerasLayer
    nodes: tuple[str, ...]
    kinds: tuple[str, ...]
    labels: Mapping[str, Labels]


@dataclass(frozen=True, kw_only=True, eq=False)
class ChannelGraph:
    """Labels of all channels of a network.

    Attributes:
        network: The network.
        sides: Shape of the output of each node, batch first.
        places: Its layers, in the order of execution.
        pinned: Labels that stay.
        normed: Labels over which a normalization takes statistics: removing them changes it.
        unknown: Classes of the layers that pin channels because they are not known, by name.
    """

    network: Network
    sides: Mapping[str, Shape]
    places: tuple[LayerLabels, ...]
    pinned: frozenset[int]
    normed: frozenset[int]
    unknown: Mapping[str, str]


def channel_graph(
    network: Network, uses: Sequence[LayerUse], rules: Mapping[str, Rule] | None = None
) -> ChannelGraph:
    """Return the labels of all channels of ``network``.

    Args:
        network: A network as it was read, not rewritten.
        uses: The layers that its nodes were read from.
        rules: How each kind of node hands labels on; by default such that equal labels are removed
            together.
    """
    layers = {name: use.layer for use in uses for name in use.nodes}
    grown = Growing(network, layers, shapes(network), rules or RULES)
    for node in network:
        grown.add(node)
    grown.pin(grown.labels[network.output])
    for use in uses:
        grown.share(use)
    return grown.finished(uses)


_OF_SEQUENCES = frozenset({"Conv1D", "DepthwiseConv1D", "SeparableConv1D"})
"""Layers that are read, with kernels of another rank than the nodes have, and are not cut."""


@dataclass
class Growing:
    """Labels while they are handed on, from node to node.

    Attributes:
        network: The network.
        layers: The layer that each node was read from, by name of the node.
        sides: Shape of the output of each node, batch first.
        rules: How each kind of node hands labels on.
    """

    network: Network
    layers: Mapping[str, KerasLayer]
    sides: Mapping[str, Shape]
    rules: Mapping[str, Rule]
    labels: dict[str, Labels] = field(default_factory=dict)
    heads: dict[str, Labels] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    parents: list[int] = field(default_factory=list)
    pins: set[int] = field(default_factory=set)
    norms: set[int] = field(default_factory=set)
    known: dict[int, dict[str, Labels]] = field(default_factory=dict)

    def add(self, node: Node) -> None:
        """Label the output of ``node``."""
        inputs = [self.labels[name] for name in node.inputs]
        rule, layer = self.rules.get(node.kind, _opaque), self.layers.get(node.name)
        if "kernel" in node.weights and type(layer).__name__ in _OF_SEQUENCES:
            self.unknown[node.name], rule = type(layer).__name__, ends
        self.labels[node.name] = rule(self, node, inputs)

    def share(self, use: LayerUse) -> None:
        """Join the labels of several uses of one layer: its weights can be cut in one way only."""
        if layer_weights(use.layer):
            now = self.roles(use)
            before = self.known.setdefault(id(use.layer), now)
            for role in now if before is not now else ():
                self.join(before[role], now[role])

    def roles(self, use: LayerUse) -> dict[str, Labels]:
        """Return the labels at a use of a layer, by role."""
        first, last = self.network[use.nodes[0]], use.nodes[-1]
        inputs = [self.labels[name] for name in first.inputs] or [np.zeros(0, np.int64)]
        roles = {"inputs": inputs[0], "outputs": self.labels[last]}
        for name in use.nodes:
            if name in self.heads:
                values = inputs[min(1, len(inputs) - 1)]
                keys = inputs[2] if len(inputs) > 2 else values
                roles |= {"heads": self.heads[name], "values": values, "keys": keys}
        if first.kind == "depthwise":
            roles["middle"] = self.labels[first.name]
        return roles

    def fresh(self, count: int, *, pinned: bool = False) -> Labels:
        """Return new labels."""
        start = len(self.parents)
        self.parents.extend(range(start, start + max(count, 0)))
        labels = np.arange(start, start + max(count, 0))
        if pinned:
            self.pin(labels)
        return labels

    def pin(self, labels: Labels) -> None:
        """Let all channels with ``labels`` stay."""
        self.pins.update(labels.tolist())

    def join(self, left: Labels, right: Labels) -> Labels:
        """Make the labels of ``left`` and ``right`` one, place by place; pin other lengths."""
        if len(left) != len(right):
            self.pin(left)
            self.pin(right)
            return left if len(left) > len(right) else right
        for label, other in zip(left.tolist(), right.tolist(), strict=True):
            self.parents[self.root(other)] = self.root(label)
        return left

    def root(self, label: int) -> int:
        """Return the label that stands for all that were joined with ``label``."""
        while self.parents[label] != label:
            self.parents[label] = self.parents[self.parents[label]]
            label = self.parents[label]
        return label

    def finished(self, uses: Sequence[LayerUse]) -> ChannelGraph:
        """Return the graph with one label for each set of joined ones."""
        roots = np.array([self.root(label) for label in range(len(self.parents))], np.int64)
        places = [
            LayerLabels(
                layer=use.layer,
                nodes=use.nodes,
                kinds=tuple(self.network[name].kind for name in use.nodes),
                labels={role: roots[labels] for role, labels in self.roles(use).items()},
            )
            for use in uses
        ]
        return ChannelGraph(
            network=self.network,
            sides=self.sides,
            places=tuple(places),
            pinned=frozenset(int(roots[label]) for label in self.pins),
            normed=frozenset(int(roots[label]) for label in self.norms),
            unknown=self.unknown,
        )


def layer_weights(layer: KerasLayer) -> Sequence[object]:
    """Return the weights of ``layer``; functions of Keras that are used as layers have none."""
    weights: Sequence[object] = getattr(layer, "weights", None) or ()
    return weights


Rule = Callable[[Growing, Node, Sequence[Labels]], Labels]


def _opaque(grown: Growing, node: Node, inputs: Sequence[Labels]) -> Labels:
    kind = str(node.options.get("layer", node.kind))
    width = grown.sides[node.name][-1] if len(grown.sides[node.name]) > 1 else 1
    if kind in _CHANNELWISE and len(inputs) == 1 and len(inputs[0]) == width:
        return inputs[0]
    grown.unknown[node.name] = kind
    return ends(grown, node, inputs)


def ends(grown: Growing, node: Node, inputs: Sequence[Labels]) -> Labels:
    """The rule of what is not known, or has to stay: pin all that goes in and comes out."""
    for labels in inputs:
        grown.pin(labels)
    shape = grown.sides[node.name]
    return grown.fresh(shape[-1] if len(shape) > 1 else 1, pinned=True)


def _kernel(grown: Growing, node: Node, _: Sequence[Labels]) -> Labels:
    return grown.fresh(node.weights["kernel"].shape[-1])


def _depthwise(_: Growing, node: Node, inputs: Sequence[Labels]) -> Labels:
    return np.repeat(inputs[0], node.weights["kernel"].shape[-1])


def _same(_: Growing, __: Node, inputs: Sequence[Labels]) -> Labels:
    return inputs[0]


_CUT_BY_CHANNEL = frozenset(("BatchNormalization", "PositionEmbedding"))


def _affine(grown: Growing, node: Node, inputs: Sequence[Labels]) -> Labels:
    plain = all(weight.size == 1 for weight in node.weights.values())
    layer = type(grown.layers.get(node.name)).__name__
    if plain or layer in _CUT_BY_CHANNEL:
        return inputs[0]
    return ends(grown, node, inputs)


def _norm(grown: Growing, _: Node, inputs: Sequence[Labels]) -> Labels:
    grown.norms.update(inputs[0].tolist())
    return inputs[0]


def _activation(grown: Growing, node: Node, inputs: Sequence[Labels]) -> Labels:
    if node.options["function"] == "softmax":
        grown.pin(inputs[0])
    return inputs[0]


def _attention(grown: Growing, node: Node, inputs: Sequence[Labels]) -> Labels:
    outputs = grown.fresh(node.weights["output_kernel"].shape[-1])
    heads = grown.fresh(node.weights["query_kernel"].shape[1])
    grown.heads[node.name] = heads
    layer = grown.layers[node.name]
    if type(layer).__name__ == "MultiHeadAttention" and layer.get_config()["output_shape"] is None:
        return grown.join(inputs[0], outputs)  # Keras gives the output the width of the query
    for labels in (*inputs, outputs, heads):
        grown.pin(labels)
    return outputs


def meet(grown: Growing, node: Node, inputs: Sequence[Labels]) -> Labels:
    """The rule of sums and products: join the channels; a single one meets all."""
    width = grown.sides[node.name][-1]
    whole = [labels for labels in inputs if len(labels) == width]
    for labels in inputs:
        if len(labels) != width:
            grown.pin(labels)
    for other in whole[1:]:
        grown.join(whole[0], other)
    return whole[0]


def _concat(grown: Growing, node: Node, inputs: Sequence[Labels]) -> Labels:
    rank = len(grown.sides[node.name])
    if node.options["axis"] % rank == rank - 1:
        return np.concatenate(inputs)
    return meet(grown, node, inputs)


def _mean(grown: Growing, node: Node, inputs: Sequence[Labels]) -> Labels:
    rank = len(grown.sides[node.inputs[0]])
    last = any(axis % rank == rank - 1 for axis in node.options["axes"])
    return ends(grown, node, inputs) if last else inputs[0]


def _reshape(grown: Growing, node: Node, inputs: Sequence[Labels]) -> Labels:
    """Follow channels into a longer last axis, which repeats them; any other way pins them."""
    before, after = len(inputs[0]), grown.sides[node.name][-1]
    if len(grown.sides[node.name]) > 1 and before and after % before == 0:
        return np.tile(inputs[0], after // before)
    return ends(grown, node, inputs)


def _transpose(grown: Growing, node: Node, inputs: Sequence[Labels]) -> Labels:
    axes = node.options["axes"]
    return inputs[0] if axes[-1] == len(axes) - 1 else ends(grown, node, inputs)


RULES: Mapping[str, Rule] = {
    "activation": _activation,
    "add": meet,
    "affine": _affine,
    "attention": _attention,
    "concat": _concat,
    "conv": _kernel,
    "crop": _same,
    "dense": _kernel,
    "depthwise": _depthwise,
    "identity": _same,
    "input": ends,
    "layer_norm": _norm,
    "matmul": ends,
    "mean": _mean,
    "mul": meet,
    "pad": _same,
    "pool": _same,
    "reshape": _reshape,
    "token": _same,
    "transpose": _transpose,
}
