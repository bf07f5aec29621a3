"""A file that does not keep what its recipe promises says so."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from tiny_conversions import convert

from tflconv import recipe
from tflconv.pipeline import promises

TOLD = "float32-dynamic_wi8_afp32.tflite is the float model still: .* fewer than 1024 values"


def test_a_file_in_which_nothing_is_quantized_says_why(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=TOLD):
        convert("dynamic_wi8_afp32", tmp_path)


@pytest.mark.parametrize("name", ["fp32", "fp16", "static_wi8_ai8", "selective_wi8_ai8"])
def test_others_say_nothing_of_that(name: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = convert(name, tmp_path)
    assert not [d for d in promises.doubts(path, recipe.get(name)) if "float model still" in d]
