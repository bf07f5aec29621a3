"""Bring old ``.tflite`` files to what today's kernels are fast at, without any calibration.

Until 2019 quantized files held uint8: one scale and a zero point for a whole kernel. Arm has dot
products for int8 only, with a scale per channel. An activation changes its type exactly: its
integers and its zero point are all smaller by 128. A kernel has no zero point in int8. In a channel
whose integers lie within 127 of their zero point, as in nearly all, every weight stays exact; the
other channels get a scale of their own and are rounded once more.

Constants of float16 behind a DEQUANTIZE become float32, in which CPUs compute, and a batch that was
left open becomes 1.
"""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from numpy.typing import NDArray

from tflconv.tflite import biases, editing

_LARGEST = 127
_KERNELS = {
    "CONV_2D": (0, 1, 2, 0),
    "DEPTHWISE_CONV_2D": (0, 1, 2, 3),
    "FULLY_CONNECTED": (0, 1, 2, 0),
    "TRANSPOSE_CONV": (2, 1, 3, 0),
}
"""Places of input, kernel and bias among the inputs, and the axis of the kernel's channels."""

_ALIKE = (
    "ADD", "ARG_MAX", "AVERAGE_POOL_2D", "DEPTH_TO_SPACE", "DEQUANTIZE", "EXPAND_DIMS", "GATHER",
    "L2_NORMALIZATION", "LOGISTIC", "MAXIMUM", "MAX_POOL_2D", "MEAN", "MINIMUM", "MUL", "PACK",
    "PAD", "PADV2", "PRELU", "QUANTIZE", "RELU", "RELU6", "RESHAPE", "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR", "SLICE", "SOFTMAX", "SPACE_TO_DEPTH", "SPLIT", "SQUEEZE",
    "STRIDED_SLICE", "SUB", "TANH", "TRANSPOSE", "UNPACK",
)  # fmt: skip
"""Operators that compute the same with int8 as with uint8."""

_VERSIONS = {
    "CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "EXPAND_DIMS": 1, "FULLY_CONNECTED": 4, "RESHAPE": 1,
    "SQUEEZE": 1, "TRANSPOSE_CONV": 3,
}  # fmt: skip
"""First version of each operator that knows int8; 2 of all others."""


def has_uint8_kernels(model: fb.ModelT) -> bool:
    """Return whether ``model`` multiplies by stored kernels of uint8."""
    return any(
        name in _KERNELS
        and graph.tensors[int(operator.inputs[1])].type == fb.TensorType.UINT8
        and editing.has_values(model, graph.tensors[int(operator.inputs[1])])
        for graph, operator, name in editing.operators(model)
    )


def unknown_to_int8(model: fb.ModelT) -> list[str]:
    """Return the names of operators in ``model`` that ``use_int8`` cannot change."""
    known = {*_ALIKE, *_KERNELS, "CONCATENATION"}
    return sorted({name for _, _, name in editing.operators(model)} - known)


def use_int8(model: fb.ModelT) -> None:
    """Turn a model of uint8 into one of int8 with a scale per channel of its kernels.

    Args:
        model: A model whose kernels are uint8 and whose operators are all known to int8.
    """
    (graph,) = model.subgraphs
    done: dict[int, NDArray[np.float64]] = {}
    for _, operator, name in list(editing.operators(model)):
        if name in _KERNELS:
            _use_channels(model, graph, operator, name, done)
    for index, tensor in enumerate(graph.tensors):
        if _is_uint8(tensor) and index not in done:
            _use_signed(model, tensor)
    for _, operator, name in list(editing.operators(model)):
        if name == "CONCATENATION":
            _align_inputs(model, graph, operator)
    for code in model.operatorCodes:
        name = editing.code_name(code)
        code.version = max(code.version, _VERSIONS.get(name, 2))


def use_float32(model: fb.ModelT) -> None:
    """Store constants of float16 that are only read through DEQUANTIZE as float32."""
    for graph in model.subgraphs:
        kept = []
        for operator in graph.operators:
            source = graph.tensors[int(operator.inputs[0])] if len(operator.inputs) else None
            name = editing.operator_name(model, operator)
            if source is None or name != "DEQUANTIZE" or not _is_stored_half(model, source):
                kept.append(operator)
                continue
            halves = editing.values(model, source, np.float16)
            target = graph.tensors[int(operator.outputs[0])]
            target.buffer = editing.add_buffer(model, halves.astype(np.float32))
        graph.operators = kept
    editing.drop_unused_tensors(model)


def fix_batch(model: fb.ModelT) -> None:
    """Leave no side of a tensor open: a batch is the 1 that runtimes allocate."""
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.shapeSignature = None


def _is_uint8(tensor: fb.TensorT) -> bool:
    quantization = tensor.quantization
    quantized = quantization is not None and quantization.scale is not None
    return tensor.type == fb.TensorType.UINT8 and quantized


def _is_stored_half(model: fb.ModelT, tensor: fb.TensorT) -> bool:
    sparse = tensor.sparsity is not None
    half = tensor.type == fb.TensorType.FLOAT16
    return half and not sparse and editing.has_values(model, tensor)


def _use_channels(
    model: fb.ModelT,
    graph: fb.SubGraphT,
    operator: fb.OperatorT,
    name: str,
    done: dict[int, NDArray[np.float64]],
) -> None:
    """Give the kernel of ``operator`` a scale per channel, and its bias the scales that follow."""
    source, kernel, bias, axis = _KERNELS[name]
    index = int(operator.inputs[kernel])
    if index not in done:
        done[index] = _scaled(model, graph.tensors[index], axis)
    if len(operator.inputs) > bias and operator.inputs[bias] >= 0:
        entering = graph.tensors[int(operator.inputs[source])]
        step = biases.spelling(entering)[0] * done[index]
        _rescale_bias(model, graph.tensors[int(operator.inputs[bias])], step)


def _scaled(model: fb.ModelT, tensor: fb.TensorT, axis: int) -> NDArray[np.float64]:
    """Store a kernel as int8, and return the scale of each channel."""
    scale, zero_point = biases.spelling(tensor)
    shape = [int(side) for side in tensor.shape]
    steps = editing.values(model, tensor, np.uint8).reshape(shape).astype(np.int32) - int(
        zero_point
    )
    others = tuple(other for other in range(len(shape)) if other != axis)
    factors = np.maximum(np.abs(steps).max(others, keepdims=True) / _LARGEST, 1.0)
    tensor.buffer = editing.add_buffer(model, np.rint(steps / factors).astype(np.int8))
    tensor.type = fb.TensorType.INT8
    scales: NDArray[np.float64] = scale * factors.ravel()
    tensor.quantization = _quantization(scales, axis)
    return scales


def _rescale_bias(model: fb.ModelT, tensor: fb.TensorT, steps: NDArray[np.float64]) -> None:
    """Store a bias in multiples of ``steps``, one per channel."""
    scale, _ = biases.spelling(tensor)
    values = editing.values(model, tensor, np.int32) * scale
    rounded = np.rint(values / steps).clip(np.iinfo(np.int32).min, np.iinfo(np.int32).max)
    tensor.buffer = editing.add_buffer(model, rounded.astype(np.int32))
    tensor.quantization = _quantization(steps, 0)


def _use_signed(model: fb.ModelT, tensor: fb.TensorT) -> None:
    """Store the numbers of a tensor as int8; they stay the same numbers."""
    if editing.has_values(model, tensor):
        signed = (editing.values(model, tensor, np.uint8) ^ 128).view(np.int8)
        tensor.buffer = editing.add_buffer(model, signed)
    tensor.type = fb.TensorType.INT8
    assert tensor.quantization is not None
    assert tensor.quantization.zeroPoint is not None
    tensor.quantization.zeroPoint = [int(zero) - 128 for zero in tensor.quantization.zeroPoint]


def _align_inputs(model: fb.ModelT, graph: fb.SubGraphT, operator: fb.OperatorT) -> None:
    """Bring the inputs of a concatenation to the scale of its output, as int8 kernels ask for."""
    output = graph.tensors[int(operator.outputs[0])]
    inputs = []
    for index in map(int, operator.inputs):
        entering = graph.tensors[index]
        if entering.type != fb.TensorType.INT8 or biases.spelling(entering) == biases.spelling(
            output
        ):
            inputs.append(index)
            continue
        aligned = editing.tensor_like(graph, index, "_aligned")
        graph.tensors[aligned].quantization = output.quantization
        place = graph.operators.index(operator)
        requantize = editing.operator(model, fb.BuiltinOperator.QUANTIZE, index, aligned)
        graph.operators.insert(place, requantize)
        inputs.append(aligned)
    operator.inputs = inputs


def _quantization(scales: NDArray[np.float64], axis: int) -> fb.QuantizationParametersT:
    entry = fb.QuantizationParametersT()
    entry.scale = scales.astype(np.float32)
    entry.zeroPoint = np.zeros(len(scales), np.int64)
    entry.quantizedDimension = axis
    return entry
