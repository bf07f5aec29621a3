"""Replace average pooling by a depthwise convolution.

XNNPACK has no integer average pooling, but a depthwise convolution whose kernel is ``1 / size``
everywhere is one, is delegated, and lets a BatchNormalization beside it fold in.
"""

from __future__ import annotations

from math import prod

import numpy as np

from tflconv.network.nodes import Network, Node
from tflconv.network.shapes import shapes


def pool_by_depthwise(network: Network) -> Network:
    """Replace each average pooling whose windows are all inside of the picture."""
    known = shapes(network)
    for node in network.of_kind("pool"):
        _, height, width, channels = known[node.inputs[0]]
        if node.options["function"] == "average" and _fits(node, (height, width)):
            network = network.updating(_depthwise(node, channels))
    return network


def _fits(node: Node, picture: tuple[int, int]) -> bool:
    """Whether no window covers padding, of which an average takes no account."""
    if node.options["padding"] == "VALID":
        return True
    steps = zip(picture, node.options["size"], node.options["strides"], strict=True)
    return all(size == stride and pixels % size == 0 for pixels, size, stride in steps)


def _depthwise(node: Node, channels: int) -> Node:
    size = node.options["size"]
    return Node(
        name=node.name,
        kind="depthwise",
        inputs=node.inputs,
        weights={
            "kernel": np.full((*size, channels, 1), 1 / prod(size), np.float32),
            "bias": np.zeros(channels, np.float32),
        },
        options={
            "strides": node.options["strides"],
            "padding": node.options["padding"],
            "averages": True,
        },
    )
