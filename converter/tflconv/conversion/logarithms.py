"""Tell of logarithms of probabilities that int8 cannot hold.

The int8 LOG_SOFTMAX of TFLite has fixed steps of 1/16 from -16 to 0, whatever was calibrated.
"""

from __future__ import annotations

from tflconv.conversion.calibration import TensorRanges
from tflconv.core import telling
from tflconv.tflite import packing
from tflconv.tflite.wiring import Wiring

LEAST = -16.0
"""Smallest value of an int8 LOG_SOFTMAX."""


def warn_of_clipped(content: bytes, ranges: TensorRanges) -> None:
    """Warn of each LOG_SOFTMAX that goes further down than int8 does.

    Args:
        content: A float ``.tflite`` file, of which a full int8 one is made.
        ranges: Ranges of its activations.
    """
    for step in Wiring(packing.unpack(content)).steps:
        ends = ranges.get(step.makes[0])
        if step.kind == "LOG_SOFTMAX" and ends is not None and ends["min"].item() < LEAST:
            telling.warn(
                f"{step.makes[0]} goes down to {ends['min'].item():.0f}, and an int8 LOG_SOFTMAX"
                f" ends at {LEAST:.0f}: what is smaller becomes that. The largest stays the"
                " largest; selective_wi8_ai8 keeps all values."
            )
