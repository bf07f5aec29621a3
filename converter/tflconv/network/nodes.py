"""A trained network as plain data: layers with their weights as arrays, ready to be rewritten.

Models are awkward to rewrite: layers of Keras own their variables, and every exporter spells
operators in its own way. So a model is read once, from Keras (``keras/reader``) or from a float
``.tflite`` file (``tflite/reader``), into a ``Network`` of ``Node`` values. Passes turn one network
into another (``passes``), and one interpreter runs the result (``keras/execution``). All values are
immutable, so a pass cannot change the network it is given.

Kinds of nodes, with ``n`` tokens or ``h, w`` pixels before the channels ``c``:

========== ========================================================================================
input      ``shape`` without batch; ``dtype``, where it takes integers
conv       ``kernel [kh, kw, in, out]``, ``bias [out]``; ``strides``, ``padding``, ``dilation``
depthwise  ``kernel [kh, kw, c, m]``, ``bias``; ``strides``, ``padding``, ``dilation``
dense      ``kernel [in, out]``, ``bias [out]`` over the last axis
affine     ``x * scale + shift``, broadcast: BatchNormalization, rescaling, position embeddings
layer_norm ``gamma``, ``beta``; ``epsilon``, over the last axis; ``center`` False makes it RMSNorm
activation ``function``: a name of ``execution.ACTIVATIONS``
attention  inputs query, value, key; ``query_kernel [c, heads, size]`` and so on; ``scale``,
           ``function`` (softmax or relu, the latter divided by the tokens)
matmul     two inputs; ``transpose_right``
add, mul   two inputs or more
concat     ``axis``
mean       ``axes``, ``keep``
pool       ``function`` (max or average), ``size``, ``strides``, ``padding``
pad        ``borders`` ``((top, bottom), (left, right))``, of tokens ``((front, back),)``
patches    ``size``: the pixels of each patch as channels, row by row
reshape    ``shape`` without batch
transpose  ``axes`` in their new order, the batch first
token      the tokens with the learned ``token [1, c]`` before them
crop       the tokens from ``begin`` to ``end``
identity   what training needed and inference does not
opaque     any other layer, called as it is: ``call``; ``shape`` of its output, without batch;
           ``learns``, whether it has weights to train; ``moves``, whether its values have the
           range of those that it takes
operator   any other operator of a file: ``operator`` with its index in the file, its ``constants``
           by place, the ``shapes`` of its other inputs; output at ``place``, of ``shape``
========== ========================================================================================

``conv``, ``depthwise``, ``dense`` and ``add`` may carry an ``activation`` fused to their output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from numpy.typing import NDArray

from tflconv.core.typing import Shape, Tensor
from tflconv.errors import TflconvError
from tflconv.tflite.contents import Operator

if TYPE_CHECKING:
    from typing_extensions import Unpack

Array = NDArray[np.float32]


class CannotRewrite(TflconvError):  # noqa: N818 - says what cannot be done
    """A graph that is no network of such nodes; it can be converted as it came."""


LINEAR = ("conv", "depthwise", "dense")
"""Kinds that multiply by a kernel and add a bias."""


class NodeOptions(TypedDict, total=False):
    """Options of a node; the table above says which kind has which."""

    shape: Shape
    dtype: str
    function: str
    activation: str | None
    strides: tuple[int, int]
    padding: str
    dilation: tuple[int, int]
    size: tuple[int, int]
    borders: tuple[tuple[int, int], ...]
    axis: int
    axes: tuple[int, ...]
    keep: bool
    begin: int
    end: int
    epsilon: float
    center: bool
    scale: float
    transpose_right: bool
    symmetric: bool
    averages: bool
    call: Callable[..., Tensor]
    layer: str
    learns: bool
    moves: bool
    operator: Operator
    constants: Mapping[int, NDArray[np.generic]]
    shapes: tuple[Shape, ...]
    place: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Node:
    """One operation.

    Attributes:
        name: Unique in its network.
        kind: One of the table above.
        inputs: Names of the nodes whose outputs it takes.
        weights: Arrays by their names in the table above.
        options: Options by their names in the table above.
    """

    name: str
    kind: str
    inputs: tuple[str, ...] = ()
    weights: Mapping[str, Array] = field(default_factory=dict)
    options: NodeOptions = field(default_factory=NodeOptions)

    def with_weights(self, **weights: Array) -> Node:
        """Return this node with these weights replaced or added."""
        cast = {key: np.asarray(value, np.float32) for key, value in weights.items()}
        return replace(self, weights={**self.weights, **cast})

    def with_options(self, **options: Unpack[NodeOptions]) -> Node:
        """Return this node with these options replaced or added."""
        return replace(self, options={**self.options, **options})


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """Nodes in the order of execution.

    Attributes:
        name: What it is called in messages.
        nodes: Nodes by name.
        outputs: Names of the nodes whose outputs are those of the network, in their order.
        output_names: What files call these outputs.
    """

    name: str
    nodes: Mapping[str, Node]
    outputs: tuple[str, ...]
    output_names: tuple[str, ...] = ("logits",)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def __getitem__(self, name: str) -> Node:
        return self.nodes[name]

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The nodes of kind ``input``."""
        return tuple(node for node in self if node.kind == "input")

    @property
    def output(self) -> str:
        """The node whose output is that of a network with only one."""
        (name,) = self.outputs
        return name

    @property
    def takes_batches(self) -> bool:
        """Whether it can compute several samples at once; operators of files are made for one."""
        return not self.of_kind("operator")

    def names_of_kind(self, kind: str) -> list[str]:
        """Return the names of all nodes of ``kind``, for passes that rewrite one after another."""
        return [node.name for node in self if node.kind == kind]

    def of_kind(self, *kinds: str) -> list[Node]:
        """Return all nodes of these ``kinds``, in the order of execution."""
        return [node for node in self if node.kind in kinds]

    def consumers(self, name: str) -> list[Node]:
        """Return the nodes that take the output of the node called ``name``."""
        return [node for node in self if name in node.inputs]

    def only_consumer(self, name: str) -> Node | None:
        """Return the consumer of the node called ``name``.

        Returns:
            The node; None if there are several or none, or if the network returns its output.
        """
        consumers = self.consumers(name)
        return consumers[0] if len(consumers) == 1 and name not in self.outputs else None

    def replacing(self, name: str, *nodes: Node) -> Network:
        """Return the network with ``nodes`` in the place of the node called ``name``.

        Args:
            name: The node to replace.
            nodes: Its replacement; consumers take the output of the last of them.
        """
        result: dict[str, Node] = {}
        renamed = self._renamed(name, nodes[-1].name)
        for node in renamed:
            for new in nodes if node.name == name else (node,):
                result[new.name] = new
        return replace(renamed, nodes=result)

    def updating(self, *nodes: Node) -> Network:
        """Return the network with ``nodes`` in the places of the nodes of the same names."""
        return replace(self, nodes={**self.nodes, **{node.name: node for node in nodes}})

    def without(self, name: str) -> Network:
        """Return the network without the node called ``name``, which has one input.

        Its consumers take that input instead.
        """
        (source,) = self[name].inputs
        kept = {node.name: node for node in self if node.name != name}
        return replace(self, nodes=kept)._renamed(name, source)

    def _renamed(self, old: str, new: str) -> Network:
        def point(node: Node) -> Node:
            if old == new or old not in node.inputs:
                return node
            return replace(node, inputs=tuple(new if i == old else i for i in node.inputs))

        nodes = {node.name: point(node) for node in self}
        outputs = tuple(new if name == old else name for name in self.outputs)
        return replace(self, nodes=nodes, outputs=outputs)


Pass = Callable[[Network], Network]
"""Returns a network with equal outputs; the network itself where it does not apply."""
