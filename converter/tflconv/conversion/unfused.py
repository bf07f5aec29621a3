"""A float model with nothing fused and nothing folded: the baseline of graph optimization.

The TFLite converter folds BatchNorm into convolutions and fuses biases and activations before
anybody can measure what that is worth. Here every weight but the kernels is fed from outside while
it converts: it cannot fold what it does not know. Afterwards those weights are put into the file,
and what was fused all the same is taken apart in the finished graph. So each BatchNorm is a MUL and
an ADD, each bias an ADD, each activation an operator of its own; what only training needs, such as
dropout, is in no graph for inference.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as fb

from tflconv.conversion import tracing
from tflconv.conversion.calibration import Calibration
from tflconv.conversion.preparation import FloatModel
from tflconv.conversion.tracing import FrozenGraph
from tflconv.core.tensorflow import tf
from tflconv.network.keras.execution import FloatScheme, run
from tflconv.network.keras.opened import Opened
from tflconv.network.nodes import Array, Network, Node
from tflconv.recipe import Recipe
from tflconv.tflite import editing, packing

Weight = tuple[str, str]
"""A node's name and the key of one of its weights."""

_BIASED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_IDLE = {"scale": 1, "gamma": 1}
"""Values that change nothing, for which there is no operator; of other weights it is 0."""
_NONE = fb.ActivationFunctionType.NONE
_ACTIVATIONS = {
    code: name for name, code in vars(fb.ActivationFunctionType).items() if name[0] != "_"
}


class UnfusedModel(FloatModel):
    """A model that nothing was done to; there is only a float file of it."""

    def make(self, recipe: Recipe, calibration: Calibration | None = None) -> bytes:
        """Return the float file, whose constants are not shared either."""
        return self.content


def prepare(model: Opened) -> UnfusedModel:
    """Lower a Keras model without fusing or folding anything; there is only a float file of it.

    Warns of layers that are called as they are, inside of which the converter may have folded.

    Raises:
        TflconvError: The layers of the model are not visible to Keras.
    """
    _warn_of_opaque(model.network)
    return UnfusedModel(model.name, lower(model.network))


def lower(network: Network) -> bytes:
    """The float ``.tflite`` of ``network`` with an operator for everything that it computes."""
    weights = _beside_kernels(network)
    model = packing.unpack(tracing.lower(_traced(network, weights)))
    _store(model, list(weights.values()))
    _take_apart(model)
    return packing.pack(model)


def _beside_kernels(network: Network) -> dict[Weight, Array]:
    """Biases, scales, shifts, tokens: what a converter could fold, if they do anything at all."""
    return {
        (node.name, key): value
        for node in network
        for key, value in node.weights.items()
        if not key.endswith("kernel") and (value != _IDLE.get(key, 0)).any()
    }


def _traced(network: Network, weights: Mapping[Weight, Array]) -> FrozenGraph:
    pictures = [node.options["shape"] for node in network.inputs]
    shapes = [*((1, *shape) for shape in pictures), *(value.shape for value in weights.values())]

    def call(*values: Any) -> Any:
        fed = dict(zip(weights, values[len(pictures) :], strict=True))
        return run(network, *values[: len(pictures)], scheme=_Fed(fed))

    specs = [tf.TensorSpec(shape, name=f"input_{i}") for i, shape in enumerate(shapes)]
    names = [node.name for node in network.inputs] + ["/".join(weight) for weight in weights]
    function = tracing.freeze_function(call, specs)
    return FrozenGraph(function=function, inputs=tuple(names), outputs=("logits",))


class _Fed(FloatScheme):
    """Kernels as constants; every other weight is one of the ``values`` from outside."""

    def __init__(self, values: Mapping[Weight, Any]) -> None:
        self.values = values

    def weight(self, node: Node, key: str) -> Any:
        """A constant, or what was fed."""
        fed = self.values.get((node.name, key))
        return super().weight(node, key) if fed is None else fed


def _store(model: Any, weights: list[Array]) -> None:
    """Turn the last inputs of ``model`` into constants that hold ``weights``."""
    graph, (signature,) = model.subgraphs[0], model.signatureDefs
    first = len(graph.inputs) - len(weights)
    for index, values in zip(graph.inputs[first:], weights, strict=True):
        graph.tensors[index].buffer = _buffer(model, values)
    graph.inputs, signature.inputs = graph.inputs[:first], signature.inputs[:first]


def _take_apart(model: Any) -> None:
    """Give each bias and each activation that was fused an operator of its own."""
    graph = model.subgraphs[0]
    operators = []
    for operator in graph.operators:
        pieces = [operator]
        activation = getattr(operator.builtinOptions, "fusedActivationFunction", _NONE)
        if activation != _NONE:
            operator.builtinOptions.fusedActivationFunction = _NONE
            pieces.append(_follow(model, operator, _ACTIVATIONS[activation]))
        if editing.operator_name(model, operator) in _BIASED and _has_bias(model, operator):
            pieces.insert(1, _bias_apart(model, operator))
        operators += pieces
    graph.operators = operators


def _has_bias(model: Any, operator: Any) -> bool:
    if len(operator.inputs) < 3 or operator.inputs[2] < 0:
        return False
    return bool(_values(model, operator.inputs[2]).any())


def _bias_apart(model: Any, operator: Any) -> Any:
    """An ADD of the bias behind ``operator``, which keeps zeros: XNNPACK insists on a bias."""
    graph, bias = model.subgraphs[0], int(operator.inputs[2])
    zeros = _tensor_like(graph, bias, "/zeros")
    graph.tensors[zeros].buffer = _buffer(model, np.zeros_like(_values(model, bias)))
    operator.inputs = [*operator.inputs[:2], zeros]
    addition = _follow(model, operator, "ADD")
    addition.inputs = [*addition.inputs, bias]
    addition.builtinOptionsType, addition.builtinOptions = (
        fb.BuiltinOptions.AddOptions,
        fb.AddOptionsT(),
    )
    return addition


def _follow(model: Any, operator: Any, name: str) -> Any:
    """A new operator ``name`` that computes what ``operator`` did from what it computes now."""
    graph, end = model.subgraphs[0], int(operator.outputs[0])
    between = _tensor_like(graph, end, f"/before_{name.lower()}")
    operator.outputs = [between]
    return editing.operator(model, getattr(fb.BuiltinOperator, name), between, end)


def _tensor_like(graph: Any, index: int, suffix: str) -> int:
    tensor = copy.copy(graph.tensors[index])
    tensor.name, tensor.buffer = tensor.name + suffix.encode(), 0
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _values(model: Any, index: int) -> Array:
    data = model.buffers[model.subgraphs[0].tensors[index].buffer].data
    return np.frombuffer(b"" if data is None else bytes(data), np.float32)


def _buffer(model: Any, values: Array) -> int:
    buffer = fb.BufferT()
    buffer.data = np.frombuffer(values.astype("<f4").tobytes(), np.uint8)
    model.buffers.append(buffer)
    return len(model.buffers) - 1


def _warn_of_opaque(network: Network) -> None:
    layers = [f"{node.name} ({node.options['layer']})" for node in network.of_kind("opaque")]
    if layers:
        warnings.warn(
            f"{network.name}: the converter may have folded inside of {', '.join(layers)}.",
            stacklevel=3,
        )
