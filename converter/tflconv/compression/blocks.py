"""Residual blocks of a network, found by their shape, and their removal from a Keras model.

A block is what lies between a value and its return: an addition of two values, of which one is
reached from the other through a branch that nothing else reads. Both have the shape of the sum, so
the sum can be replaced by the value itself, and the branch goes. This finds the blocks of ResNets
and MobileNets as well as the attention and the MLP of transformers, by no names of layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tflconv.compression.cutting import layers_of
from tflconv.core.typing import KerasModel
from tflconv.model.opening import description_of, remade
from tflconv.network.keras.reader import LayerUse, read_with_layers
from tflconv.network.nodes import Network, Node
from tflconv.network.shapes import shapes


@dataclass(frozen=True, kw_only=True)
class ResidualBlock:
    """A residual block.

    Attributes:
        sum: Path of the layer that adds, as names of models and layers.
        kept: Which of the two values that it adds goes around the branch, 0 or 1.
        branch: Paths of the layers in the branch.
    """

    sum: tuple[str, ...]
    kept: int
    branch: tuple[tuple[str, ...], ...]

    @property
    def name(self) -> str:
        """Name of the layer that adds."""
        return self.sum[-1]


def blocks(model: KerasModel, *, resolution: int | None = None) -> list[ResidualBlock]:
    """Return the blocks of ``model`` that can be removed, in the order of execution.

    Args:
        model: A Keras model whose layers are visible.
        resolution: Side of the pictures in pixels, for a model that takes any.
    """
    network, uses = read_with_layers(model, resolution=resolution)
    sides, paths = shapes(network), {id(layer): path for path, layer in layers_of(model)}
    removable = []
    for node in network.of_kind("add"):
        for kept in (0, 1) if len(node.inputs) == 2 else ():
            way, branch = node.inputs[kept], _branch(network, node, kept)
            if branch and sides[way] == sides[node.name] == sides[node.inputs[1 - kept]]:
                block = _block(node, kept, branch, uses, paths)
                removable += [] if block is None else [block]
    return removable


def without(
    model: KerasModel, block: ResidualBlock, *, custom_objects: Path | None = None
) -> KerasModel:
    """Return ``model`` without ``block``, with the weights of all other layers.

    Args:
        model: The Keras model that the block was found in; it is not changed.
        block: The block.
        custom_objects: A Python file with layers that the model uses.

    Returns:
        A new model of the same Keras.
    """
    config: Any = description_of(model)
    inside = config
    for name in block.sum[:-1]:
        inside = next(e for e in inside["config"]["layers"] if e["config"]["name"] == name)
    layers = inside["config"]["layers"]
    adding = next(entry for entry in layers if entry["config"]["name"] == block.name)
    way = list(_references(adding["inbound_nodes"]))[block.kept]
    gone = {path[-1] for path in (*block.branch, block.sum)}
    inside["config"]["layers"] = [e for e in layers if e["config"]["name"] not in gone]
    _redirect(inside["config"], block.name, way)
    shorter = remade(model, config, custom_objects=custom_objects)
    held = dict(layers_of(model))
    for path, layer in layers_of(shorter):
        layer.set_weights(held[path].get_weights())
    return shorter


def _branch(network: Network, node: Node, kept: int) -> set[str]:
    """Names of the nodes between the value that is kept and the sum; empty if there is no block."""
    way, end = node.inputs[kept], node.inputs[1 - kept]
    branch, waiting = set[str](), [end]
    while waiting:
        name = waiting.pop()
        if name == way or name in branch:
            continue
        if network[name].kind == "input":
            return set()
        branch.add(name)
        waiting += network[name].inputs
    inside = {node.name, *branch}
    alone = all(reader.name in inside for name in branch for reader in network.consumers(name))
    return branch if alone and way != end and network.output not in branch else set()


def _block(
    node: Node,
    kept: int,
    branch: set[str],
    uses: Sequence[LayerUse],
    paths: Mapping[int, tuple[str, ...]],
) -> ResidualBlock | None:
    """The block in terms of layers; None where layers are used elsewhere or lie in other models."""
    layer_uses = [use for use in uses if type(use.layer).__name__ != "InputLayer"]
    adding = next(use for use in layer_uses if node.name in use.nodes)
    inside = [use for use in layer_uses if branch & set(use.nodes)]
    whole = all(set(use.nodes) <= branch for use in inside) and adding.nodes == (node.name,)
    layers = {id(use.layer) for use in (*inside, adding)}
    once = sum(id(use.layer) in layers for use in layer_uses) == len(inside) + 1
    layer_paths = [paths.get(id(use.layer), (use.layer.name,)) for use in (*inside, adding)]
    if not (whole and once and len({path[:-1] for path in layer_paths}) == 1):
        return None
    return ResidualBlock(sum=layer_paths[-1], kept=kept, branch=tuple(layer_paths[:-1]))


def _references(value: Any) -> Iterator[list[Any]]:
    """Yield the references to outputs of layers in a configuration, as either Keras writes them."""
    if isinstance(value, dict):
        if isinstance(value.get("keras_history"), list):
            yield value["keras_history"]
        else:
            for part in value.values():
                yield from _references(part)
    elif isinstance(value, list):
        if len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int):
            yield value
            value = value[3:]
        for part in value:
            yield from _references(part)


def _redirect(config: dict[str, Any], old: str, way: list[Any]) -> None:
    """Let all that reads the output of the layer ``old`` read ``way``."""
    target = list(way[:3])
    readers = [entry["inbound_nodes"] for entry in config["layers"]]
    for reference in _references([*readers, config.get("output_layers")]):
        if reference[0] == old:
            reference[:3] = target
