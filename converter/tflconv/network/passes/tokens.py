"""Tokens in front of others, and tokens that nobody reads.

A class token put in front of the patches shares their integer scale, though its values may lie far
outside of theirs. Zeros in front and a sum say the same exactly, and the sum is the one with the
position embeddings that is there anyway:

    [token; patches] + positions  =  [0; patches] + ([token; 0] + positions)

At the other end a classifier may read one token of all. Layers that treat each token by itself need
not compute the others, nor does the query of attention:

    f(tokens)[begin:end]  =  f(tokens[begin:end])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tflconv.core.typing import Shape
from tflconv.network.nodes import Network, Node
from tflconv.network.passes.folding import attended, is_channelwise
from tflconv.network.shapes import shapes

_TOKENWISE = ("activation", "affine", "dense", "identity", "layer_norm")
_QUERIED = ("attention", "matmul")
"""Kinds that compute a token of the output from one token of their first input."""
_JOINING = ("add", "concat", "mul")


def pad_tokens(network: Network) -> Network:
    """Replace each learned token by zeros in its place, to which it is added."""
    tokens = network.of_kind("token")
    known = shapes(network) if tokens else {}
    for node in tokens:
        token = node.weights["token"]
        shift = np.zeros(known[node.name][1:], np.float32)
        shift[: len(token)] = token
        zeros = Node(
            name=f"{node.name}/pad",
            kind="pad",
            inputs=node.inputs,
            options={"borders": ((len(token), 0),)},
        )
        added = Node(
            name=node.name,
            kind="affine",
            inputs=(zeros.name,),
            weights={"scale": np.ones(1, np.float32), "shift": shift},
        )
        network = network.replacing(node.name, zeros, added)
    return network


def crop_early(network: Network) -> Network:
    """Move each crop of tokens up, as far as the tokens that it takes depend on no others."""
    while (crop := _movable(network)) is not None:
        network = _moved(network, crop)
    return network


def _movable(network: Network) -> Node | None:
    """A crop that can change places with the node before it."""
    crops = network.of_kind("crop")
    known = shapes(network) if crops else {}
    for crop in crops:
        source = network[crop.inputs[0]]
        alone = network.only_consumer(source.name) is crop
        if alone and len(known[source.name]) == 3 and _read_by_token(source, known):
            return crop
    return None


def _read_by_token(node: Node, known: dict[str, Shape]) -> Sequence[int]:
    """Which inputs ``node`` needs only those tokens of that are read of its output."""
    if node.kind in _QUERIED:
        return (0,)
    if node.kind in _TOKENWISE:
        plain = node.kind != "affine" or is_channelwise(node)
        return (0,) if plain and known[node.inputs[0]][:-1] == known[node.name][:-1] else ()
    if node.kind not in _JOINING or node.options.get("axis") in (0, 1):
        return ()
    alike = {known[name][:-1] for name in node.inputs} == {known[node.name][:-1]}
    return range(len(node.inputs)) if alike else ()


def _moved(network: Network, crop: Node) -> Network:
    source = network[crop.inputs[0]]
    inputs = list(attended(source) if source.kind == "attention" else source.inputs)
    for place in _read_by_token(source, shapes(network)):
        network, inputs[place] = _cropped(network, inputs[place], crop)
    return network.updating(replace(source, inputs=tuple(inputs))).without(crop.name)


def _cropped(network: Network, name: str, crop: Node) -> tuple[Network, str]:
    """The network with a crop right behind the node called ``name``, and what it is called."""
    new = replace(crop, name=f"{name}/{crop.options['begin']}to{crop.options['end']}")
    new = replace(new, inputs=(name,))
    if new.name in network.nodes:
        return network, new.name
    nodes: dict[str, Node] = {}
    for node in network:
        nodes[node.name] = node
        if node.name == name:
            nodes[new.name] = new
    return replace(network, nodes=nodes), new.name
