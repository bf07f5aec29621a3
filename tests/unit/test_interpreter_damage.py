"""A model that LiteRT chokes on is a ``TflconvError`` with the file's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflconv.errors import TflconvError
from tflconv.model.interpreter import Interpreter

TINY = Path(__file__).parents[1] / "golden" / "models" / "tiny_float32.tflite"


def test_a_tensor_name_that_is_no_text_is_damage(tmp_path: Path) -> None:
    content = TINY.read_bytes()
    assert b"serving_default_input" in content
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(content.replace(b"serving_default_input", b"\xfferving_default_input"))
    with pytest.raises(TflconvError, match=r"damaged\.tflite is not a TFLite model that LiteRT"):
        Interpreter(damaged)
