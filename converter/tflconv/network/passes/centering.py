"""Replace LayerNormalization by RMSNorm.

LayerNorm subtracts the mean over the channels. In a pre-norm transformer its input is the sum of
the outputs of some layers: if each of them has a mean of 0, so has the sum, and LayerNorm has
nothing to subtract (Ashkboos et al. 2024, "SliceGPT", section 3). The weights of those layers are
centred once to that end. What remains is RMSNorm, with about half the operations.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tflconv.network.nodes import Array, Network, Node
from tflconv.network.shapes import shapes

_WRITERS = ("dense", "conv", "attention")
_SHOWN = {
    "affine": ("shift",),
    "token": ("token",),
    "attention": ("output_kernel", "output_bias"),
    "dense": ("kernel", "bias"),
    "conv": ("kernel", "bias"),
}
"""The weights of each kind whose mean over the channels appears in its output."""


def center_residuals(network: Network) -> Network:
    """Centre the inputs of LayerNormalizations whose means nothing else depends on."""
    norms = network.of_kind("layer_norm")
    widths = {name: shape[-1] for name, shape in shapes(network).items()} if norms else {}
    for norm in norms:
        if network[norm.name].options.get("center", True):
            stream = _stream(network, norm.inputs[0], widths)
            if stream is not None:
                network = _centered(network, stream)
    return network


def _stream(network: Network, start: str, widths: Mapping[str, int]) -> set[str] | None:
    """The nodes whose outputs are summed up in that of ``start``; None if a mean is used."""
    stream: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in stream:
            continue
        if name in network.outputs:
            return None
        stream.add(name)
        node = network[name]
        if not _starts_stream(node):
            if not _passes_on(node, widths):
                return None
            waiting.extend(node.inputs)
        for consumer in network.consumers(name):
            if consumer.kind != "layer_norm":
                if not _passes_on(consumer, widths):
                    return None
                waiting.append(consumer.name)
    return stream


def _passes_on(node: Node, widths: Mapping[str, int]) -> bool:
    """Whether the output of ``node`` has a mean of 0 over the channels if its inputs have."""
    if node.kind == "affine":
        return bool((node.weights["scale"] == 1).all()) and node.weights["shift"].ndim > 0
    if node.kind == "add":
        return node.options.get("activation") is None
    if node.kind not in ("crop", "pad", "token", "identity", "reshape"):
        return False
    return widths[node.name] == widths[node.inputs[0]]


def _starts_stream(node: Node) -> bool:
    return node.kind in _WRITERS and node.options.get("activation") is None


def _centered(network: Network, stream: set[str]) -> Network:
    for name in stream:
        node = network[name]
        changed = {key: _without_mean(node.weights[key]) for key in _SHOWN.get(node.kind, ())}
        network = network.updating(node.with_weights(**changed))
    for norm in network.of_kind("layer_norm"):
        if norm.inputs[0] in stream:
            network = network.updating(norm.with_options(center=False))
    return network


def _without_mean(weights: Array) -> Array:
    return np.asarray(weights - weights.mean(-1, keepdims=True), np.float32)
