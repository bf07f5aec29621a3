"""Give each channel of a quantized kernel a scale in which its bias can be said.

A bias is stored in steps of the input's scale times the kernel's. A channel whose weights are zero,
as pruning leaves them, or nearly so has next to no scale, and in such steps its bias is beyond 32
bits: litert-quantizer then stores the smallest integer there is. A larger scale costs such a
channel nothing that it has.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from numpy.typing import NDArray

from tflconv.tflite import editing

_LARGEST = 2**30
"""Steps that a bias may have; sums of products need room beside it."""

WITH_BIAS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")

Doubles = NDArray[np.float64]


def float_biases(model: fb.ModelT) -> dict[bytes, Doubles]:
    """Return the constants of a float model that are biases, by the names of their tensors."""
    return {
        bias.name or b"": editing.values(model, bias, np.float32).astype(np.float64)
        for _, bias, _ in _layers(model)
        if bias.type == fb.TensorType.FLOAT32
    }


def make_room(model: fb.ModelT, biases: Mapping[bytes, Doubles]) -> None:
    """Widen the scales of channels in whose steps a bias does not fit into 32 bits.

    Args:
        model: A model with 8-bit kernels and 32-bit biases.
        biases: The biases before they were rounded, by the names of their tensors.
    """
    used = Counter(id(kernel) for kernel, _, _ in _layers(model))
    for kernel, bias, source in _layers(model):
        real = biases.get(bias.name or b"")
        integers = (kernel.type, bias.type) == (fb.TensorType.INT8, fb.TensorType.INT32)
        if integers and real is not None and used[id(kernel)] == 1:
            _widen(model, kernel, bias, real, float(scales(source)[0]))


def add(model: fb.ModelT, layer: fb.OperatorT, shift: Doubles) -> None:
    """Add ``shift`` to the bias of a layer of int8 or float activations, which may have none.

    Args:
        model: A quantized model.
        layer: One of the operators of its main graph.
        shift: What is added to each output channel, as real numbers.
    """
    graph = model.subgraphs[0]
    source, kernel = (graph.tensors[int(index)] for index in layer.inputs[:2])
    is_float = source.type == fb.TensorType.FLOAT32
    steps = None if is_float else scales(source) * scales(kernel) * np.ones(len(shift))
    if len(layer.inputs) < 3 or int(layer.inputs[2]) < 0:
        new = _without_values(graph, layer, len(shift), steps)
        layer.inputs = [*map(int, layer.inputs[:2]), new]
    bias = graph.tensors[int(layer.inputs[2])]
    if _is_shared(graph, int(layer.inputs[2])):
        bias = copy.copy(bias)
        layer.inputs = [*map(int, layer.inputs[:2]), editing.add_tensor(graph, bias)]
    bias.buffer = editing.add_buffer(model, _shifted(model, bias, shift, steps))


def _shifted(
    model: fb.ModelT, bias: fb.TensorT, shift: Doubles, steps: Doubles | None
) -> NDArray[np.float32] | NDArray[np.int32]:
    """The values of ``bias``, in ``steps`` or as floats, with ``shift`` added."""
    stored = editing.values(model, bias, np.float32 if steps is None else np.int32)
    before = stored.astype(np.float64) if stored.size else np.zeros(len(shift))
    if steps is None:
        return np.asarray(before + shift, np.float32)
    ends = np.iinfo(np.int32)
    return np.rint(before + shift / steps).clip(ends.min, ends.max).astype(np.int32)


def scales(tensor: fb.TensorT) -> Doubles:
    """Return the scales of a tensor; that of a float one changes nothing."""
    quantization = tensor.quantization
    known = None if quantization is None else quantization.scale
    return np.asarray([1.0] if known is None else known, np.float64)


def spelling(tensor: fb.TensorT) -> tuple[float, int]:
    """Return the first scale and zero point of a tensor; those of a float one change nothing."""
    quantization = tensor.quantization
    zero_points = None if quantization is None else quantization.zeroPoint
    return float(scales(tensor)[0]), 0 if zero_points is None else int(zero_points[0])


def tell_types(model: fb.ModelT) -> None:
    """Let layers of 16-bit activations say of which type their bias is, as LiteRT asks for.

    Args:
        model: A quantized model.
    """
    for graph in model.subgraphs:
        for operator in graph.operators:
            if len(operator.inputs) < 3 or operator.inputs[2] < 0:
                continue
            source, _, bias = (graph.tensors[int(index)] for index in operator.inputs[:3])
            if source.type == fb.TensorType.INT16:
                _tell_type(operator, bias.type, editing.operator_name(model, operator))


def _tell_type(operator: fb.OperatorT, kind: int, name: str) -> None:
    if operator.builtinOptions is None and name == "FULLY_CONNECTED":
        operator.builtinOptions = fb.FullyConnectedOptionsT()
        operator.builtinOptionsType = fb.BuiltinOptions.FullyConnectedOptions
    options = operator.builtinOptions
    if isinstance(options, (fb.Conv2DOptionsT, fb.FullyConnectedOptionsT)):
        options.quantizedBiasType = kind


def _layers(model: fb.ModelT) -> Iterator[tuple[fb.TensorT, fb.TensorT, fb.TensorT]]:
    """Kernel, bias and input of each layer that stores both of the first."""
    for graph, operator, name in editing.operators(model):
        if name in WITH_BIAS and len(operator.inputs) > 2 and operator.inputs[2] >= 0:
            source, kernel, bias = (graph.tensors[int(index)] for index in operator.inputs[:3])
            if editing.has_values(model, kernel) and editing.has_values(model, bias):
                yield kernel, bias, source


def _widen(
    model: fb.ModelT, kernel: fb.TensorT, bias: fb.TensorT, real: Doubles, entering: float
) -> None:
    known = scales(kernel)
    largest = np.abs(real) if len(known) == len(real) else np.abs(real).max(keepdims=True)
    least = largest / (entering * _LARGEST)
    if len(known) != len(least) or not (least > known).any():
        return
    wider = np.maximum(known, least)
    _requantize(model, kernel, known / wider)
    steps = np.broadcast_to(entering * wider, real.shape)
    bias.buffer = editing.add_buffer(model, np.rint(real / steps).astype(np.int32))
    for tensor, chosen in ((kernel, wider), (bias, entering * wider)):
        assert tensor.quantization is not None
        tensor.quantization.scale = chosen.astype(np.float32)


def _requantize(model: fb.ModelT, kernel: fb.TensorT, factors: Doubles) -> None:
    """Store the steps of ``kernel`` times ``factors``, one per channel."""
    assert kernel.quantization is not None
    shape = [int(side) for side in kernel.shape]
    along = [1] * len(shape)
    along[kernel.quantization.quantizedDimension] = -1
    steps = editing.values(model, kernel, np.int8).reshape(shape) * factors.reshape(along)
    kernel.buffer = editing.add_buffer(model, np.rint(steps).astype(np.int8))


def _is_shared(graph: fb.SubGraphT, index: int) -> bool:
    """Whether several operators read a tensor."""
    return sum(index in map(int, each.inputs) for each in graph.operators) > 1


def _without_values(
    graph: fb.SubGraphT, layer: fb.OperatorT, size: int, steps: Doubles | None
) -> int:
    """Add a tensor for the bias of a layer that has none."""
    bias = fb.TensorT()
    bias.name = editing.suffixed(graph.tensors[int(layer.outputs[0])].name, "_bias")
    bias.shape, bias.type = [size], fb.TensorType.FLOAT32
    if steps is not None:
        bias.type, bias.quantization = fb.TensorType.INT32, fb.QuantizationParametersT()
        bias.quantization.scale = steps.astype(np.float32)
        bias.quantization.zeroPoint = np.zeros(size, np.int64)
    return editing.add_tensor(graph, bias)
