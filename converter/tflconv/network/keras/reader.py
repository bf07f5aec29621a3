"""Read a Keras 2 or Keras 3 model into a ``Network``.

Layers are recognized by their classes, exactly. A layer that is not known, is used in an unusual
way or has a setting that its reader does not account for stays in the network as an ``opaque`` node
that calls the layer itself: passes leave it alone and improve what is around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from tflconv.core.nesting import leaves
from tflconv.core.typing import FunctionalModel, KerasLayer, KerasModel, KerasTensor
from tflconv.errors import TflconvError
from tflconv.model.naming import has_own_call, public_names
from tflconv.network.keras.calls import Call, call_of
from tflconv.network.keras.layer_readers import read_call
from tflconv.network.nodes import CannotRewrite, Network, Node, NodeOptions

if TYPE_CHECKING:
    from typing_extensions import TypeIs


@dataclass(frozen=True, kw_only=True)
class LayerUse:
    """One use of a layer: names of the nodes that it was read into, each of which feeds the next.

    The input of a model within the model has no node of its own: its node is what it is given.

    Attributes:
        layer: The layer.
        nodes: The names.
    """

    layer: KerasLayer
    nodes: tuple[str, ...]


def read(model: object, *, resolution: int | None = None) -> Network:
    """Read the network of a Keras ``model``, as ``read_with_layers`` does."""
    return read_with_layers(model, resolution=resolution)[0]


def read_with_layers(
    model: object, *, resolution: int | None = None
) -> tuple[Network, tuple[LayerUse, ...]]:
    """Read the network of a functional or sequential Keras ``model`` with one output.

    Args:
        model: A model of Keras 2 or Keras 3.
        resolution: Side of the pictures in pixels, for a model that takes any.

    Returns:
        The network, and the layers that its nodes were read from, in the order of their nodes.

    Raises:
        CannotRewrite: Keras does not know the layers of the model as a graph (it is a subclass of
            ``Model`` with its own ``call``), or the model has several outputs, or masks.
        TflconvError: An input has no fixed shape.
    """
    functional, name = _functional(model), str(getattr(model, "name", "the model"))
    if functional is None:
        raise CannotRewrite(
            f"the layers of {name} are not visible: it computes in a function of its own.",
            hint="Only Keras files with functional or sequential models can be optimized.",
        )
    names, inside = public_names(cast(KerasModel, model)), public_names(functional)
    if len(names.outputs) != 1:
        raise CannotRewrite(f"{name} has {len(names.outputs)} outputs; graph passes expect one.")
    reader = _ModelReader(resolution)
    reader.read(functional, dict(zip(names.inputs, inside.inputs.values(), strict=True)))
    (output,) = leaves(functional.outputs)
    network = Network(
        name=name,
        nodes=reader.nodes,
        outputs=(reader.names[id(output)],),
        output_names=tuple(names.outputs),
    )
    return network, tuple(reader.uses)


class _ModelReader:
    def __init__(self, resolution: int | None) -> None:
        self.resolution = resolution
        self.nodes: dict[str, Node] = {}
        self.names: dict[int, str] = {}
        self.uses: list[LayerUse] = []

    def read(self, model: FunctionalModel, inputs: Mapping[str, KerasTensor]) -> None:
        """Add the nodes of ``model``: its ``inputs`` in their order, then what computes with them.

        Args:
            model: The model.
            inputs: Its inputs by the names that they get.
        """
        for name, tensor in inputs.items():
            self._read_input(name, tensor)
        self._read_layers(model)

    def _read_layers(self, model: FunctionalModel) -> None:
        for depth in sorted(model._nodes_by_depth, reverse=True):
            for keras_node in model._nodes_by_depth[depth]:
                self._read_call(call_of(keras_node))

    def _read_call(self, call: Call) -> None:
        if id(call.output) in self.names and not call.inputs:
            return  # an input, which is there already
        inner = _functional(call.layer)
        if inner is not None and not call.given and _takes(inner, call.keys):
            self._read_nested(inner, call)
            return
        _check_unmasked(call)
        inputs = tuple(self.names[id(tensor)] for tensor in call.inputs)
        nodes = read_call(call)
        if len(call.outputs) == 1:
            self._add_of(call, call.output, inputs, nodes)
            return
        for output, node in zip(call.outputs, nodes, strict=True):
            self._add_of(call, output, inputs, [node])

    def _add_of(
        self, call: Call, output: KerasTensor, inputs: tuple[str, ...], nodes: Sequence[Node]
    ) -> None:
        named = _chained(self._free(call.layer.name), inputs, nodes)
        self.uses.append(LayerUse(layer=call.layer, nodes=tuple(node.name for node in named)))
        self._add(output, named)

    def _read_input(self, name: str, tensor: KerasTensor) -> None:
        sides = tuple(tensor.shape)[1:]
        if len(sides) == 3 and self.resolution is not None:
            sides = (*(side or self.resolution for side in sides[:2]), sides[2])
        shape = tuple(side for side in sides if side is not None)
        if len(shape) < len(sides):
            raise TflconvError(
                f"input '{name}' has no fixed shape. Received: {list(sides)}.",
                hint="Add --resolution with the side of its pictures in pixels, such as 224.",
            )
        options: NodeOptions = {"shape": shape}
        dtype = str(getattr(tensor.dtype, "name", tensor.dtype))
        if "float" not in dtype:
            options["dtype"] = dtype
        self._add(tensor, [Node(name=self._free(name), kind="input", options=options)])

    def _read_nested(self, inner: FunctionalModel, call: Call) -> None:
        for tensor, source in zip(leaves(inner.inputs), call.inputs, strict=True):
            self.names[id(tensor)] = name = self.names[id(source)]
            self.uses.append(LayerUse(layer=tensor._keras_history[0], nodes=(name,)))
        self._read_layers(inner)
        for tensor, result in zip(leaves(inner.outputs), call.outputs, strict=True):
            self.names[id(result)] = self.names[id(tensor)]

    def _free(self, wanted: str) -> str:
        name, number = wanted, 1
        taken = {part.split("/")[0] for part in self.nodes}
        while name in taken:
            number += 1
            name = f"{wanted}_{number}"
        return name

    def _add(self, tensor: KerasTensor, nodes: Sequence[Node]) -> None:
        for node in nodes:
            self.nodes[node.name] = node
        self.names[id(tensor)] = nodes[-1].name


def _takes(inner: FunctionalModel, keys: frozenset[str] | None) -> bool:
    """Whether ``inner`` takes its inputs by these keys, or in order as they come."""
    own = getattr(inner, "input", None)
    return keys == (frozenset(own) if isinstance(own, Mapping) else None)


def _check_unmasked(call: Call) -> None:
    """Check that no value has a mask, which Keras hands from layer to layer beside the values."""
    if any(getattr(tensor, "_keras_mask", None) is not None for tensor in call.outputs):
        raise CannotRewrite(
            f"layer '{call.layer.name}' ({call.kind}) hands a mask to the layers after it, which"
            " graph passes do not follow.",
            hint="Convert the model as it is, with --rewrite as-is.",
        )


def _functional(layer: object) -> FunctionalModel | None:
    """The functional model that ``layer`` is, or that Keras 3 keeps inside of a ``Sequential``."""
    model = getattr(layer, "_functional", None) or layer
    return model if _shows_layers(model) and not has_own_call(layer) else None


def _shows_layers(model: object) -> TypeIs[FunctionalModel]:
    return bool(getattr(model, "_nodes_by_depth", None))


def _chained(name: str, inputs: tuple[str, ...], nodes: Sequence[Node]) -> list[Node]:
    """Name the ``nodes`` of one layer and let each feed the next; the last has the layer's name."""
    result: list[Node] = []
    for index, node in enumerate(nodes):
        last, again = index == len(nodes) - 1, sum(n.kind == node.kind for n in nodes[:index])
        own = f"{name}/{node.kind}{again + 1 if again else ''}"
        result.append(
            Node(
                name=name if last else own,
                kind=node.kind,
                inputs=inputs if index == 0 else (result[-1].name,),
                weights=node.weights,
                options=node.options,
            )
        )
    return result
