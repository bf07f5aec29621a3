"""Either Keras, and the smallest pictures that something can be learned from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes that differ in brightness, 8 x 8 pixels, 40 of each."""
    folder = tmp_path_factory.mktemp("data") / "shades"
    draw = np.random.default_rng(0)
    for name, shade in (("dark", 60), ("light", 190)):
        (folder / name).mkdir(parents=True)
        for number in range(40):
            pixels = np.clip(draw.normal(shade, 40, (8, 8, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number:02}.png")
    return folder


@pytest.fixture(params=["keras2", "keras3"])
def kit(request: pytest.FixtureRequest) -> Any:
    """Either Keras, with TensorFlow behind it."""
    keras = pytest.importorskip("keras", minversion="3")
    from tflconv.core.tensorflow import keras2

    return keras2 if request.param == "keras2" else keras
