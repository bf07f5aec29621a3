"""LayerNormalization without its mean.

LayerNorm subtracts the mean over the channels. In a pre-norm transformer its input is a sum of what
some layers wrote: if each of them writes vectors whose mean is 0, so is the mean of the sum, and
LayerNorm has nothing to subtract (Ashkboos et al. 2024, "SliceGPT", section 3). A layer is made to
by centring its weights once. What remains is RMSNorm, with about half the operations.
"""

from __future__ import annotations

import numpy as np

from tflconv.graph.network import Array, Network, Node

_WRITERS = ("dense", "conv", "attention")


def center_residuals(network: Network) -> Network:
    """Centre what flows into LayerNormalizations where nobody else looks at it."""
    for norm in network.of_kind("layer_norm"):
        if norm.options.get("center", True):
            stream = _stream(network, norm.inputs[0])
            if stream is not None:
                network = _centered(network, stream)
    return network


def _stream(network: Network, start: str) -> set[str] | None:
    """Every node whose value is added to, or is, what ``start`` gives; None if it is observed."""
    stream: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in stream:
            continue
        if name == network.output:
            return None
        stream.add(name)
        node = network[name]
        if not _starts_stream(node):
            if not _passes_on(node):
                return None
            waiting.extend(node.inputs)
        for consumer in network.consumers(name):
            if consumer.kind != "layer_norm":
                if not _passes_on(consumer):
                    return None
                waiting.append(consumer.name)
    return stream


def _passes_on(node: Node) -> bool:
    """Whether a mean of 0 over the channels going in is one coming out."""
    if node.kind == "affine":
        return bool((node.weights["scale"] == 1).all())
    plain_add = node.kind == "add" and node.options.get("activation") is None
    return plain_add or node.kind in ("take", "token", "identity") or _keeps_channels(node)


def _keeps_channels(node: Node) -> bool:
    return node.kind == "reshape" and len(node.options["shape"]) > 1


def _starts_stream(node: Node) -> bool:
    return node.kind in _WRITERS and node.options.get("activation") is None


def _centered(network: Network, stream: set[str]) -> Network:
    for name in stream:
        node = network[name]
        keys = {
            "affine": ["shift"],
            "token": ["token"],
            "attention": ["output_kernel", "output_bias"],
        }
        chosen = keys.get(node.kind, ["kernel", "bias"] if node.kind in _WRITERS else [])
        changed = {key: _without_mean(node.weights[key]) for key in chosen}
        network = network.updating(node.with_weights(**changed))
    for norm in network.of_kind("layer_norm"):
        if norm.inputs[0] in stream:
            network = network.updating(norm.with_options(center=False))
    return network


def _without_mean(weights: Array) -> Array:
    return np.asarray(weights - weights.mean(-1, keepdims=True), np.float32)
