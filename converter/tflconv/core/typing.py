"""Types of the values that TensorFlow and Keras return: for signatures, there is nothing to run.

TensorFlow and Keras have no types of their own, and importing them costs seconds. So each Protocol
here names the part of one of their classes that we use; Keras 2 and Keras 3 both fit.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Shape: TypeAlias = tuple[int, ...]

Leaf = TypeVar("Leaf")

Nested: TypeAlias = Leaf | Sequence["Nested[Leaf]"] | Mapping[str, "Nested[Leaf]"]
"""One value, or any nesting of lists and dictionaries of values."""

Operand: TypeAlias = "Tensor | float | NDArray[np.float32]"
"""What can be added to a tensor, or multiplied with it."""

Index: TypeAlias = int | slice | tuple[int | slice | None, ...] | None


class ElementType(Protocol):
    """A type of values, such as ``tf.float32``."""

    @property
    def is_floating(self) -> bool:
        """Whether they are real numbers."""


class Tensor(Protocol):
    """A tensor or variable of TensorFlow with known sides, except perhaps the batch."""

    @property
    def shape(self) -> Sequence[int]:
        """Sides, with batch."""

    @property
    def dtype(self) -> ElementType:
        """The type of its values."""

    def numpy(self) -> NDArray[np.float32]:
        """The values, outside of a graph."""

    def __getitem__(self, index: Index) -> Tensor: ...
    def __add__(self, other: Operand) -> Tensor: ...
    def __sub__(self, other: Operand) -> Tensor: ...
    def __rsub__(self, other: Operand) -> Tensor: ...
    def __mul__(self, other: Operand) -> Tensor: ...
    def __rmul__(self, other: Operand) -> Tensor: ...
    def __truediv__(self, other: Operand) -> Tensor: ...
    def __neg__(self) -> Tensor: ...


class Variable(Tensor, Protocol):
    """A variable of TensorFlow: a tensor whose values can be set."""

    name: str

    def assign(self, value: Operand | NDArray[np.generic]) -> Tensor:
        """Set the values."""

    def assign_add(self, delta: Operand) -> Tensor:
        """Add to the values."""

    def ref(self) -> Hashable:
        """Return a key of dictionaries that stands for the variable."""


class KerasTensor(Protocol):
    """A value between two layers of a Keras model; unknown sides are None."""

    name: str
    _keras_history: tuple[KerasLayer, int, int]

    @property
    def shape(self) -> Sequence[int | None]:
        """Sides, with batch."""

    @property
    def dtype(self) -> object:
        """Type of the elements: its name, or an object with a name."""


class KerasLayer(Protocol):
    """A layer of Keras; what else it has depends on its class."""

    name: str
    _name: str

    def __call__(self, *inputs: object, **options: object) -> Tensor:
        """Compute the layer."""

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the layer's own class."""


class KerasModel(Protocol):
    """A model of Keras 2 or Keras 3 that has been built."""

    name: str
    inputs: Nested[KerasTensor]
    outputs: Nested[KerasTensor]
    weights: Sequence[Variable]

    layers: Sequence[KerasLayer]
    trainable_variables: Sequence[Variable]

    def __call__(self, inputs: object, *, training: bool | None = None) -> Nested[Tensor]:
        """Compute the outputs."""

    def get_weights(self) -> list[NDArray[np.float32]]:
        """Return a copy of the weights."""

    def set_weights(self, weights: Sequence[NDArray[np.generic]]) -> None:
        """Replace the weights."""

    def to_json(self) -> str:
        """Return the configuration of the model."""

    def save(self, filepath: str | PathLike[str]) -> None:
        """Write the model as a ``.keras`` file."""


class Keras2Model(KerasModel, Protocol):
    """A model of Keras 2 that can be trained."""

    def __call__(self, inputs: object, *, training: bool | None = None) -> Tensor:
        """Compute the only output."""

    def compile(self, optimizer: object, loss: object) -> None:
        """Prepare the model for training."""

    def train_on_batch(self, x: NDArray[np.float32], y: NDArray[np.int64]) -> float:
        """Train with one batch; return its loss."""


class FunctionalModel(KerasModel, Protocol):
    """A functional or sequential model of Keras, whose layers are visible."""

    _nodes_by_depth: Mapping[int, Sequence[Keras2Node | Keras3Node]]


class KerasOptimizer(Protocol):
    """An optimizer of Keras 2."""

    learning_rate: Variable
    variables: Sequence[Variable]

    def build(self, var_list: Sequence[Variable]) -> None:
        """Make the state that belongs to the variables."""

    def exclude_from_weight_decay(self, *, var_names: Sequence[str]) -> None:
        """Leave out variables whose names contain one of ``var_names``."""

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Tensor, Variable]]) -> object:
        """Make one step."""


class Keras2Node(Protocol):
    """One use of a layer in a Keras 2 model."""

    layer: KerasLayer
    keras_inputs: Sequence[KerasTensor]
    outputs: Nested[KerasTensor]
    call_args: Sequence[object] | None
    call_kwargs: Mapping[str, object] | None

    def map_arguments(
        self, tensors: Mapping[str, Sequence[Tensor]]
    ) -> tuple[Sequence[object], Mapping[str, object]]:
        """Return the arguments of the use with ``tensors`` in the place of its own."""


class Keras3Node(Protocol):
    """One use of a layer in a Keras 3 model."""

    operation: KerasLayer
    input_tensors: Sequence[KerasTensor]
    output_tensors: Sequence[KerasTensor]
    arguments: Keras3Arguments
    is_input: bool


class Keras3Arguments(Protocol):
    """The arguments of a use in a Keras 3 model."""

    args: Sequence[object]
    kwargs: Mapping[str, object]

    def fill_in(
        self, tensors: Mapping[int, Tensor]
    ) -> tuple[Sequence[object], Mapping[str, object]]:
        """Return the arguments of the use with ``tensors`` in the place of its own."""


class GraphNode(Protocol):
    """An operation in a graph of TensorFlow; ``input`` names those that it reads."""

    name: str
    op: str
    input: Sequence[str]


class GraphFunction(Protocol):
    """A function inside of a graph."""

    node_def: Sequence[GraphNode]


class GraphLibrary(Protocol):
    """The functions inside of a graph."""

    function: Sequence[GraphFunction]


class GraphDef(Protocol):
    """A graph of TensorFlow as data."""

    node: Sequence[GraphNode]
    library: GraphLibrary


class FunctionGraph(Protocol):
    """A graph of TensorFlow."""

    def as_graph_def(self) -> GraphDef:
        """Return it as data."""


class GraphType(Protocol):
    """The type of the elements of a value in a graph."""

    as_numpy_dtype: type[np.generic]


class Operation(Protocol):
    """An operation in a graph that is being built, with the values that it reads."""

    name: str
    type: str
    inputs: Sequence[GraphTensor]


class GraphTensor(Protocol):
    """A value in a graph; ``op`` is the operation that makes it."""

    op: Operation
    dtype: GraphType


class ConcreteFunction(Protocol):
    """A function of TensorFlow that was traced for inputs of fixed shapes."""

    graph: FunctionGraph
    inputs: Sequence[GraphTensor]
    outputs: Sequence[GraphTensor]

    def __call__(self, *inputs: Tensor) -> Nested[Tensor]:
        """Compute the outputs."""
