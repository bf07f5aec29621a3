"""The networks that were searched for a budget, as plain Keras models with their cards.

    python shapes.py FOLDER

A shape is told by its stages, of which each but the first halves the resolution, and a stage by
its residual blocks with their widths:

* ``basic``: two 3 x 3 convolutions (He et al. 2016, https://arxiv.org/abs/1512.03385);
* ``single``: one;
* ``bottleneck``: 1 x 1, 3 x 3 and 1 x 1, with half of the width between;
* ``separable``: twice a depthwise 3 x 3 and a 1 x 1 (Howard et al. 2017,
  https://arxiv.org/abs/1704.04861);
* ``mixed``: a 3 x 3 convolution, then a depthwise one and a 1 x 1.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import adopt

from tflconv import data, models
from tflconv.core.tensorflow import keras2
from tflconv.models import layers
from tflconv.training.saving import write_model

MOMENTUM = 0.9
SIDE, CLASSES = 32, 10

SHAPES = {
    "resnet8": "basic16 | basic32 | basic64",
    "four96": "basic16 | mixed32 | mixed64 separable64 | separable96",
    "four128": "basic16 | basic32 | separable64 | separable128",
    "singles": "basic16 | single32 single32 | single64 bottleneck64",
    "bottlenecks": "basic16 | single32 bottleneck32 | single64 bottleneck64 bottleneck64",
    "thin": "basic16 | basic32 | mixed64 bottleneck64",
    "mixed": "mixed16 | mixed32 mixed32 mixed32 mixed32 mixed32 | mixed64 mixed64 mixed64",
    "deep96": "mixed16 | mixed32 mixed32 mixed32 mixed32 mixed32 mixed32"
    " | mixed64 mixed64 separable64 | separable96",
    "deep128": "mixed16 | mixed32 mixed32 mixed32 mixed32 mixed32 mixed32"
    " | mixed64 mixed64 | separable128",
    "quarter": "basic16 single16 | single32 bottleneck32",
}
HALVED = ("quarter",)
"""Shapes whose first convolution halves the resolution, too."""
TRANSFORMERS = {
    "vit_int8": {"dim": 128, "depth": 3, "heads": 4, "stem": 64, "stages": 2},
    "vit96-2": {"dim": 96, "depth": 2, "heads": 3, "stem": 48, "stages": 2, "stem_convolutions": 2},
    "vit96-3": {"dim": 96, "depth": 3, "heads": 3, "stem": 24, "stages": 2, "stem_convolutions": 2},
}
"""Options of ``vit_int8``; ``vit96`` has more convolutions before its 64 tokens."""


def main() -> None:
    """Write each shape and vision transformer as ``.keras`` and ``.npz``."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    pictures = data.load("cifar-10", seed=0)
    made = {name: build(text, 2 if name in HALVED else 1) for name, text in SHAPES.items()}
    for name, options in TRANSFORMERS.items():
        made[name] = models.build("vit_int8", (SIDE, SIDE, 3), CLASSES, **options)
    for name, model in made.items():
        file = folder / f"{name}.keras"
        write_model(file, model, adopt.card_of(name, {}, pictures))
        adopt.write_network(file, file.with_suffix(".npz"))


def build(text: str, stem_stride: int = 1) -> Any:
    """Return a Keras model of a shape."""
    pixels = keras2.Input((SIDE, SIDE, 3), name="pixels")
    x = layers.ReLU()(_convolve(pixels, 16, 3, stem_stride))
    for stage, blocks in enumerate(text.split(" | ")):
        for number, block in enumerate(blocks.split(" ")):
            kind = block.rstrip("0123456789")
            width = int(block.removeprefix(kind))
            x = _residual(BLOCKS[kind], x, width, 2 if stage and not number else 1)
    return keras2.Model(pixels, layers.Dense(CLASSES)(layers.GlobalAveragePooling2D()(x)))


def _residual(block: Callable[..., Any], x: Any, width: int, stride: int) -> Any:
    inner = block(x, width, stride)
    if stride > 1 or x.shape[-1] != width:
        x = _convolve(x, width, 1, stride)
    return layers.ReLU()(layers.Add()([x, inner]))


def _basic(x: Any, width: int, stride: int) -> Any:
    return _convolve(layers.ReLU()(_convolve(x, width, 3, stride)), width, 3)


def _single(x: Any, width: int, stride: int) -> Any:
    return _convolve(x, width, 3, stride)


def _bottleneck(x: Any, width: int, stride: int) -> Any:
    x = layers.ReLU()(_convolve(x, width // 2, 1))
    x = layers.ReLU()(_convolve(x, width // 2, 3, stride))
    return _convolve(x, width, 1)


def _separable(x: Any, width: int, stride: int) -> Any:
    x = layers.ReLU()(_convolve(_depthwise(x, stride), width, 1))
    return _convolve(_depthwise(x), width, 1)


def _mixed(x: Any, width: int, stride: int) -> Any:
    x = layers.ReLU()(_convolve(x, width, 3, stride))
    return _convolve(_depthwise(x), width, 1)


BLOCKS = {
    "basic": _basic,
    "single": _single,
    "bottleneck": _bottleneck,
    "separable": _separable,
    "mixed": _mixed,
}


def _convolve(x: Any, width: int, kernel: int, stride: int = 1) -> Any:
    x = layers.Conv2D(width, kernel, strides=stride, padding="same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=MOMENTUM)(x)


def _depthwise(x: Any, stride: int = 1) -> Any:
    x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=MOMENTUM)(x)


if __name__ == "__main__":
    main()
