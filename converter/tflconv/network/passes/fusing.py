"""Fuse activations into the operations before them.

Convolutions, dense layers and additions of TFLite clip their results for free. So do integer
products of two activations, though they have no such option: results below the smallest number of
the output saturate, and if that number stands for 0, saturation is the ReLU.
"""

from __future__ import annotations

from tflconv.network.nodes import Network

_CLIPS = ("conv", "depthwise", "dense", "add", "matmul")


def fuse_relu(network: Network) -> Network:
    """Fuse each ReLU (or ReLU6) that follows an operation that can clip."""
    for name in network.names_of_kind("activation"):
        node = network[name]
        source = network[node.inputs[0]]
        function = node.options["function"]
        alone = network.only_consumer(source.name) is node
        free = source.options.get("activation") is None
        if function in ("relu", "relu6") and alone and free and source.kind in _CLIPS:
            fused = source.with_options(activation=function)
            network = network.updating(fused).without(node.name)
    return network
