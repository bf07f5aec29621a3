"""Every architecture of the registry, with random weights, in every recipe without training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import tflconv
from figures.random_model import randomize
from tflconv import models, recipe
from tflconv.errors import TflconvError
from tflconv.inspection.inspect import inspect
from tflconv.model.interpreter import Interpreter

pytestmark = pytest.mark.filterwarnings("ignore:.*will be slower than float")
RECIPES = list(recipe.SCHEMES)
SHAPE = (28, 28, 3)
LEAST = {"fp32": 0.99999, "fp16": 0.9999, "wi8": 0.999, "wi4": 0.95}
"""Cosine with Keras that a file must reach, by a part of its recipe's name."""

HEADER = ("model", "recipe", "bytes", "XNNPACK partitions", "cosine with Keras")


@pytest.fixture(scope="module")
def pixels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of noise to calibrate with."""
    path = tmp_path_factory.mktemp("noise") / "noise.npy"
    np.save(path, np.random.default_rng(1).integers(0, 256, (16, *SHAPE), np.uint8))
    return path


def test_zoo_converts_in_every_recipe(
    pixels: Path,
    tmp_path: Path,
    tell: Callable[[str, str], None],
    table: Callable[[str, list[Any]], None],
) -> None:
    names = models.names()
    rows = [row for name in names for row in converted(name, pixels, tmp_path)]
    table("The zoo", [HEADER, *rows])
    made = [row for row in rows if row[2] != "–"]
    for name, made_by, _, _, cosine in made:
        (least,) = (value for part, value in LEAST.items() if part in made_by.split("_"))
        assert float(cosine) >= least, f"{name} {made_by}"
    tell(
        f"{len(names)} architectures with random weights at {SHAPE[0]} px, {len(RECIPES)} recipes",
        f"{len(made)} files, {len(rows) - len(made)} refused with the reason",
    )


def converted(name: str, pixels: Path, folder: Path) -> list[tuple[str, ...]]:
    """A row per recipe: what became of the architecture called ``name``."""
    model = models.build(name, SHAPE, 10)
    randomize(model)
    source = folder / f"{name}.keras"
    model.save(source)
    images = np.load(pixels)
    expected = np.asarray(model(images.astype(np.float32) / 127.5 - 1))
    rows = []
    for made_by in RECIPES:
        try:
            (path,) = tflconv.convert(
                source, [made_by], folder, calibration=str(pixels), normalize="-1..1"
            )
        except TflconvError as error:
            rows.append((name, made_by, "–", "–", str(error).split(":")[-1].strip()))
            continue
        rows.append((name, made_by, *figures(path, images, expected)))
    return rows


def figures(path: Path, images: NDArray[Any], expected: NDArray[Any]) -> tuple[str, str, str]:
    """Bytes, partitions, and cosine of the scores with those of Keras."""
    actual = Interpreter(path).predict(images)
    cosine = (actual * expected).sum() / np.linalg.norm(actual) / np.linalg.norm(expected)
    partitions = len(inspect(path).delegation.partitions)
    return f"{path.stat().st_size:,}", str(partitions), f"{cosine:.5f}"
