"""Either Keras, and the smallest pictures that something can be learned from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fakes import shades


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shades.write(tmp_path_factory.mktemp("data") / "shades")


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Whatever a test draws without a seed of its own is the same in every run."""
    keras = pytest.importorskip("keras", minversion="3")
    keras.utils.set_random_seed(0)


@pytest.fixture(params=["keras2", "keras3"])
def kit(request: pytest.FixtureRequest) -> Any:
    """Either Keras, with TensorFlow behind it."""
    keras = pytest.importorskip("keras", minversion="3")
    from tflconv.core.tensorflow import keras2

    return keras2 if request.param == "keras2" else keras
