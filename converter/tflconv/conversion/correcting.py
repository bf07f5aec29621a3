"""Take the mean error of the scores out of the bias of the last layer.

Rounding does not only scatter the scores of a network, it also shifts them: weights, positions and
learned tokens are rounded alike for every picture. What the scores are off by in the mean over the
calibration samples is added to the bias that is there anyway (Nagel et al. 2019, "Data-Free
Quantization Through Weight Equalization and Bias Correction", https://arxiv.org/abs/1906.04721).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from numpy.typing import NDArray

from tflconv.conversion.calibration import Calibration, load
from tflconv.tflite import biases, editing, packing

_SAMPLES = 64
_LAST = "FULLY_CONNECTED"
_AFTER = ("DEQUANTIZE", "LOGISTIC", "RESHAPE", "SOFTMAX")


def correct(content: bytes, quantized: bytes, calibration: Calibration) -> bytes:
    """Return ``quantized`` with the bias of its last layer corrected.

    Args:
        content: The float ``.tflite`` file that it was made of.
        quantized: The quantized file, with float inputs.
        calibration: Samples to run both with.

    Returns:
        The file; as it is, if its scores are right in the mean, or if it does not end in a
        FULLY_CONNECTED with stored weights of int8 or float, or in a softmax or sigmoid of one.
    """
    model = packing.unpack(quantized)
    before, after = last_layer(packing.unpack(content)), last_layer(model)
    if before is None or after is None or not _takes_bias(model, after):
        return quantized
    expected = _mean(content, int(before.outputs[0]), calibration)
    received = _mean(quantized, int(after.outputs[0]), calibration)
    shift = expected - received
    if not shift.any():
        return quantized
    biases.add(model, after, shift)
    return packing.pack(model)


def _takes_bias(model: fb.ModelT, layer: fb.OperatorT) -> bool:
    """Whether it multiplies activations of int8 or float with stored weights."""
    source, kernel = (model.subgraphs[0].tensors[int(index)] for index in layer.inputs[:2])
    scaled = all(
        t.quantization is not None and t.quantization.scale is not None for t in (source, kernel)
    )
    is_float = source.type == fb.TensorType.FLOAT32
    is_int8 = scaled and source.type == fb.TensorType.INT8
    return (is_float or is_int8) and editing.has_values(model, kernel)


def last_layer(model: fb.ModelT) -> fb.OperatorT | None:
    """Return the FULLY_CONNECTED that makes the only output, before a softmax or sigmoid.

    Args:
        model: A float or a quantized model.
    """
    graph = model.subgraphs[0]
    makers = {int(index): operator for operator in graph.operators for index in operator.outputs}
    maker = makers.get(int(graph.outputs[0])) if len(graph.outputs) == 1 else None
    while maker is not None and editing.operator_name(model, maker) in _AFTER:
        maker = makers.get(int(maker.inputs[0]))
    return maker if maker and editing.operator_name(model, maker) == _LAST else None


def _mean(content: bytes, tensor: int, calibration: Calibration) -> NDArray[np.float64]:
    """The mean of a tensor's rows over the samples, as real numbers."""
    rows = list(_rows(content, tensor, calibration))
    return np.asarray(np.concatenate(rows).mean(axis=0))


def _rows(content: bytes, tensor: int, calibration: Calibration) -> Iterator[NDArray[np.float64]]:
    """The rows of a tensor ``(rows, channels)``, sample by sample, as real numbers."""
    runtime = load(content)
    inputs = runtime.get_input_details()
    model = packing.unpack(content)
    calibration = calibration.for_inputs(editing.input_names(model))
    first = replace(calibration, inputs=tuple(each[:_SAMPLES] for each in calibration.inputs))
    scale, zero_point = biases.spelling(model.subgraphs[0].tensors[tensor])
    for sample in first.samples([each["dtype"] for each in inputs]):
        for each, values in zip(inputs, sample, strict=True):
            runtime.set_tensor(each["index"], values)
        runtime.invoke()
        values = runtime.get_tensor(tensor)
        rows = values.reshape(-1, values.shape[-1]).astype(np.float64)
        yield (rows - zero_point) * scale
