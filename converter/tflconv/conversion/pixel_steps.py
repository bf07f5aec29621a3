"""Let the steps of a quantized input be the pixels themselves, also where 0 lies between two.

A pixel p of 0 to 255 comes to a model as (p - m) / d. With steps of 1 / d each pixel could be said
without an error, but 0 has to be one of the steps. With m = 127.5, which makes -1 to 1 of pixels, 0
lies between two pixels, so all of them are rounded by half a step, up or down. On a vision
transformer that was trained on photographs that is a third of all that int8 changes in its scores.
Such an input is shifted by half a step before it is quantized (``tflite.shifting``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tflconv.conversion.calibration import Calibration
from tflconv.tflite import biases, editing, packing, shifting

_NEAR = 1 / 16
"""Share of a step within which a value lies on a step."""

_SMALLEST = -128
_SAMPLES = 16


def on_steps(content: bytes, calibration: Calibration) -> bytes:
    """Return a quantized file whose inputs are shifted where all of their values lie between steps.

    Args:
        content: A quantized ``.tflite`` file; inputs that are no floats stay as they are.
        calibration: The samples that it was calibrated with.
    """
    model = packing.unpack(content)
    graph = model.subgraphs[0]
    samples = calibration.for_inputs(editing.input_names(model)).inputs
    shifted = False
    for index, values in zip(map(int, graph.inputs), samples, strict=True):
        if (quantizing := shifting.quantizer(model, index)) is not None:
            made = graph.tensors[int(quantizing.outputs[0])]
            least = values.min() if calibration.limits is None else calibration.limits[0]
            by = lacking(values[:_SAMPLES], float(least), *biases.spelling(made))
            shifted |= by != 0 and shifting.shift(model, quantizing, by)
    return packing.pack(model) if shifted else content


def lacking(values: NDArray[np.float32], least: float, scale: float, zero_point: int) -> float:
    """Return what all ``values`` lack to the next step; 0 if they lie on steps, or anywhere.

    Args:
        values: Some values of an input.
        least: Its smallest one.
        scale: The step that it is stored in.
        zero_point: The integer that stands for 0.

    Example:
        >>> pixels = np.array([0, 1, 100, 255], np.float32)
        >>> lacking(pixels - 127.5, -127.5, 1.0, -1), lacking(pixels - 127, -127, 1.0, -1)
        (0.5, 0.0)
        >>> lacking(np.array([-127.5, 0.1, 127.5]), -127.5, 1.0, -1)
        0.0
    """
    lacks = (_SMALLEST - zero_point) * scale - least
    places = (values.astype(np.float64) + lacks) / scale
    on_steps = bool(np.abs(places - np.rint(places)).max() < _NEAR)
    return float(lacks) if on_steps and _NEAR * scale < abs(lacks) < scale else 0.0
