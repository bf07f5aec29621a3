"""The small float model of the golden files, samples for it, and ways to convert it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tflconv
from tflconv import cli, recipe
from tflconv.conversion.calibration import Calibration

MODELS = Path(__file__).parents[1] / "golden" / "models"
FLOAT = MODELS / "tiny_float32.tflite"
RANDOM = np.random.default_rng(0)
SAMPLES = RANDOM.random((30, 8, 8, 1), dtype=np.float32)
PIXELS = RANDOM.integers(0, 256, (10, 8, 8, 1), dtype=np.uint8)
CALIBRATION = Calibration.of_values("noise", SAMPLES)


def convert(name: str, folder: Path, io: recipe.TensorType | None = None) -> Path:
    (path,) = tflconv.convert(FLOAT, [name], folder, calibration=CALIBRATION, io=io)
    return path


def command(folder: Path, *arguments: object) -> int:
    """Exit code of ``tflconv convert`` of the float model into ``folder``."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["convert", str(FLOAT), "-o", str(folder), *map(str, arguments)])
    assert isinstance(ended.value.code, int)
    return ended.value.code
