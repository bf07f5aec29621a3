"""A float model with nothing fused and nothing folded: the baseline of graph optimization.

The TFLite converter folds BatchNorm into convolutions and fuses biases and activations before the
benefit can be measured. Here all weights but the kernels are inputs of the graph while it is
converted, because the converter cannot fold inputs. Afterwards those weights are stored in the
file, and what was fused all the same is split in the finished graph. So each BatchNorm is a MUL and
an ADD, each bias an ADD, each activation an operator of its own; what only training needs, such as
dropout, is in no graph for inference.
"""

from __future__ import annotations

from collections.abc import Mapping

from tflconv.conversion import tracing
from tflconv.conversion.calibration import Calibration
from tflconv.conversion.preparation import FloatModel, Precisions, Rewrite
from tflconv.conversion.tracing import FrozenGraph
from tflconv.core import telling
from tflconv.core.tensorflow import tf
from tflconv.core.typing import Tensor
from tflconv.network.keras.execution import FloatScheme, run
from tflconv.network.keras.opened import Opened
from tflconv.network.nodes import Array, Network, Node
from tflconv.recipe import Recipe
from tflconv.tflite import packing, unfusing

Weight = tuple[str, str]
"""Name of a node, and name of one of its weights."""

_IDLE = {"scale": 1, "gamma": 1}
"""Values of weights that change nothing, for which no operator is made; 0 for other weights."""


class UnfusedModel(FloatModel):
    """A model without fused or folded operators; it has a float file only."""

    rewrite: Rewrite = "unfused"

    def _make(
        self, recipe: Recipe, calibration: Calibration | None, precisions: Precisions
    ) -> bytes:
        """The float file, whose constants are not shared either, for any ``recipe``."""
        return self.content


def prepare(model: Opened) -> UnfusedModel:
    """Lower a Keras model without fusing or folding anything.

    Warns of layers that are not known, inside of which the converter may have folded.

    Raises:
        TflconvError: The layers of the model are not visible to Keras.
    """
    _warn_of_opaque(model.network)
    return UnfusedModel(model.name, lower(model.network))


def lower(network: Network) -> bytes:
    """Return the float ``.tflite`` file of ``network`` with one operator per step."""
    weights = _beside_kernels(network)
    model = packing.unpack(tracing.lower(_traced(network, weights)))
    unfusing.store_inputs(model, list(weights.values()))
    unfusing.take_apart(model)
    return packing.pack(model)


def _beside_kernels(network: Network) -> dict[Weight, Array]:
    """Biases, scales, shifts and tokens that change something, which a converter could fold."""
    return {
        (node.name, key): value
        for node in network
        for key, value in node.weights.items()
        if not key.endswith("kernel") and (value != _IDLE.get(key, 0)).any()
    }


def _traced(network: Network, weights: Mapping[Weight, Array]) -> FrozenGraph:
    pictures = [node.options["shape"] for node in network.inputs]
    shapes = [*((1, *shape) for shape in pictures), *(value.shape for value in weights.values())]

    def call(*values: Tensor) -> Tensor:
        fed = dict(zip(weights, values[len(pictures) :], strict=True))
        return run(network, *values[: len(pictures)], scheme=_Fed(fed))

    types = [node.options.get("dtype", "float32") for node in network.inputs]
    types += ["float32"] * len(weights)
    specs = [
        tf.TensorSpec(shape, dtype, name=f"input_{i}")
        for i, (shape, dtype) in enumerate(zip(shapes, types, strict=True))
    ]
    names = [node.name for node in network.inputs] + ["/".join(weight) for weight in weights]
    function = tracing.freeze_function(call, specs)
    return FrozenGraph(function=function, inputs=tuple(names), outputs=network.output_names)


class _Fed(FloatScheme):
    """Kernels as constants, and the other weights as ``values`` that are fed."""

    def __init__(self, values: Mapping[Weight, Tensor]) -> None:
        self.values = values

    def weight(self, node: Node, key: str) -> Tensor:
        """Return a constant, or the value that was fed."""
        fed = self.values.get((node.name, key))
        return super().weight(node, key) if fed is None else fed


def _warn_of_opaque(network: Network) -> None:
    layers = [f"{node.name} ({node.options['layer']})" for node in network.of_kind("opaque")]
    if layers:
        telling.warn(
            f"{network.name}: the converter may have folded inside of {', '.join(layers)}."
        )
