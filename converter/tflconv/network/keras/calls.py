"""One use of a layer in a model, of Keras 2 and Keras 3 alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tflconv.core.tensorflow import tf
from tflconv.core.typing import Keras2Node, Keras3Node, KerasLayer, KerasTensor, Shape, Tensor
from tflconv.model.inference import called
from tflconv.network.nodes import Node

if TYPE_CHECKING:
    from typing_extensions import TypeIs


@dataclass(frozen=True, kw_only=True)
class Call:
    """One use of a layer.

    Attributes:
        layer: The layer.
        inputs: The values that it takes.
        outputs: The values that it returns.
        keys: Keys of its inputs, where they are given as a dictionary.
        options: Other arguments of the use; those without a name as ``argument 1`` and so on.
        again: Calls the layer in the same way with other tensors, as at inference.
    """

    layer: KerasLayer
    inputs: tuple[KerasTensor, ...]
    outputs: tuple[KerasTensor, ...]
    options: Mapping[str, object]
    keys: frozenset[str] | None = None
    again: Callable[..., Tensor]

    @property
    def output(self) -> KerasTensor:
        """The first value that it returns."""
        return self.outputs[0]

    @property
    def kind(self) -> str:
        """Name of the layer's class, or of the function that it is, for messages."""
        return str(getattr(self.layer, "__name__", type(self.layer).__name__))

    @property
    def rank(self) -> int:
        """Dimensions of the output, with batch."""
        return len(self.output.shape)

    @property
    def given(self) -> frozenset[str]:
        """Names of the options that say something."""
        return frozenset(
            name for name, value in self.options.items() if value is not None and value is not False
        )


Nodes = Callable[[Call], "list[Node] | None"]
"""Returns the nodes of one use of a layer; None if the way it is used is not known."""


@dataclass(frozen=True, kw_only=True)
class Reader:
    """What is known about a class of layers.

    Attributes:
        read: Returns the nodes of one use.
        settings: Settings of the layer that it accounts for.
        options: Arguments of the use that it accounts for.
    """

    read: Nodes
    settings: frozenset[str] = frozenset()
    options: frozenset[str] = frozenset()


def sides(tensor: KerasTensor) -> Shape:
    """Return the shape of ``tensor`` without batch; unknown sides are -1."""
    return tuple(-1 if side is None else int(side) for side in tuple(tensor.shape)[1:])


def call_of(keras_node: Keras2Node | Keras3Node) -> Call:
    """Return the use of a layer that ``keras_node`` stands for."""
    return _of_keras3(keras_node) if _is_keras3(keras_node) else _of_keras2(keras_node)


def _is_keras3(keras_node: Keras2Node | Keras3Node) -> TypeIs[Keras3Node]:
    return hasattr(keras_node, "operation")


def _of_keras2(keras_node: Keras2Node) -> Call:
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
        outputs=tuple(tf.nest.flatten(keras_node.outputs)),
        options={**_numbered(keras_node.call_args or ()), **(keras_node.call_kwargs or {})},
        keys=_keys(keras_node.call_args or ()),
        again=called(layer, again),
    )


def _of_keras3(keras_node: Keras3Node) -> Call:
    layer = keras_node.operation

    def again(*values: Tensor) -> Tensor:
        fed = {id(t): v for t, v in zip(keras_node.input_tensors, values, strict=True)}
        positional, named = keras_node.arguments.fill_in(fed)
        if "training" in named:  # Keras 3 lets the model decide; Keras 2 lets the layer
            named = {**named, "training": False}
        return layer(*positional, **named)

    options: dict[str, object] = {}
    keys: frozenset[str] | None = None
    if not keras_node.is_input:
        arguments = keras_node.arguments
        options = {**_numbered(arguments.args), **arguments.kwargs}
        options.pop("training", None)
        keys = _keys(arguments.args)
    return Call(
        layer=layer,
        inputs=tuple(keras_node.input_tensors),
        outputs=tuple(keras_node.output_tensors),
        options=options,
        keys=keys,
        again=called(layer, again),
    )


def _keys(positional: Sequence[object]) -> frozenset[str] | None:
    first = positional[0] if positional else None
    return frozenset(first) if isinstance(first, Mapping) else None


def _numbered(positional: Iterable[object]) -> dict[str, object]:
    """The arguments without a name, but the first, which holds the inputs."""
    return {f"argument {place}": value for place, value in enumerate(positional) if place > 0}
