"""SqueezeNet: few parameters, because channels are reduced before every 3 x 3 convolution.

Iandola et al. 2016 (https://arxiv.org/abs/1602.07360), in the authors' version 1.1. A fire module
squeezes to few channels and expands by parallel 1 x 1 and 3 x 3 convolutions. The published network
halves the resolution four times; ``halvings`` is that number, by default as large as leaves at
least 4 x 4 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

from tflconv.errors import require
from tflconv.models.mobilenet import fitting_halvings
from tflconv.models.registry import Layers, Value, register

# Squeezed and expanded channels of the fire modules, by stage; a stage may begin with a pooling.
STAGES = (
    ((16, 64), (16, 64)),
    ((32, 128), (32, 128)),
    ((48, 192), (48, 192), (64, 256), (64, 256)),
)


@register("squeezenet")
@dataclass(frozen=True, kw_only=True)
class SqueezeNet:
    """SqueezeNet 1.1 with a stem fit for small pictures."""

    halvings: int = 0

    def __post_init__(self) -> None:
        fits = 0 <= self.halvings <= 4
        require("squeezenet", self, halvings=(fits, "0 (fit the picture) to 4"))

    def __call__(self, layers: Layers, pixels: Value, classes: int) -> Value:
        """Describe the network from ``pixels`` ``[None, height, width, channels]`` to logits."""
        halvings = self.halvings or min(4, fitting_halvings(pixels.shape[1:3]))
        x = _convolve(layers, pixels, 64, 3, 2, "stem")
        for stage, fires in enumerate(STAGES, start=1):
            if stage < halvings:
                x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"stage{stage}_pool")(x)
            for fire, (squeezed, expanded) in enumerate(fires):
                x = _fire(layers, x, squeezed, expanded, f"stage{stage}_{fire}")
        x = layers.Conv2D(classes, 1, name="class_maps")(x)
        return layers.GlobalAveragePooling2D(name="logits")(x)


def _fire(layers: Layers, x: Value, squeezed: int, expanded: int, name: str) -> Value:
    x = _convolve(layers, x, squeezed, 1, 1, f"{name}_squeeze")
    sides = [
        _convolve(layers, x, expanded, kernel, 1, f"{name}_{kernel}x{kernel}") for kernel in (1, 3)
    ]
    return layers.Concatenate(name=f"{name}_join")(sides)


def _convolve(
    layers: Layers, x: Value, channels: int, kernel: int, stride: int, name: str
) -> Value:
    x = layers.Conv2D(channels, kernel, strides=stride, padding="same", name=name)(x)
    return layers.ReLU(name=f"{name}_relu")(x)
