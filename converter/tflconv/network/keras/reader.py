"""Read a Keras 2 or Keras 3 model into a ``Network``.

Layers are recognized by the names of their classes, which both versions share. A layer that is not
known, or is used in an unusual way, stays in the network as an ``opaque`` node that calls the layer
itself: passes leave it alone and improve what is around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tflconv.core.nesting import leaves
from tflconv.core.typing import FunctionalModel, Keras2Node, Keras3Node, Tensor
from tflconv.errors import TflconvError
from tflconv.network.keras.layer_readers import READERS, Call, opaque
from tflconv.network.nodes import Network, Node

if TYPE_CHECKING:
    from typing_extensions import TypeIs


def read(model: object) -> Network:
    """Read the network of a functional or sequential Keras ``model`` with one output.

    Args:
        model: A model of Keras 2 or Keras 3.

    Raises:
        TflconvError: Keras does not know the layers of the model as a graph (it is a subclass of
            ``Model`` with its own ``call``), or the model has several outputs, or an input without
            a fixed shape.
    """
    functional, name = _functional(model), str(getattr(model, "name", "the model"))
    if functional is None:
        raise TflconvError(
            f"the layers of {name} are not visible: it computes in a function of its own.",
            hint="Only Keras files with functional or sequential models can be optimized.",
        )
    reader = _ModelReader()
    reader.read(functional)
    outputs = [reader.names[id(tensor)] for tensor in leaves(functional.outputs)]
    if len(outputs) != 1:
        raise TflconvError(f"{name} has {len(outputs)} outputs; graph passes expect one.")
    return Network(name=name, nodes=reader.nodes, output=outputs[0])


class _ModelReader:
    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.names: dict[int, str] = {}

    def read(self, model: FunctionalModel) -> None:
        """Add the nodes of ``model``, starting with those next to its inputs."""
        for depth in sorted(model._nodes_by_depth, reverse=True):
            for keras_node in model._nodes_by_depth[depth]:
                self._read_call(_call(keras_node))

    def _read_call(self, call: Call) -> None:
        inner = _functional(call.layer)
        if inner is not None:
            self._read_nested(inner, call)
        elif call.kind == "InputLayer":
            self._read_input(call)
        else:
            inputs = tuple(self.names[id(tensor)] for tensor in call.inputs)
            reader = READERS.get(call.kind)
            nodes = None if reader is None else reader(call)
            self._add(call, _chained(self._free(call), inputs, nodes or [opaque(call)]))

    def _read_input(self, call: Call) -> None:
        if id(call.output) in self.names:
            return
        sides = tuple(call.output.shape)[1:]
        shape = tuple(side for side in sides if side is not None)
        if len(shape) < len(sides):
            raise TflconvError(
                f"input '{call.layer.name}' has no fixed shape. Received: {list(sides)}.",
                hint="Graph passes need one; build the model with it.",
            )
        self._add(call, [Node(name=self._free(call), kind="input", options={"shape": shape})])

    def _read_nested(self, inner: FunctionalModel, call: Call) -> None:
        for tensor, source in zip(leaves(inner.inputs), call.inputs, strict=True):
            self.names[id(tensor)] = self.names[id(source)]
        self.read(inner)
        outputs = leaves(inner.outputs)
        if len(outputs) != 1:
            raise TflconvError(f"the inner model {inner.name} has {len(outputs)} outputs.")
        self.names[id(call.output)] = self.names[id(outputs[0])]

    def _free(self, call: Call) -> str:
        name, number = str(call.layer.name), 1
        taken = {part.split("/")[0] for part in self.nodes}
        while name in taken:
            number += 1
            name = f"{call.layer.name}_{number}"
        return name

    def _add(self, call: Call, nodes: Sequence[Node]) -> None:
        for node in nodes:
            self.nodes[node.name] = node
        self.names[id(call.output)] = nodes[-1].name


def _functional(layer: object) -> FunctionalModel | None:
    """The functional model that ``layer`` is, or that Keras 3 keeps inside of a ``Sequential``."""
    model = getattr(layer, "_functional", None) or layer
    return model if _shows_layers(model) else None


def _shows_layers(model: object) -> TypeIs[FunctionalModel]:
    return bool(getattr(model, "_nodes_by_depth", None))


def _call(keras_node: Keras2Node | Keras3Node) -> Call:
    return _call_of_keras3(keras_node) if _is_keras3(keras_node) else _call_of_keras2(keras_node)


def _is_keras3(keras_node: Keras2Node | Keras3Node) -> TypeIs[Keras3Node]:
    return hasattr(keras_node, "operation")


def _call_of_keras2(keras_node: Keras2Node) -> Call:
    layer = keras_node.layer

    def again(*values: Tensor) -> Tensor:
        pairs = zip(keras_node.keras_inputs, values, strict=True)
        stacks: dict[str, list[Tensor]] = {}
        for tensor, value in pairs:
            stacks.setdefault(str(id(tensor)), []).append(value)
        positional, named = keras_node.map_arguments(stacks)
        return layer(*positional, **named)

    return Call(
        layer=layer,
        inputs=tuple(keras_node.keras_inputs),
        output=leaves(keras_node.outputs)[0],
        options=keras_node.call_kwargs or {},
        again=again,
    )


def _call_of_keras3(keras_node: Keras3Node) -> Call:
    layer = keras_node.operation

    def again(*values: Tensor) -> Tensor:
        fed = {id(t): v for t, v in zip(keras_node.input_tensors, values, strict=True)}
        positional, named = keras_node.arguments.fill_in(fed)
        return layer(*positional, **named)

    return Call(
        layer=layer,
        inputs=tuple(keras_node.input_tensors),
        output=keras_node.output_tensors[0],
        options=keras_node.arguments.kwargs if not keras_node.is_input else {},
        again=again,
    )


def _chained(name: str, inputs: tuple[str, ...], nodes: Sequence[Node]) -> list[Node]:
    """Name the ``nodes`` of one layer and let each feed the next; the last has the layer's name."""
    result: list[Node] = []
    for index, node in enumerate(nodes):
        last = index == len(nodes) - 1
        result.append(
            Node(
                name=name if last else f"{name}/{node.kind}",
                kind=node.kind,
                inputs=inputs if index == 0 else (result[-1].name,),
                weights=node.weights,
                options=node.options,
            )
        )
    return result
