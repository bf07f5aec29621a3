"""The graph of a float ``.tflite`` file as its readers see it: constants folded, ends known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from tflconv.core.typing import Shape
from tflconv.network.nodes import CannotRewrite, Node
from tflconv.tflite import arithmetic
from tflconv.tflite.arithmetic import Values
from tflconv.tflite.contents import Operator, TfliteModel, TfliteTensor


class MainGraph:
    """The main graph of a file, and what of it is constant.

    Args:
        model: A float file.

    Attributes:
        constants: Values of the constants, and of what operators compute of constants only.
        operators: The other operators, in the order of execution.
        origins: Position in the file of each operator, by its index here.
        producers: The operator that computes a tensor, by the index of the tensor.
        inputs: Indices of the inputs.
        outputs: Indices of the outputs.

    Raises:
        CannotRewrite: The file has what a network has no word for.
    """

    def __init__(self, model: TfliteModel) -> None:
        self.name = model.path.stem
        graph = model.main
        self.inputs, self.outputs = graph.inputs, graph.outputs
        self._tensors = list(graph.tensors)
        self.constants = {t.index: self._constant(t) for t in graph.tensors if t.data}
        self._kept = {tensor.index for tensor in graph.tensors if tensor.variable}
        steps = [step for operator in graph.operators for step in self._steps(operator)]
        self.origins = [step.index for step in steps]
        numbered = [replace(step, index=place) for place, step in enumerate(steps)]
        self.operators = [operator for operator in numbered if not self._fold(operator)]
        self.producers = {t: operator for operator in self.operators for t in operator.outputs}
        self._consumers: dict[int, list[Operator]] = {}
        for operator in self.operators:
            for tensor in dict.fromkeys(operator.inputs):
                self._consumers.setdefault(tensor, []).append(operator)

    def shape(self, tensor: int) -> Shape:
        """Return the shape of ``tensor``, with batch."""
        return self._tensors[tensor].shape

    def dtype(self, tensor: int) -> str:
        """Return the type of the values of ``tensor``."""
        return self._tensors[tensor].dtype

    def title(self, tensor: int) -> str:
        """Return the name of ``tensor``, or a word for one without."""
        return self._tensors[tensor].name or f"tensor_{tensor}"

    def consumers(self, tensor: int) -> list[Operator]:
        """Return the operators that read ``tensor``."""
        return self._consumers.get(tensor, [])

    def only_consumer(self, tensor: int) -> Operator | None:
        """Return the operator that reads ``tensor``; None if several do, none, or the caller."""
        consumers = self.consumers(tensor)
        return consumers[0] if len(consumers) == 1 and tensor not in self.outputs else None

    def varying(self, operator: Operator) -> list[int]:
        """Return the inputs of ``operator`` that are computed, in their order.

        Those are no constants, and nothing that it keeps itself between runs.
        """
        known = self.constants.keys() | self._kept
        return [t for t in operator.inputs if t >= 0 and t not in known]

    def scalar(self, operator: Operator) -> float | None:
        """Return the one number that ``operator`` takes beside one varying input, if it does."""
        fixed = [self.constants[t] for t in operator.inputs if t in self.constants]
        alone = len(operator.inputs) == 2 and len(fixed) == 1 and fixed[0].size == 1
        return float(fixed[0].ravel()[0]) if alone else None

    def compute(
        self, operators: Iterable[Operator], given: Mapping[int, Values]
    ) -> dict[int, Values]:
        """Return ``given`` and all that ``operators`` compute of it, in their order.

        Args:
            operators: Operators that ``arithmetic`` knows.
            given: Values of the tensors that no constant and none of the operators gives.
        """
        values = dict(given)
        for operator in operators:
            inputs = [
                self.constants[t] if t in self.constants else values[t] for t in operator.inputs
            ]
            shapes = [self.shape(t) for t in operator.outputs]
            values.update(
                zip(operator.outputs, arithmetic.compute(operator, inputs, shapes), strict=True)
            )
        return values

    def _constant(self, tensor: TfliteTensor) -> Values:
        try:
            return arithmetic.constant(tensor)
        except ValueError as error:
            raise unreadable(self.name, str(error)) from error

    def _steps(self, operator: Operator) -> Iterator[Operator]:
        """Yield ``operator``, and the activation that is fused into it as one of its own."""
        if operator.activation is None or operator.name not in _CLIPPING:
            yield operator
            return
        (output,) = operator.outputs
        between = replace(self._tensors[output], index=len(self._tensors))
        self._tensors.append(between)
        yield replace(operator, outputs=(between.index,), options={**operator.options, _FUSED: 0})
        yield Operator(
            index=operator.index,
            name=operator.activation,
            inputs=(between.index,),
            outputs=(output,),
        )

    def _fold(self, operator: Operator) -> bool:
        """Whether ``operator`` has the same result for every input, which is kept."""
        counts = operator.name == "SHAPE"
        fixed = all(t in self.constants for t in operator.inputs)
        if not arithmetic.knows(operator) or not (fixed or counts):
            return False
        inputs = [np.zeros(self.shape(t)) if counts else self.constants[t] for t in operator.inputs]
        shapes = [self.shape(t) for t in operator.outputs]
        self.constants.update(
            zip(operator.outputs, arithmetic.compute(operator, inputs, shapes), strict=True)
        )
        return True


_FUSED = "fusedActivationFunction"
_CLIPPING = (
    "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DIV",
    "FULLY_CONNECTED", "MAX_POOL_2D", "MUL", "SUB", "TRANSPOSE_CONV",
)  # fmt: skip
"""Operators that apply the activation to their result, unlike an LSTM, which does to its gates."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Region:
    """Operators that together compute what one node does.

    Attributes:
        node: The node, without name and inputs.
        inputs: Tensors that it takes.
        output: The tensor that it returns.
        operators: Positions of the operators.
    """

    node: Node
    inputs: tuple[int, ...]
    output: int
    operators: frozenset[int]


def between(graph: MainGraph, sources: Collection[int], output: int) -> list[Operator] | None:
    """Return the calculating operators that make ``output`` of ``sources`` and constants only.

    Returns:
        The operators in the order of execution; None if anything else goes in, or if what they
        compute on the way is read elsewhere.
    """
    inside: dict[int, Operator] = {}
    waiting = [output]
    while waiting:
        tensor = waiting.pop()
        if tensor in sources or tensor in graph.constants:
            continue
        operator = graph.producers.get(tensor)
        if operator is None or not arithmetic.knows(operator) or len(inside) > _LARGEST:
            return None
        if operator.index not in inside:
            inside[operator.index] = operator
            waiting.extend(graph.varying(operator))
    if not inside or not is_closed(graph, inside.values(), output):
        return None
    return [inside[index] for index in sorted(inside)]


_LARGEST = 40
"""Operators of the longest spelling of a single node."""


def is_closed(graph: MainGraph, operators: Iterable[Operator], output: int) -> bool:
    """Whether what ``operators`` compute, besides ``output``, is read by themselves only."""
    inside = {operator.index for operator in operators}
    made = {t for operator in operators for t in operator.outputs} - {output}
    return made.isdisjoint(graph.outputs) and all(
        reader.index in inside for tensor in made for reader in graph.consumers(tensor)
    )


def descendants(graph: MainGraph, tensor: int) -> Iterator[int]:
    """Yield what calculating operators make of ``tensor``, nearest first."""
    reached = {tensor}
    for operator in graph.operators:
        if arithmetic.knows(operator) and reached.intersection(operator.inputs):
            reached.update(operator.outputs)
            yield from operator.outputs


def unreadable(name: str, why: str) -> CannotRewrite:
    """Return the error for a file whose graph cannot be read as a network."""
    return CannotRewrite(f"{name} cannot be rewritten: {why}.")
