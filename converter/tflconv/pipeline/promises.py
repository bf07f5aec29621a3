"""What a recipe promises beyond a file close to its model: fewer bytes, fewer instructions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tflconv.conversion.quantization import SMALLEST_WEIGHT
from tflconv.inspection import delegation
from tflconv.recipe import Recipe
from tflconv.tflite import reading


def doubts(path: Path, recipe: Recipe) -> Iterator[str]:
    """Yield what the file at ``path`` does not keep; details are in lines of their own."""
    if slower := delegation.warn_if_slower(path):
        yield "\n  ".join(slower)
    if recipe.weights.startswith("int") and not delegation.is_quantized(reading.read(path).main):
        small = f" Weights of fewer than {SMALLEST_WEIGHT} values stay as they are under it."
        yield (
            f"{path.name} is the float model still: {recipe.scheme} found nothing to quantize."
            + (small if recipe.compute == "dynamic" else "")
        )
