"""Write a ``.tflite`` file of equal layers: ``python tests/figures/equal_layers.py 20 FILE``.

Each is a 3 x 3 convolution of 32 channels over 14 x 14 floats. So of two files of which one has 20
layers and the other 21, one truly does a twentieth more work.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as fb

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from tiny_graphs import Builder

SIDE, CHANNELS = 14, 32


def write(path: Path, layers: int) -> Path:
    """Write a file of ``layers`` convolutions and return its path."""
    builder, random = Builder(), np.random.default_rng(0)
    shape, kernel = (1, SIDE, SIDE, CHANNELS), (CHANNELS, 3, 3, CHANNELS)
    source = value = builder.tensor(shape)
    for _ in range(layers):
        weights = random.normal(scale=(2 / (9 * CHANNELS)) ** 0.5, size=kernel)
        inputs = [
            value,
            builder.tensor(kernel, values=weights),
            builder.tensor((CHANNELS,), values=0),
        ]
        value = builder.tensor(shape)
        builder.op("CONV_2D", inputs, [value], _options())
    return builder.write(path, [source], [value])


def _options() -> fb.Conv2DOptionsT:
    options = fb.Conv2DOptionsT()
    options.padding = fb.Padding.SAME
    options.strideW = options.strideH = options.dilationWFactor = options.dilationHFactor = 1
    options.fusedActivationFunction = fb.ActivationFunctionType.RELU
    return options


if __name__ == "__main__":
    write(Path(sys.argv[2]), int(sys.argv[1]))
