"""A model with random weights, for figures that do not depend on what was learned.

``python tests/figures/random_model.py mobilenet_v2 --resolution 96 -o mobilenet_v2.keras``. Weights
are drawn so that a deep network neither dies nor explodes, BatchNorm statistics lie far from their
initial 0 and 1, so that nothing can be left out as idle. Beside it comes ``noise.npy``: pixels to
calibrate with.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from tflconv import models


def randomize(model: Any, seed: int = 0) -> None:
    """Draw all weights of ``model``, those of models inside of it too."""
    random = np.random.default_rng(seed)
    for layer in model._flatten_layers(include_self=False, recursive=True):
        norm = "Normalization" in type(layer).__name__
        layer.set_weights(
            [
                random.uniform(0.5, 1.5, weight.shape)
                if norm and index in (0, 3)
                else _normal(random, weight.shape)
                for index, weight in enumerate(layer.get_weights())
            ]
        )


def _normal(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    kernel = len(shape) > 1
    return random.normal(0, np.prod(shape[:-1]) ** -0.5 if kernel else 0.1, shape)


@click.command()
@click.argument("name")
@click.option("--resolution", default=96, show_default=True)
@click.option("--classes", default=10, show_default=True)
@click.option("--option", "options", multiple=True, help="NAME=VALUE, an option of the model.")
@click.option("-o", "output", type=click.Path(path_type=Path), required=True)
def main(name: str, resolution: int, classes: int, options: tuple[str, ...], output: Path) -> None:
    """Write a model of the registry with random weights."""
    shape = (resolution, resolution, 3)
    model = models.build(name, shape, classes, **models.parse_options(name, options))
    randomize(model)
    model.save(output)
    noise = np.random.default_rng(1).integers(0, 256, (20, *shape), dtype=np.uint8)
    np.save(output.with_name("noise.npy"), noise)


if __name__ == "__main__":
    main()
