"""What differs between a device and this computer, and what of it is worth a word."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import device as fake
from tflconv.benchmark import agreement
from tflconv.benchmark.protocol import HarnessOutput
from tflconv.results import OutputComparison


def compared(there: Any, here: Any, dtype: str) -> OutputComparison:
    return agreement.compare_outputs(outputs(there, dtype), outputs(here, dtype))


def outputs(numbers: Any, dtype: str) -> agreement.Outputs:
    content = np.array(numbers, dtype).tobytes()
    tensor = {"type": dtype, "bytes": len(content)}
    return HarnessOutput((fake.INIT | {"outputs": [tensor]},)), content


def test_outputs_that_are_no_numbers_are_said() -> None:
    (warning,) = agreement.no_numbers(outputs([0.5, np.nan, np.inf], "float32"))
    assert warning.startswith("2 of 3 outputs are NaN or infinite")
    assert list(agreement.no_numbers(outputs([0.5, 1.0], "float32"))) == []
    assert list(agreement.no_numbers(outputs([-128, 127], "int8"))) == []
    bfloat16 = HarnessOutput((fake.INIT | {"outputs": [{"type": "other", "bytes": 4}]},))
    assert list(agreement.no_numbers((bfloat16, b"\xc0\x7f\0\0"))) == []


@given(st.lists(st.floats(-1e6, 1e6, width=32), max_size=20))
def test_equal_numbers_raise_no_warning(numbers: list[float]) -> None:
    comparison = compared(numbers, numbers, "float32")
    assert comparison.same_bits
    assert (comparison.max_difference, comparison.share_of_range) == (0, 0)
    assert list(agreement.output_warnings(comparison)) == []


@pytest.mark.parametrize(
    ("there", "here", "dtype", "words"),
    [
        ([0.0, 1.04], [0.0, 1.0], "float32", ""),
        ([0.0, 1.5], [0.0, 1.0], "float32", "50 % of their range"),
        ([np.nan, 1.0], [0.5, 1.0], "float32", "100 % of their range"),
        ([0.9001], [0.9], "float32", ""),
        ([0.5, 0.50001], [0.5, 0.5], "float32", ""),
        ([1e-9, 0.0], [0.0, 0.0], "float32", ""),
        ([0.8], [0.4], "float32", "100 % of their range"),
        ([0, 100], [0, 101], "int8", "by rounding, at most 1 quantization step:"),
        ([0, 50], [0, 100], "uint8", "up to 50 steps: measure with --dataset"),
    ],
)
def test_only_what_should_not_differ_is_a_warning(
    there: Any, here: Any, dtype: str, words: str
) -> None:
    warnings = " ".join(agreement.output_warnings(compared(there, here, dtype)))
    assert words in warnings
    assert bool(warnings) == bool(words)
