"""ResNet for small pictures: the usual baseline of residual networks.

He et al. 2016 (https://arxiv.org/abs/1512.03385), section 4.2: a 3 x 3 stem at full resolution,
then three stages of ``blocks`` residual blocks with 1, 2 and 4 times ``width`` channels; the last
two halve the resolution. Three blocks per stage are ResNet-20. Where the shape changes, the
shortcut is a 1 x 1 convolution.

A ``fourth_width`` adds a stage. In the last ``separable_stages`` a block's 3 x 3 convolutions are
depthwise, each followed by a 1 x 1 (Howard et al. 2017, https://arxiv.org/abs/1704.04861): most
weights of a ResNet are in its last stage, most multiply-adds in its first.
"""

from __future__ import annotations

from dataclasses import dataclass

from tflconv.errors import require
from tflconv.models.registry import Layers, Value, register

MOMENTUM = 0.9
OWN_BLOCKS = ("first_blocks", "second_blocks", "third_blocks", "fourth_blocks")


@register("resnet")
@dataclass(frozen=True, kw_only=True)
class ResNet:
    """ResNet of basic blocks for small pictures; 3 blocks per stage are ResNet-20."""

    width: int = 16
    blocks: int = 3
    stem_stride: int = 1
    second_width: int = 0
    third_width: int = 0
    fourth_width: int = 0
    first_blocks: int = -1
    second_blocks: int = -1
    third_blocks: int = -1
    fourth_blocks: int = -1
    separable_stages: int = 0

    def __post_init__(self) -> None:
        widths = {name: getattr(self, name) for name in ("second_width", "third_width")}
        own_blocks = {name: getattr(self, name) for name in OWN_BLOCKS}
        require(
            "resnet",
            self,
            width=(self.width > 0, "positive"),
            blocks=(self.blocks > 0, "positive"),
            stem_stride=(self.stem_stride in (1, 2), "1 or 2"),
            fourth_width=(self.fourth_width >= 0, "0 (no fourth stage) or more"),
            separable_stages=(0 <= self.separable_stages <= 4, "0 to 4"),
            **{
                name: (value >= 0, "0 (twice the one before) or more")
                for name, value in widths.items()
            },
            **{name: (value >= -1, "-1 (as blocks) or more") for name, value in own_blocks.items()},
        )

    def __call__(self, layers: Layers, pixels: Value, classes: int) -> Value:
        """Describe the network from ``pixels`` ``[None, height, width, channels]`` to logits."""
        x = convolve(layers, pixels, self.width, 3, self.stem_stride, "stem")
        x = layers.ReLU(name="stem_relu")(x)
        stages = self._stages()
        for stage, (channels, blocks) in enumerate(stages):
            separable = stage >= len(stages) - self.separable_stages
            for block in range(blocks):
                stride = 2 if stage and not block else 1
                add = add_separable_block if separable else add_block
                x = add(layers, x, channels, stride, f"stage{stage}_{block}")
        x = layers.GlobalAveragePooling2D(name="pool")(x)
        return layers.Dense(classes, name="logits")(x)

    def _stages(self) -> tuple[tuple[int, int], ...]:
        """Channels and blocks of each stage."""
        second = self.second_width or 2 * self.width
        widths = (self.width, second, self.third_width or 2 * second, self.fourth_width)
        own_blocks = (getattr(self, name) for name in OWN_BLOCKS)
        return tuple(
            (width, self.blocks if blocks < 0 else blocks)
            for width, blocks in zip(widths, own_blocks, strict=True)
            if width
        )


def add_block(layers: Layers, x: Value, channels: int, stride: int, name: str) -> Value:
    """Describe a basic block of two 3 x 3 convolutions, the first of them with ``stride``."""
    shortcut = _shortcut(layers, x, channels, stride, name)
    x = convolve(layers, x, channels, 3, stride, f"{name}_first")
    x = layers.ReLU(name=f"{name}_first_relu")(x)
    x = convolve(layers, x, channels, 3, 1, f"{name}_second")
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([shortcut, x]))


def add_separable_block(layers: Layers, x: Value, channels: int, stride: int, name: str) -> Value:
    """Describe a block of two depthwise 3 x 3 convolutions, each followed by a 1 x 1."""
    shortcut = _shortcut(layers, x, channels, stride, name)
    x = _separate(layers, x, channels, stride, f"{name}_first")
    x = layers.ReLU(name=f"{name}_first_relu")(x)
    x = _separate(layers, x, channels, 1, f"{name}_second")
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([shortcut, x]))


def _shortcut(layers: Layers, x: Value, channels: int, stride: int, name: str) -> Value:
    if stride == 1 and x.shape[-1] == channels:
        return x
    return convolve(layers, x, channels, 1, stride, f"{name}_shortcut")


def _separate(layers: Layers, x: Value, channels: int, stride: int, name: str) -> Value:
    depthwise = layers.DepthwiseConv2D(
        3, strides=stride, padding="same", use_bias=False, name=f"{name}_depthwise"
    )
    x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_depthwise_norm")(depthwise(x))
    return convolve(layers, x, channels, 1, 1, name)


def convolve(layers: Layers, x: Value, channels: int, kernel: int, stride: int, name: str) -> Value:
    """Describe a convolution without bias, and its BatchNormalization.

    Args:
        layers: Keras's layers, or what counts their cost.
        x: What is convolved, [batch, height, width, channels].
        channels: Channels of the result.
        kernel: Side of the window in pixels.
        stride: Step of the window in pixels.
        name: Name of the convolution; that of the norm begins with it.

    Returns:
        The result.
    """
    convolution = layers.Conv2D(
        channels, kernel, strides=stride, padding="same", use_bias=False, name=name
    )
    return layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm")(convolution(x))
