"""Logarithms of probabilities that int8 cannot hold are told."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from tiny_graphs import Builder

from tflconv.conversion import Calibration, logarithms
from tflconv.conversion.calibration import measure


def warn(spread: float) -> None:
    builder = Builder()
    scores, logs = builder.tensor((1, 4)), builder.tensor((1, 4))
    builder.op("LOG_SOFTMAX", [scores], [logs])
    content = builder.content([scores], [logs])
    samples = np.array([[0, 0, 0, spread]], np.float32)
    logarithms.warn_of_clipped(content, measure(content, Calibration.of_values("ramp", samples)))


def test_values_below_those_of_int8_are_told() -> None:
    with pytest.warns(UserWarning, match=r"goes down to -40, and an int8 LOG_SOFTMAX ends at -16"):
        warn(40)


def test_values_that_int8_holds_are_not() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn(15)
