"""ResNet for small pictures: the usual baseline of residual networks.

He et al. 2016 (https://arxiv.org/abs/1512.03385), section 4.2: a 3 x 3 stem at full resolution,
then three stages of ``blocks`` residual blocks with 1, 2 and 4 times ``width`` channels; the last
two halve the resolution. Three blocks per stage are ResNet-20. Where the shape changes, the
shortcut is a 1 x 1 convolution.
"""

from __future__ import annotations

from dataclasses import dataclass

from tflconv.errors import require
from tflconv.models.registry import Layers, Value, register

MOMENTUM = 0.9
OWN_BLOCKS = ("first_blocks", "second_blocks", "third_blocks")


@register("resnet")
@dataclass(frozen=True, kw_only=True)
class ResNet:
    """ResNet of basic blocks for small pictures; 3 blocks per stage are ResNet-20."""

    width: int = 16
    blocks: int = 3
    stem_stride: int = 1
    second_width: int = 0
    third_width: int = 0
    first_blocks: int = -1
    second_blocks: int = -1
    third_blocks: int = -1

    def __post_init__(self) -> None:
        widths = {name: getattr(self, name) for name in ("second_width", "third_width")}
        own = {name: getattr(self, name) for name in OWN_BLOCKS}
        require(
            "resnet",
            self,
            width=(self.width > 0, "positive"),
            blocks=(self.blocks > 0, "positive"),
            stem_stride=(self.stem_stride in (1, 2), "1 or 2"),
            **{
                name: (value >= 0, "0 (twice the one before) or more")
                for name, value in widths.items()
            },
            **{name: (value >= -1, "-1 (as blocks) or more") for name, value in own.items()},
        )

    def __call__(self, layers: Layers, pixels: Value, classes: int) -> Value:
        """Describe the network from ``pixels`` ``[None, height, width, channels]`` to logits."""
        x = convolve(layers, pixels, self.width, 3, self.stem_stride, "stem")
        x = layers.ReLU(name="stem_relu")(x)
        for stage, (channels, blocks) in enumerate(self._stages()):
            for block in range(blocks):
                stride = 2 if stage and not block else 1
                x = add_block(layers, x, channels, stride, f"stage{stage}_{block}")
        x = layers.GlobalAveragePooling2D(name="pool")(x)
        return layers.Dense(classes, name="logits")(x)

    def _stages(self) -> tuple[tuple[int, int], ...]:
        """Channels and blocks of each stage."""
        second = self.second_width or 2 * self.width
        widths = (self.width, second, self.third_width or 2 * second)
        own = (getattr(self, name) for name in OWN_BLOCKS)
        return tuple(
            (width, self.blocks if blocks < 0 else blocks)
            for width, blocks in zip(widths, own, strict=True)
        )


def add_block(layers: Layers, x: Value, channels: int, stride: int, name: str) -> Value:
    """Describe a basic block of two 3 x 3 convolutions, the first of them with ``stride``."""
    shortcut = x
    if stride > 1 or x.shape[-1] != channels:
        shortcut = convolve(layers, x, channels, 1, stride, f"{name}_shortcut")
    x = convolve(layers, x, channels, 3, stride, f"{name}_first")
    x = layers.ReLU(name=f"{name}_first_relu")(x)
    x = convolve(layers, x, channels, 3, 1, f"{name}_second")
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([shortcut, x]))


def convolve(layers: Layers, x: Value, channels: int, kernel: int, stride: int, name: str) -> Value:
    """Describe a convolution without bias, and its BatchNormalization."""
    convolution = layers.Conv2D(
        channels, kernel, strides=stride, padding="same", use_bias=False, name=name
    )
    return layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm")(convolution(x))
