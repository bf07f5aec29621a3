"""Lower a network that was read from a file, with operators that only the file can say.

The known parts are lowered by TensorFlow, with a cut around each other operator: what it makes is
an input, what it reads is an output. Then it is put back as it came (``tflite.splicing``). Inputs
and outputs have the shapes and types of the file.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tflconv.conversion import tracing
from tflconv.core.tensorflow import tf
from tflconv.core.typing import Tensor
from tflconv.network.keras import execution, operators
from tflconv.network.nodes import CannotRewrite, Network, Node
from tflconv.tflite import editing, packing
from tflconv.tflite.contents import TfliteModel, TfliteTensor
from tflconv.tflite.naming import Names
from tflconv.tflite.splicing import Splice, splice

_TYPES = ("float32", "int32", "int64", "uint8", "int8", "bool")
"""Types of values that a cut can go through."""


class Cut:
    """A network without what only its file can say.

    Args:
        network: The network, after its passes.
        file: The file that it was read from.

    Raises:
        CannotRewrite: A value between the two has a type that TensorFlow does not take.
    """

    def __init__(self, network: Network, file: TfliteModel) -> None:
        self._network, self._file = network, file
        self._tensors = file.main.tensors
        self._foreign = [node for node in network.of_kind("operator") if not self._is_known(node)]
        self._made = {node.name: _made(node) for node in self._foreign}
        self._taken = dict(self._read())
        for tensor in (*self._made.values(), *self._taken):
            if tensor >= len(self._tensors) or self._tensors[tensor].dtype not in _TYPES:
                raise CannotRewrite(f"{network.name} cannot be rewritten: a type between operators")

    @property
    def is_needed(self) -> bool:
        """Whether the network lowered as a whole would be another one than that of the file."""
        ends = (*self._file.main.inputs, *self._file.main.outputs)
        kept = [self._tensors[t] for t in self._file.main.outputs]
        open_sides = any(self._tensors[t].shape[:1] != (1,) for t in ends)
        return bool(self._foreign) or open_sides or any(t.dtype != "float32" for t in kept)

    def lower(self, content: bytes) -> bytes:
        """Return the float file of the network, with the operators that only its file can say.

        Args:
            content: The bytes of the file that it was read from.
        """
        names = [node.name for node in self._network.inputs]
        lowered = packing.unpack(tracing.lower(self._graph()))
        graph, free = lowered.subgraphs[0], Names(lowered).free
        for name, tensor in zip((*names, *self._made), graph.inputs, strict=True):
            graph.tensors[int(tensor)].name = free(name).encode()
        splice(lowered, packing.unpack(content), self._parts())
        editing.sign(lowered, names, self._network.output_names)
        editing.drop_unused_tensors(lowered)
        return packing.pack(lowered)

    def _is_known(self, node: Node) -> bool:
        """Whether TensorFlow computes it; numbers are floats on their way through a network."""
        operator = node.options["operator"]
        read = () if operator.name == "CAST" else self._varying(node)
        named = [t for t in (*read, *operator.outputs) if t < len(self._tensors)]
        floats = all(self._tensors[tensor].dtype == "float32" for tensor in named)
        return floats and operators.knows(operator.name)

    def _varying(self, node: Node) -> list[int]:
        """Tensors of the inputs of ``node`` in the file, in their order."""
        known = node.options["constants"]
        named = [t for i, t in enumerate(node.options["operator"].inputs) if i not in known]
        kept = {tensor.index for tensor in self._tensors if tensor.variable}
        return [tensor for tensor in named if tensor >= 0 and tensor not in kept]

    def _read(self) -> Iterator[tuple[int, str]]:
        """What they read of the known parts: the tensor, and the node that computes it."""
        own = {*self._made.values(), *self._file.main.inputs}
        for node in self._foreign:
            for tensor, name in zip(self._varying(node), node.inputs, strict=True):
                if tensor not in own:
                    yield tensor, name

    def _direct(self) -> list[int | None]:
        """The tensor of each output that one of them makes; None for another."""
        ends = zip(self._network.outputs, self._file.main.outputs, strict=True)
        return [
            self._made[name]
            if name in self._made and _alike(self._tensors[self._made[name]], self._tensors[end])
            else None
            for name, end in ends
        ]

    def _computed(self) -> list[tuple[str, TfliteTensor]]:
        """The outputs of the known parts: the node, and what it is in the file."""
        ends = zip(self._network.outputs, self._file.main.outputs, self._direct(), strict=True)
        left = [(name, tensor) for name, tensor, direct in ends if direct is None]
        left += [(name, tensor) for tensor, name in self._taken.items()]
        return [(name, self._tensors[tensor]) for name, tensor in left]

    def _parts(self) -> Splice:
        return Splice(
            operators=tuple(dict.fromkeys(n.options["operator"].index for n in self._foreign)),
            inputs=tuple(self._file.main.inputs),
            made=tuple(self._made.values()),
            taken=tuple(self._taken),
            outputs=tuple(self._direct()),
            constants=dict(self._folded()),
        )

    def _folded(self) -> Iterator[tuple[int, NDArray[np.generic]]]:
        """Constants that they read and that operators of the file compute of constants."""
        for node in self._foreign:
            for place, values in node.options["constants"].items():
                tensor = self._tensors[node.options["operator"].inputs[place]]
                if not tensor.data:
                    yield tensor.index, np.asarray(values, tensor.dtype).reshape(tensor.shape)

    def _graph(self) -> tracing.FrozenGraph:
        fed = [self._tensors[t] for t in (*self._file.main.inputs, *self._made.values())]
        specs = [
            tf.TensorSpec(tensor.shape, tensor.dtype, name=f"input_{place}")
            for place, tensor in enumerate(fed)
        ]
        function = tracing.freeze_function(self._call, specs)
        names = tuple(f"output_{place}" for place in range(len(self._computed())))
        inputs = tuple(f"input_{place}" for place in range(len(fed)))
        return tracing.FrozenGraph(
            function=function,
            inputs=inputs,
            outputs=names,
            layers=tuple(self._network.nodes),
            ends=tuple(name for name, _ in self._computed()),
        )

    def _call(self, *values: Tensor) -> list[Tensor]:
        nodes = [*self._network.inputs, *self._foreign]
        given = {
            node.name: tf.reshape(value, (1, *node.options["shape"]))
            for node, value in zip(nodes, values, strict=True)
        }
        computed = execution.values(self._network, given)
        return [
            tf.identity(tf.cast(tf.reshape(computed[name], tensor.shape), tensor.dtype))
            for name, tensor in self._computed()
        ]


def _made(node: Node) -> int:
    """The tensor that ``node`` makes in its file."""
    return node.options["operator"].outputs[node.options["place"]]


def _alike(first: TfliteTensor, second: TfliteTensor) -> bool:
    return (first.shape, first.dtype) == (second.shape, second.dtype)
