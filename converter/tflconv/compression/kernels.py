"""The kernels of a Keras model, of Keras 2 or 3: what pruning and clustering work on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tflconv.compression.structure import KernelStructure
from tflconv.core.tensorflow import keras2, keras3
from tflconv.core.typing import KerasModel, Variable
from tflconv.errors import TflconvError
from tflconv.model.opening import description_of, keras_model, remade
from tflconv.network.keras.opened import Opened
from tflconv.network.nodes import Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Kernel:
    """A kernel that is trained.

    Attributes:
        layer: Name of its layer, with those that it is inside of.
        variable: The variable of TensorFlow.
        depthwise: Whether it is a filter for each channel, which holds few weights.
    """

    layer: str
    variable: Variable
    depthwise: bool

    @property
    def channels(self) -> int:
        """Output channels: the last axis, and that before it of a filter for each channel."""
        *_, inputs, outputs = self.variable.shape
        return int(inputs * outputs if self.depthwise else outputs)

    @property
    def weights(self) -> Array:
        """The weights as they are now."""
        values: Array = self.variable.numpy()
        return values

    def set(self, weights: Array) -> None:
        """Replace the weights."""
        self.variable.assign(weights)


def kernels(model: KerasModel) -> list[Kernel]:
    """Return all kernels of ``model``, in the order of its layers.

    Raises:
        TflconvError: It has none that is trained.
    """
    held: Sequence[Any] = model.trainable_variables
    trainable, filters = [], _filters(model)
    for each in held:
        layer, _, name = str(getattr(each, "path", each.name)).rpartition("/")
        if "kernel" not in name or len(each.shape) < 2:
            continue
        variable = each if callable(getattr(each, "value", None)) else each.value
        depthwise = "depthwise" in name or id(each) in filters
        trainable.append(Kernel(layer=layer, variable=variable, depthwise=depthwise))
    if not trainable:
        raise TflconvError(
            f"{model.name} has no kernels that can be trained.",
            hint="Its layers may be frozen: set layer.trainable to true and save it again.",
        )
    return trainable


def _filters(model: Any) -> set[int]:
    """Identities of the variables of depthwise layers, which Keras 3 calls like those of others."""
    kit = keras2 if isinstance(model, keras2.Model) else keras3()
    kinds = (kit.layers.DepthwiseConv1D, kit.layers.DepthwiseConv2D)
    identities = set()
    for layer in model.layers:
        if isinstance(layer, kinds):
            identities |= {id(variable) for variable in layer.trainable_variables}
        elif hasattr(layer, "layers"):
            identities |= _filters(layer)
    return identities


def copied(model: Opened) -> KerasModel:
    """Return a new Keras model with the layers and weights of ``model``.

    Raises:
        UsageError: It is no Keras model whose layers can be seen.
    """
    source = keras_model(model.source)
    copy = remade(source, description_of(source), custom_objects=model.custom_objects)
    copy.set_weights(source.get_weights())
    return copy


def keeping(model: KerasModel) -> Callable[[], None]:
    """Return a function that puts back what pruning and clustering had left in ``model``.

    Call it after each step of a training: zeros become zeros again, and weights that were equal
    get their mean.
    """
    structures = [
        (k, s) for k in kernels(model) if (s := KernelStructure.of(k.weights)) is not None
    ]

    def restore() -> None:
        for kernel, structure in structures:
            kernel.set(structure.projected(kernel.weights))

    return restore
