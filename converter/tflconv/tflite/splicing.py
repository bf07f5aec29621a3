"""Put operators of one file into another, as they are.

What a rewritten graph has no words for is left out of it while it is lowered: what those operators
made is an input there, and what they read is an output. Here they come back, byte for byte, with
their constants and the graphs that they call, and these inputs and outputs go.
"""

from __future__ import annotations

import copy
import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from numpy.typing import NDArray

from tflconv.tflite import editing

_Options = TypeVar("_Options")

_CALLED = ("SubgraphIndex", "subgraph")
"""How the options end that name a graph."""


@dataclass(frozen=True, kw_only=True)
class Splice:
    """What is put back, by the numbers of tensors in the file that it comes from.

    Attributes:
        operators: Positions of the operators in the main graph.
        inputs: The inputs of that file; they are the first of the lowered one.
        made: What the operators made, which are the other inputs of the lowered file.
        taken: What they read, which are the last outputs of the lowered file.
        outputs: For each output that the file shall have, the tensor, if an operator makes it; None
            if it is the next output of the lowered file.
        constants: Values that they read, and that were no constants in their file.
    """

    operators: tuple[int, ...]
    inputs: tuple[int, ...]
    made: tuple[int, ...]
    taken: tuple[int, ...]
    outputs: tuple[int | None, ...]
    constants: Mapping[int, NDArray[np.generic]] = field(default_factory=dict)


def splice(lowered: fb.ModelT, origin: fb.ModelT, parts: Splice) -> None:
    """Put operators of ``origin`` into the main graph of ``lowered``.

    Args:
        lowered: The file without them.
        origin: The file that they come from; it is not changed.
        parts: What is put where.
    """
    graph, count = lowered.subgraphs[0], parts.outputs.count(None)
    inputs, outputs = [int(i) for i in graph.inputs], [int(i) for i in graph.outputs]
    computed, taken = iter(outputs[:count]), outputs[count:]
    fed = (*parts.inputs, *parts.made)
    places = dict(zip((*fed, *parts.taken), (*inputs, *taken), strict=True))
    mover = _Mover(lowered, origin)
    mover.fold(parts.constants, places)
    new = [mover.operator(origin.subgraphs[0].operators[i], places) for i in parts.operators]
    graph.inputs = inputs[: len(parts.inputs)]
    graph.outputs = [next(computed) if t is None else places[t] for t in parts.outputs]
    graph.operators = _sorted([*new, *graph.operators])


class _Mover:
    """Copies operators with all that they name."""

    def __init__(self, target: fb.ModelT, origin: fb.ModelT) -> None:
        self.target, self.origin = target, origin
        self.graphs: dict[int, int] = {}
        self.buffers: dict[int, int] = {0: 0}
        self.names = {tensor.name for graph in target.subgraphs for tensor in graph.tensors}

    def fold(self, constants: Mapping[int, NDArray[np.generic]], places: dict[int, int]) -> None:
        """Store ``constants`` under the numbers of their tensors."""
        for tensor, values in constants.items():
            twin = self._twin(self.origin.subgraphs[0].tensors[tensor])
            twin.buffer = editing.add_buffer(self.target, np.asarray(values))
            places[tensor] = editing.add_tensor(self.target.subgraphs[0], twin)

    def operator(self, original: fb.OperatorT, places: dict[int, int]) -> fb.OperatorT:
        """A copy of ``original`` in the main graph; ``places`` says where its tensors are."""
        return self._copied(original, self.origin.subgraphs[0], self.target.subgraphs[0], places)

    def _copied(
        self, original: fb.OperatorT, source: fb.SubGraphT, target: fb.SubGraphT,
        places: dict[int, int],
    ) -> fb.OperatorT:  # fmt: skip
        made = copy.copy(original)
        made.opcodeIndex = self._code(self.origin.operatorCodes[original.opcodeIndex])
        made.builtinOptions = self._options(original.builtinOptions)
        made.builtinOptions2 = self._options(original.builtinOptions2)
        for ends in ("inputs", "outputs", "intermediates"):
            if getattr(original, ends) is not None:
                tensors = [int(tensor) for tensor in getattr(original, ends)]
                for tensor in sorted(set(tensors) - places.keys() - {-1}):
                    places[tensor] = editing.add_tensor(target, self._twin(source.tensors[tensor]))
                setattr(made, ends, [places.get(tensor, -1) for tensor in tensors])
        return made

    def _twin(self, tensor: fb.TensorT) -> fb.TensorT:
        twin = copy.copy(tensor)
        twin.buffer = self._buffer(int(tensor.buffer))
        while twin.name in self.names:
            twin.name = editing.suffixed(twin.name, "/kept")
        self.names.add(twin.name)
        return twin

    def _buffer(self, index: int) -> int:
        if index not in self.buffers:
            self.target.buffers.append(self.origin.buffers[index])
            self.buffers[index] = len(self.target.buffers) - 1
        return self.buffers[index]

    def _code(self, code: fb.OperatorCodeT) -> int:
        known = self.target.operatorCodes
        for index, one in enumerate(known):
            if vars(one) == vars(code):
                return index
        known.append(code)
        return len(known) - 1

    def _options(self, options: _Options) -> _Options:
        """A copy of ``options`` that names the copies of the graphs which they name."""
        made = copy.copy(options)
        for key, value in vars(made).items() if made is not None else ():
            if key.endswith(_CALLED):
                setattr(made, key, self._graph(value) if value >= 0 else value)
            elif key.endswith("SubgraphIndices"):
                setattr(made, key, [self._graph(index) for index in value])
        return made

    def _graph(self, index: int) -> int:
        if index not in self.graphs:
            source = self.origin.subgraphs[index]
            made = copy.copy(source)
            self.target.subgraphs.append(made)
            self.graphs[index] = len(self.target.subgraphs) - 1
            made.tensors = [self._twin(tensor) for tensor in source.tensors]
            same = {place: place for place in range(len(source.tensors))}
            made.operators = [self._copied(o, source, made, same) for o in source.operators]
        return self.graphs[index]


def _sorted(operators: Sequence[fb.OperatorT]) -> list[fb.OperatorT]:
    """``operators`` in an order of execution, each as early as it may be, else as they are."""
    made = {int(tensor): place for place, o in enumerate(operators) for tensor in o.outputs}
    needs = [{made[t] for t in map(int, o.inputs) if t in made} for o in operators]
    readers: dict[int, list[int]] = {}
    for place, makers in enumerate(needs):
        for maker in makers:
            readers.setdefault(maker, []).append(place)
    return [operators[place] for place in _ordered(needs, readers)]


def _ordered(needs: list[set[int]], readers: Mapping[int, Sequence[int]]) -> Iterator[int]:
    ready = [place for place, makers in enumerate(needs) if not makers]
    while ready:
        place = heapq.heappop(ready)
        yield place
        for reader in readers.get(place, ()):
            needs[reader].discard(place)
            if not needs[reader]:
                heapq.heappush(ready, reader)
