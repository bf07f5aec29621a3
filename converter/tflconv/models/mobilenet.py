"""MobileNet: depthwise separable convolutions for phones.

V1, Howard et al. 2017 (https://arxiv.org/abs/1704.04861), stacks such pairs. V2, Sandler et al.
2018 (https://arxiv.org/abs/1801.04381), puts them into inverted residuals with linear bottlenecks.
The published networks halve the resolution five times, which leaves one pixel of a 28 px digit.
``halvings`` is the number of layers of stride 2; by default as many as leave at least 4 x 4 pixels,
five at most. The first ones are kept, because they make everything after them cheap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat

from tflconv.errors import require
from tflconv.models.registry import Layers, Value, register

MOMENTUM = 0.9
"""Momentum of BatchNorm statistics: small datasets have too few steps for the usual 0.999."""

# Expansion, channels, repeats, and whether the first repeat has stride 2 (Table 2 of the paper).
STAGES_V2 = (
    (1, 16, 1, False),
    (6, 24, 2, True),
    (6, 32, 3, True),
    (6, 64, 4, True),
    (6, 96, 3, False),
    (6, 160, 3, True),
    (6, 320, 1, False),
)

# Channels, and whether the pair has stride 2 (Table 1 of the paper).
PAIRS_V1 = (
    (64, False),
    (128, True),
    (128, False),
    (256, True),
    (256, False),
    (512, True),
    *((512, False),) * 5,
    (1024, True),
    (1024, False),
)


@register("mobilenet_v1")
@dataclass(frozen=True, kw_only=True)
class MobileNetV1:
    """MobileNetV1 with width multiplier alpha and a stem fit for small pictures."""

    alpha: float = 0.25
    halvings: int = 0

    def __post_init__(self) -> None:
        require(
            "mobilenet_v1",
            self,
            alpha=(self.alpha > 0, "positive"),
            halvings=(0 <= self.halvings <= 5, "0 (fit the picture) to 5"),
        )

    def __call__(self, layers: Layers, pixels: Value, classes: int) -> Value:
        """Describe the network from ``pixels`` ``[None, height, width, channels]`` to logits."""
        steps = strides(self.halvings or fitting_halvings(pixels.shape[1:3]))
        x = convolve(layers, pixels, round_channels(32 * self.alpha), 3, next(steps), "stem")
        for pair, (width, halves) in enumerate(PAIRS_V1, start=1):
            x = separate(layers, x, next(steps) if halves else 1, f"pair{pair}_depthwise")
            x = convolve(layers, x, round_channels(width * self.alpha), 1, 1, f"pair{pair}_mix")
        x = layers.GlobalAveragePooling2D(name="pool")(x)
        return layers.Dense(classes, name="logits")(x)


@register("mobilenet_v2")
@dataclass(frozen=True, kw_only=True)
class MobileNetV2:
    """MobileNetV2 with width multiplier alpha and a stem fit for small pictures."""

    alpha: float = 0.35
    halvings: int = 0
    head: int = 1280

    def __post_init__(self) -> None:
        require(
            "mobilenet_v2",
            self,
            alpha=(self.alpha > 0, "positive"),
            head=(self.head > 0, "positive"),
            halvings=(0 <= self.halvings <= 5, "0 (fit the picture) to 5"),
        )

    def __call__(self, layers: Layers, pixels: Value, classes: int) -> Value:
        """Describe the network from ``pixels`` ``[None, height, width, channels]`` to logits."""
        steps = strides(self.halvings or fitting_halvings(pixels.shape[1:3]))
        x = convolve(layers, pixels, round_channels(32 * self.alpha), 3, next(steps), "stem")
        for stage, (expansion, width, blocks, halves) in enumerate(STAGES_V2, start=1):
            channels = round_channels(width * self.alpha)
            for block in range(blocks):
                stride = next(steps) if halves and block == 0 else 1
                x = invert(layers, x, expansion, channels, stride, f"stage{stage}_{block}")
        x = convolve(layers, x, self.head, 1, 1, "head")
        x = layers.GlobalAveragePooling2D(name="pool")(x)
        return layers.Dense(classes, name="logits")(x)


def fitting_halvings(size: Sequence[int]) -> int:
    """Return how often a picture can be halved until at least 4 x 4 pixels are left, 1 to 5.

    Args:
        size: Height and width in pixels.

    Example:
        >>> fitting_halvings((28, 28)), fitting_halvings((224, 224))
        (3, 5)
    """
    return max(1, min(5, (min(size) - 1).bit_length() - 2))


def round_channels(channels: float, step: int = 8) -> int:
    """Round to a multiple of ``step``, but not below 90 % of ``channels``.

    Example:
        >>> round_channels(11.2)
        16
    """
    nearest = max(step, int(channels + step / 2) // step * step)
    return nearest + step if nearest < 0.9 * channels else nearest


def convolve(layers: Layers, x: Value, channels: int, kernel: int, stride: int, name: str) -> Value:
    """Add a convolution, BatchNorm and ReLU6.

    Args:
        layers: Keras's layers, or what counts their cost.
        x: What is convolved, [batch, height, width, channels].
        channels: Channels of the result.
        kernel: Side of the window in pixels.
        stride: Step of the window in pixels.
        name: Name of the layer; those of the others begin with it.

    Returns:
        The result.
    """
    x = layers.Conv2D(channels, kernel, strides=stride, padding="same", use_bias=False, name=name)(
        x
    )
    return _activate(layers, x, name)


def separate(layers: Layers, x: Value, stride: int, name: str) -> Value:
    """Add a 3 x 3 depthwise convolution, BatchNorm and ReLU6."""
    x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False, name=name)(x)
    return _activate(layers, x, name)


def invert(
    layers: Layers, x: Value, expansion: int, channels: int, stride: int, name: str
) -> Value:
    """Add an inverted residual: expand, convolve depthwise, project without activation."""
    entered, before = x, x.shape[-1]
    if expansion > 1:
        x = convolve(layers, x, before * expansion, 1, 1, f"{name}_expand")
    x = separate(layers, x, stride, f"{name}_depthwise")
    x = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_project")(x)
    x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_project_norm")(x)
    if stride == 1 and before == channels:
        return layers.Add(name=f"{name}_add")([entered, x])
    return x


def _activate(layers: Layers, x: Value, name: str) -> Value:
    x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm")(x)
    return layers.ReLU(6.0, name=f"{name}_relu6")(x)


def strides(halvings: int) -> Iterator[int]:
    """Yield the strides of the layers that may halve the resolution, first layer first."""
    return chain(repeat(2, halvings), repeat(1))
