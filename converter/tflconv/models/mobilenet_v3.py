"""MobileNetV3-Small without what integers are slow at.

Howard et al. 2019, "Searching for MobileNetV3" (https://arxiv.org/abs/1905.02244), table 2, in the
minimalistic variant of its authors: ReLU in the place of hard-swish, 3 x 3 kernels throughout and
no squeeze-and-excitation, so that every operator has a fast integer kernel. ``halvings`` is the
number of layers of stride 2, as in MobileNetV2: by default as many as leave at least 4 x 4 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, repeat

from tflconv.errors import require
from tflconv.models.mobilenet import MOMENTUM, fitting_halvings, round_channels
from tflconv.models.registry import Layers, Value, register

# Expansion of the block's input, channels, and whether it has stride 2 (Table 2 of the paper).
BLOCKS = (
    (1.0, 16, True),
    (72 / 16, 24, True),
    (88 / 24, 24, False),
    (4.0, 40, True),
    (6.0, 40, False),
    (6.0, 40, False),
    (3.0, 48, False),
    (3.0, 48, False),
    (6.0, 96, True),
    (6.0, 96, False),
    (6.0, 96, False),
)


@register("mobilenet_v3_small")
@dataclass(frozen=True, kw_only=True)
class MobileNetV3Small:
    """MobileNetV3-Small, minimalistic: ReLU, 3 x 3 kernels, no squeeze-and-excitation."""

    alpha: float = 1.0
    halvings: int = 0
    head: int = 1024

    def __post_init__(self) -> None:
        require(
            "mobilenet_v3_small",
            self,
            alpha=(self.alpha > 0, "positive"),
            head=(self.head > 0, "positive"),
            halvings=(0 <= self.halvings <= 5, "0 (fit the picture) to 5"),
        )

    def __call__(self, layers: Layers, pixels: Value, classes: int) -> Value:
        """Describe the network from ``pixels`` ``[None, height, width, channels]`` to logits."""
        halvings = self.halvings or fitting_halvings(pixels.shape[1:3])
        strides = chain(repeat(2, halvings), repeat(1))
        x = _convolve(layers, pixels, 16, 3, next(strides), "stem")
        for number, (expansion, width, halves) in enumerate(BLOCKS):
            stride = next(strides) if halves else 1
            channels = round_channels(width * self.alpha)
            x = _invert(layers, x, expansion, channels, stride, f"block{number}")
        x = _convolve(layers, x, round_channels(6 * x.shape[-1]), 1, 1, "last")
        x = layers.GlobalAveragePooling2D(name="pool")(x)
        x = layers.ReLU(name="head_relu")(layers.Dense(self.head, name="head")(x))
        return layers.Dense(classes, name="logits")(x)


def _invert(
    layers: Layers, x: Value, expansion: float, channels: int, stride: int, name: str
) -> Value:
    entered, before = x, x.shape[-1]
    if expansion > 1:
        x = _convolve(layers, x, round_channels(before * expansion), 1, 1, f"{name}_expand")
    x = layers.DepthwiseConv2D(
        3, strides=stride, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = _activate(layers, x, f"{name}_depthwise")
    x = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_project")(x)
    x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_project_norm")(x)
    if stride == 1 and before == channels:
        return layers.Add(name=f"{name}_add")([entered, x])
    return x


def _convolve(
    layers: Layers, x: Value, channels: int, kernel: int, stride: int, name: str
) -> Value:
    convolution = layers.Conv2D(
        channels, kernel, strides=stride, padding="same", use_bias=False, name=name
    )
    return _activate(layers, convolution(x), name)


def _activate(layers: Layers, x: Value, name: str) -> Value:
    x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
