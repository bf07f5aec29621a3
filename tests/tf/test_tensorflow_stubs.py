"""The stubs of TensorFlow and Keras 2 name nothing that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

import tflconv.core.tensorflow  # noqa: F401 - chooses Keras 2 before TensorFlow is imported
from stub_names import STUBS, missing, module_name

HEAVY = [path for top in ("tensorflow", "tf_keras") for path in (STUBS / top).glob("*.pyi")]


@pytest.mark.parametrize("stub", HEAVY, ids=module_name)
def test_what_a_stub_names_is_in_the_real_module(stub: Path) -> None:
    assert missing(stub, module_name(stub)) == []
