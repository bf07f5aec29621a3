"""What training needed and inference does not."""

from __future__ import annotations

from tflconv.network.nodes import Network


def remove_identities(network: Network) -> Network:
    """Take out dropout, noise and linear activations: they pass their input on."""
    for node in network.of_kind("identity"):
        network = network.without(node.name)
    return network


def drop_softmax(network: Network) -> Network:
    """End with logits: softmax keeps their order, has no integer kernel, and costs a partition."""
    last = network[network.output]
    if last.kind == "activation" and last.options["function"] == "softmax":
        return network.without(last.name)
    return network
