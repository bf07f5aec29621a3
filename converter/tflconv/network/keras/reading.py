"""Reads a Keras 2 or Keras 3 model into a ``Network``.

Layers are known by the names of their classes, which both Kerases share. A layer that is not known
here, or is used in an unusual way, stays in the network as an ``opaque`` node that calls the layer
itself: passes leave it alone, and everything around it is still improved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflconv.errors import TflconvError
from tflconv.network.keras.layers import READERS, Call, opaque
from tflconv.network.nodes import Network, Node


def read(model: Any) -> Network:
    """The network of a functional or sequential Keras ``model`` with one output.

    Raises ``TflconvError`` for a model whose layers are not known to Keras as a graph (a subclass
    of ``Model`` with its own ``call``) or that has several outputs.
    """
    if not getattr(_functional(model), "_nodes_by_depth", None):
        raise TflconvError(
            f"the layers of {getattr(model, 'name', 'the model')} are not visible: it computes in a"
            " function of its own.",
            hint="Only Keras files with functional or sequential models can be optimized.",
        )
    reader = _Reader()
    reader.read(_functional(model))
    outputs = [reader.names[id(tensor)] for tensor in _flat(_functional(model).outputs)]
    if len(outputs) != 1:
        raise TflconvError(f"{model.name} has {len(outputs)} outputs; graph passes expect one.")
    return Network(name=model.name, nodes=reader.nodes, output=outputs[0])


class _Reader:
    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.names: dict[int, str] = {}

    def read(self, model: Any) -> None:
        """Add the nodes of ``model``, deepest (nearest to the input) first."""
        for depth in sorted(model._nodes_by_depth, reverse=True):
            for keras_node in model._nodes_by_depth[depth]:
                self._read_call(_call(keras_node))

    def _read_call(self, call: Call) -> None:
        inner = _functional(call.layer)
        if getattr(inner, "_nodes_by_depth", None):
            self._read_nested(inner, call)
            return
        if call.kind == "InputLayer":
            if id(call.output) not in self.names:
                shape = tuple(call.output.shape)[1:]
                if None in shape:
                    raise TflconvError(
                        f"input '{call.layer.name}' has no fixed shape. Received: {list(shape)}.",
                        hint="Graph passes need one; build the model with it.",
                    )
                node = Node(name=self._free(call), kind="input", options={"shape": shape})
                self._add(call, [node])
            return
        inputs = tuple(self.names[id(tensor)] for tensor in call.inputs)
        reader = READERS.get(call.kind)
        nodes = None if reader is None else reader(call)
        self._add(call, _chained(self._free(call), inputs, nodes or [opaque(call)]))

    def _read_nested(self, inner: Any, call: Call) -> None:
        for tensor, source in zip(_flat(inner.inputs), call.inputs, strict=True):
            self.names[id(tensor)] = self.names[id(source)]
        self.read(inner)
        outputs = _flat(inner.outputs)
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


def _functional(model: Any) -> Any:
    """The functional model inside a Keras 3 ``Sequential``; any other model itself."""
    return getattr(model, "_functional", None) or model


def _call(keras_node: Any) -> Call:
    if hasattr(keras_node, "operation"):
        return _call_of_keras3(keras_node)
    layer = keras_node.layer

    def again(*values: Any) -> Any:
        pairs = zip(keras_node.keras_inputs, values, strict=True)
        stacks: dict[str, list[Any]] = {}
        for tensor, value in pairs:
            stacks.setdefault(str(id(tensor)), []).append(value)
        positional, named = keras_node.map_arguments(stacks)
        return layer(*positional, **named)

    return Call(
        layer=layer,
        inputs=tuple(keras_node.keras_inputs),
        output=_flat(keras_node.outputs)[0],
        options=keras_node.call_kwargs or {},
        again=again,
    )


def _call_of_keras3(keras_node: Any) -> Call:
    layer = keras_node.operation

    def again(*values: Any) -> Any:
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


def _flat(structure: Any) -> list[Any]:
    if isinstance(structure, Mapping):
        return [leaf for value in structure.values() for leaf in _flat(value)]
    if isinstance(structure, (list, tuple)):
        return [leaf for value in structure for leaf in _flat(value)]
    return [structure]
