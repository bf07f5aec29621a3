"""Remove what only training needs, and a softmax that an output comes from."""

from __future__ import annotations

from dataclasses import replace

from tflconv.network.nodes import Network


def remove_identities(network: Network) -> Network:
    """Remove dropout, noise and linear activations, which return their input."""
    for node in network.of_kind("identity"):
        network = network.without(node.name)
    return network


def drop_softmax(network: Network) -> Network:
    """Remove the softmax of each output, which keeps the order of scores and costs a partition."""
    outputs = list(network.outputs)
    for place in softmaxes(network):
        (outputs[place],) = network[outputs[place]].inputs
    if tuple(outputs) == network.outputs:
        return network
    network = replace(network, outputs=tuple(outputs))
    idle = {name for name in network.nodes if _is_idle(network, name)}
    return replace(network, nodes={n.name: n for n in network if n.name not in idle})


def softmaxes(network: Network) -> list[int]:
    """Return the places of those outputs that a softmax makes which no other node reads.

    Where the scores are an output as well, the softmax stays, or two outputs would be the same.
    """
    return [
        place
        for place, name in enumerate(network.outputs)
        if _is_softmax(network, name) and network[name].inputs[0] not in network.outputs
    ]


def _is_softmax(network: Network, name: str) -> bool:
    node = network[name]
    softmax = node.kind == "activation" and node.options["function"] == "softmax"
    return softmax and not network.consumers(name)


def _is_idle(network: Network, name: str) -> bool:
    """Whether it is a softmax that nothing needs any more."""
    return name not in network.outputs and _is_softmax(network, name)
