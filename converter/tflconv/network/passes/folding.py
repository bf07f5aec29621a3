"""Fold affine nodes into the products beside them, and merge products.

A trained BatchNormalization is ``a * x + b`` per channel, and so are input scaling, the last step
of a LayerNormalization and the ``1 / sqrt(d)`` of attention. It folds into a product ``x W + c``
in two ways:

    after:   a (x W + c) + b  =  x (W a) + (c a + b)
    before:  (a x + b) W + c  =  x (a W) + (b W + c)

The second fails before a padded convolution, whose zeros are padded after the shift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tflconv.network.nodes import LINEAR, Array, Network, Node


def fold_affine_into_previous(network: Network) -> Network:
    """Fold each affine node that follows a convolution or dense layer (BatchNorm after)."""
    for name in network.names_of_kind("affine"):
        affine = network[name]
        source = network[affine.inputs[0]]
        followed = network.only_consumer(source.name) is affine
        if followed and source.kind in LINEAR and _is_bare(source) and is_channelwise(affine):
            network = network.updating(_after(source, affine)).without(affine.name)
    return network


def fold_affine_into_next(network: Network) -> Network:
    """Fold each affine node whose consumers all multiply (BatchNorm before, input scaling)."""
    return _folded_into_next(network, network.of_kind("affine"))


def fold_inner_affine_into_next(network: Network) -> Network:
    """Fold as ``fold_affine_into_next`` does, but for the scaling of inputs.

    A product that quantizes what it takes at run time needs it: steps that reach from 0 to far away
    pixels are coarse, where those between scaled pixels are fine.
    """
    inner = [each for each in network.of_kind("affine") if not _scales_input(network, each)]
    return _folded_into_next(network, inner)


def _folded_into_next(network: Network, affines: Sequence[Node]) -> Network:
    for affine in affines:
        consumers = network.consumers(affine.name)
        folds = all(_can_absorb(consumer, affine) for consumer in consumers)
        if consumers and folds and affine.name not in network.outputs and is_channelwise(affine):
            absorbed = [_before(consumer, affine) for consumer in consumers]
            network = network.updating(*absorbed).without(affine.name)
    return network


def _scales_input(network: Network, affine: Node) -> bool:
    """Whether only what moves values lies between ``affine`` and an input."""
    node = affine
    while node.kind == "affine" or node.kind in _MOVING:
        node = network[node.inputs[0]]
    return node.kind == "input"


_MOVING = ("crop", "identity", "pad", "patches", "reshape", "transpose")


def merge_affines(network: Network) -> Network:
    """Merge two affine nodes that follow each other into one."""
    for name in network.names_of_kind("affine"):
        second = network[name]
        first = network[second.inputs[0]]
        if first.kind == "affine" and network.only_consumer(first.name) is second:
            scale, shift = second.weights["scale"], second.weights["shift"]
            merged = second.with_weights(
                scale=first.weights["scale"] * scale, shift=first.weights["shift"] * scale + shift
            )
            network = network.updating(merged).without(first.name)
    return network


def split_affines(network: Network) -> Network:
    """Split each remaining affine node into a scale and a shift: in int8 each needs a range.

    A Rescaling before a padded convolution remains: its shift would change the padded zeros.
    """
    for name in network.names_of_kind("affine"):
        affine = network[name]
        scale, shift = (affine.weights[key] for key in _AFFINE)
        if (scale != 1).any() and (shift != 0).any():
            ahead = replace(affine, name=f"{affine.name}/scale")
            ahead = ahead.with_weights(shift=np.zeros_like(shift))
            behind = replace(affine, inputs=(ahead.name,)).with_weights(scale=np.ones_like(scale))
            network = network.replacing(affine.name, ahead, behind)
    return network


def move_affine_past_mean(network: Network) -> Network:
    """Move each affine node behind the mean or crop after it: the mean is ``a mean(x) + b``.

    Fewer values are scaled then, and the last BatchNormalization of a network comes next to the
    head, into which it folds.
    """
    for name in network.names_of_kind("affine"):
        affine = network[name]
        network = _copied_past_crops(network, affine)
        reducer = network.only_consumer(affine.name)
        if reducer is None or reducer.kind not in ("mean", "crop") or not is_channelwise(affine):
            continue
        moved = replace(affine, inputs=(reducer.name,))
        ahead = replace(reducer, inputs=affine.inputs)
        network = network.without(affine.name).replacing(reducer.name, ahead, moved)
    return network


def _copied_past_crops(network: Network, affine: Node) -> Network:
    """A copy of ``affine`` behind each crop of what others read whole: of few tokens it is free."""
    consumers = network.consumers(affine.name)
    for crop in consumers:
        if crop.kind == "crop" and len(consumers) > 1 and is_channelwise(affine):
            ahead = replace(crop, name=f"{crop.name}/ahead", inputs=affine.inputs)
            copy = replace(affine, name=crop.name, inputs=(ahead.name,))
            network = network.replacing(crop.name, ahead, copy)
    return network


def fold_attention_scale(network: Network) -> Network:
    """Fold the ``1 / sqrt(d)`` of attention into the weights that make the queries."""
    for node in network.of_kind("attention"):
        scale = node.options["scale"]
        if scale != 1:
            kernel, bias = (node.weights[f"query_{key}"] * scale for key in ("kernel", "bias"))
            scaled = node.with_weights(query_kernel=kernel, query_bias=bias)
            network = network.updating(scaled.with_options(scale=1.0))
    return network


def split_layer_norm(network: Network) -> Network:
    """Make an affine node of the scale and shift of LayerNormalization, which can be folded."""
    for name in network.names_of_kind("layer_norm"):
        node = network[name]
        gamma, beta = node.weights["gamma"], node.weights["beta"]
        if (gamma == 1).all() and (beta == 0).all():
            continue
        bare = node.with_weights(gamma=np.ones_like(gamma), beta=np.zeros_like(beta))
        affine = Node(
            name=f"{name}/scale",
            kind="affine",
            inputs=(name,),
            weights={"scale": gamma, "shift": beta},
        )
        network = network.replacing(name, bare, affine)
    return network


def merge_linear(network: Network) -> Network:
    """Merge two dense layers with nothing between them, if that is not more work."""
    for name in network.names_of_kind("dense"):
        second = network[name]
        first = network[second.inputs[0]]
        alone = network.only_consumer(first.name) is second
        if first.kind == "dense" and alone and _is_bare(first) and _saves_work(first, second):
            kernel = first.weights["kernel"] @ second.weights["kernel"]
            bias = first.weights["bias"] @ second.weights["kernel"] + second.weights["bias"]
            merged = second.with_weights(kernel=kernel, bias=bias)
            network = network.updating(merged).without(first.name)
    return network


def _saves_work(first: Node, second: Node) -> bool:
    (wide, middle), (_, narrow) = first.weights["kernel"].shape, second.weights["kernel"].shape
    return bool(wide * narrow <= wide * middle + middle * narrow)


def _is_bare(node: Node) -> bool:
    return node.options.get("activation") is None


def is_channelwise(affine: Node) -> bool:
    """Whether scale and shift are per channel, unlike a position embedding."""
    return all(np.squeeze(weight).ndim <= 1 for weight in affine.weights.values()) and all(
        weight.size in (1, weight.shape[-1]) for weight in affine.weights.values()
    )


def _after(source: Node, affine: Node) -> Node:
    kernel, bias = source.weights["kernel"], source.weights["bias"]
    scale, shift = (np.broadcast_to(affine.weights[k].ravel(), bias.shape) for k in _AFFINE)
    spread = scale.reshape(kernel.shape[-2:]) if source.kind == "depthwise" else scale
    return source.with_weights(kernel=kernel * spread, bias=bias * scale + shift)


_AFFINE = ("scale", "shift")


def _can_absorb(consumer: Node, affine: Node) -> bool:
    if consumer.kind in ("dense", "attention"):
        return True
    if consumer.kind not in LINEAR:
        return False
    pads = consumer.options["padding"] != "VALID" and consumer.weights["kernel"].shape[:2] != (1, 1)
    return not pads or not affine.weights["shift"].any()


def _before(consumer: Node, affine: Node) -> Node:
    if consumer.kind == "attention":
        return consumer.with_weights(**_before_attention(consumer, affine))
    kernel, bias = consumer.weights["kernel"], consumer.weights["bias"]
    axis = kernel.ndim - 2
    shape = tuple(-1 if i == axis else 1 for i in range(kernel.ndim))
    width = (kernel.shape[axis],)
    scale, shift = (
        np.broadcast_to(affine.weights[key].ravel(), width).reshape(shape) for key in _AFFINE
    )
    if consumer.kind == "depthwise":
        moved = (kernel * shift).sum((0, 1)).ravel()
    else:
        moved = (kernel * shift).sum(tuple(range(kernel.ndim - 1)))
    return consumer.with_weights(kernel=kernel * scale, bias=bias + moved)


def _before_attention(attention: Node, affine: Node) -> dict[str, Array]:
    weights = attention.weights
    width = weights["key_kernel"].shape[:1]
    scale, shift = (np.broadcast_to(affine.weights[key].ravel(), width) for key in _AFFINE)
    changed: dict[str, Array] = {}
    for name, source in zip(("query", "value", "key"), attended(attention), strict=True):
        kernel = weights[f"{name}_kernel"]
        if source == affine.name:
            changed[f"{name}_kernel"] = kernel * scale[:, np.newaxis, np.newaxis]
            moved = np.einsum("c,chs->hs", shift, kernel)
            changed[f"{name}_bias"] = weights[f"{name}_bias"] + moved
    return changed


def attended(attention: Node) -> tuple[str, ...]:
    """Return what an attention node takes queries, values and keys from."""
    return (*attention.inputs, attention.inputs[-1], attention.inputs[-1])[:3]
