"""Remove what only training needs, and the last softmax."""

from __future__ import annotations

from tflconv.network.nodes import Network


def remove_identities(network: Network) -> Network:
    """Remove dropout, noise and linear activations, which return their input."""
    for node in network.of_kind("identity"):
        network = network.without(node.name)
    return network


def drop_softmax(network: Network) -> Network:
    """Remove the last softmax, which keeps the order of scores and costs a partition."""
    last = network[network.output]
    if last.kind == "activation" and last.options["function"] == "softmax":
        return network.without(last.name)
    return network
