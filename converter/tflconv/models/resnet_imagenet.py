"""ResNet for pictures of 224 pixels: 18 layers of basic blocks, or 50 of bottlenecks.

He et al. 2016 (https://arxiv.org/abs/1512.03385), table 1: a 7 x 7 stem and a pooling that quarter
the resolution, then four stages that start with 64 channels and double them. A bottleneck narrows
to a quarter, convolves and widens again; as in the paper, its first convolution has the stride.
Where the shape changes, the shortcut is a 1 x 1 convolution.
"""

from __future__ import annotations

from dataclasses import dataclass

from tflconv.errors import require
from tflconv.models.registry import Layers, Value, register
from tflconv.models.resnet import add_block, convolve

_STAGES = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
_BOTTLENECKS = (50, 101)


@register("resnet_imagenet")
@dataclass(frozen=True, kw_only=True)
class ResNetImageNet:
    """ResNet of 18, 34, 50 or 101 layers for large pictures."""

    depth: int = 18
    width: int = 64

    def __post_init__(self) -> None:
        require(
            "resnet_imagenet",
            self,
            depth=(self.depth in _STAGES, "18, 34, 50 or 101"),
            width=(self.width > 0, "positive"),
        )

    def __call__(self, layers: Layers, pixels: Value, classes: int) -> Value:
        """Describe the network from ``pixels`` ``[None, height, width, channels]`` to logits."""
        x = layers.ReLU(name="stem_relu")(convolve(layers, pixels, self.width, 7, 2, "stem"))
        x = layers.MaxPooling2D(3, strides=2, padding="same", name="stem_pool")(x)
        add = _add_bottleneck if self.depth in _BOTTLENECKS else add_block
        for stage, blocks in enumerate(_STAGES[self.depth]):
            for block in range(blocks):
                stride = 2 if stage and not block else 1
                x = add(layers, x, self.width * 2**stage, stride, f"stage{stage}_{block}")
        x = layers.GlobalAveragePooling2D(name="pool")(x)
        return layers.Dense(classes, name="logits")(x)


def _add_bottleneck(layers: Layers, x: Value, channels: int, stride: int, name: str) -> Value:
    shortcut, wide = x, 4 * channels
    if stride > 1 or x.shape[-1] != wide:
        shortcut = convolve(layers, x, wide, 1, stride, f"{name}_shortcut")
    x = convolve(layers, x, channels, 1, stride, f"{name}_narrow")
    x = layers.ReLU(name=f"{name}_narrow_relu")(x)
    x = convolve(layers, x, channels, 3, 1, f"{name}_middle")
    x = layers.ReLU(name=f"{name}_middle_relu")(x)
    x = convolve(layers, x, wide, 1, 1, f"{name}_wide")
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([shortcut, x]))
