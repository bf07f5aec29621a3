"""The smallest pictures that something can be learned from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def write(folder: Path) -> Path:
    """Fill ``folder`` with two classes that differ in brightness, 8 x 8 pixels, 40 of each."""
    draw = np.random.default_rng(0)
    for name, shade in (("dark", 60), ("light", 190)):
        (folder / name).mkdir(parents=True)
        for number in range(40):
            pixels = np.clip(draw.normal(shade, 40, (8, 8, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number:02}.png")
    return folder
