"""A hybrid of convolutions and attention for phones, MobileViT, in a form for INT8.

Mehta and Rastegari 2022, "MobileViT" (https://arxiv.org/abs/2110.02178): inverted residuals as in
MobileNetV2, and in the last three stages a block that looks at the whole picture: a 3 x 3 and a
1 x 1 convolution, transformer layers over all places, a 1 x 1 convolution back, and a 3 x 3 one of
that and of what came in. Every operation has a fast integer kernel here, as in ``vit_int8``:

* BatchNormalization replaces LayerNormalization, ReLU attention softmax, ReLU6 and ReLU SiLU;
* each place attends to all others. In the paper it attends to every fourth, those at the same
  place in their patches of 2 x 2; the weights are the same, only products of attention are more.

With ``width`` 1 the weights are those of MobileViT-XXS. Resolution is halved as often as leaves at
least 4 x 4 places, five times at most, as in the paper at 256 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

from tflconv.errors import require
from tflconv.models.mobilenet import convolve, fitting_halvings, invert, round_channels, strides
from tflconv.models.registry import Layers, Value, register

MOMENTUM = 0.9
EXPANSION = 2

# Channels, blocks and whether the first of them has stride 2 (Table 4 of the paper, XXS).
CONVOLVED = ((16, 1, False), (24, 3, True))

# Channels, width of the transformer, and its layers; each stage begins with stride 2.
ATTENDED = ((48, 64, 2), (64, 80, 4), (80, 96, 3))


@register("mobilevit_int8")
@dataclass(frozen=True, kw_only=True)
class MobileViTInt8:
    """MobileViT-XXS for INT8: inverted residuals, then convolutions around ReLU attention."""

    width: float = 1.0
    heads: int = 4
    halvings: int = 0
    head: int = 320

    def __post_init__(self) -> None:
        require(
            "mobilevit_int8",
            self,
            width=(self.width > 0, "positive"),
            heads=(self.heads in (1, 2, 4, 8), "1, 2, 4 or 8"),
            head=(self.head > 0, "positive"),
            halvings=(0 <= self.halvings <= 5, "0 (fit the picture) to 5"),
        )

    def __call__(self, layers: Layers, pixels: Value, classes: int) -> Value:
        """Describe the network from ``pixels`` ``[None, height, width, channels]`` to logits."""
        steps = strides(self.halvings or fitting_halvings(pixels.shape[1:3]))
        x = convolve(layers, pixels, self._channels(16), 3, next(steps), "stem")
        for stage, (channels, blocks, halves) in enumerate(CONVOLVED, start=1):
            for block in range(blocks):
                stride = next(steps) if halves and block == 0 else 1
                name = f"stage{stage}_{block}"
                x = invert(layers, x, EXPANSION, self._channels(channels), stride, name)
        for stage, (channels, dim, depth) in enumerate(ATTENDED, start=1 + len(CONVOLVED)):
            name = f"stage{stage}"
            x = invert(layers, x, EXPANSION, self._channels(channels), next(steps), f"{name}_0")
            x = self._look_around(layers, x, self._channels(dim), depth, name)
        x = convolve(layers, x, self.head, 1, 1, "head")
        x = layers.GlobalAveragePooling2D(name="pool")(x)
        return layers.Dense(classes, name="logits")(x)

    def _look_around(self, layers: Layers, x: Value, dim: int, depth: int, name: str) -> Value:
        """Add a MobileViT block of transformer layers that are ``dim`` wide."""
        _, height, width, channels = x.shape
        local = convolve(layers, x, channels, 3, 1, f"{name}_local")
        local = layers.Conv2D(dim, 1, use_bias=False, name=f"{name}_in")(local)
        tokens = layers.Reshape((height * width, dim), name=f"{name}_tokens")(local)
        for number in range(depth):
            tokens = self._attend(layers, tokens, f"{name}_block{number}_attention")
            tokens = _transform(layers, tokens, 2 * dim, f"{name}_block{number}_mlp")
        tokens = _normalized(layers, tokens, f"{name}_norm")
        grid = layers.Reshape((height, width, dim), name=f"{name}_grid")(tokens)
        grid = convolve(layers, grid, channels, 1, 1, f"{name}_out")
        both = layers.Concatenate(name=f"{name}_both")([x, grid])
        return convolve(layers, both, channels, 3, 1, f"{name}_fused")

    def _attend(self, layers: Layers, tokens: Value, name: str) -> Value:
        mixed = layers.ReluAttention(self.heads, name=name)(
            _normalized(layers, tokens, f"{name}_norm")
        )
        return layers.Add(name=f"{name}_add")([tokens, mixed])

    def _channels(self, published: int) -> int:
        return round_channels(published * self.width)


def _transform(layers: Layers, tokens: Value, wide: int, name: str) -> Value:
    dim = tokens.shape[-1]
    inner = _normalized(layers, tokens, f"{name}_norm")
    inner = layers.Dense(wide, name=f"{name}_in")(inner)
    inner = layers.Activation("relu", name=f"{name}_relu")(inner)
    inner = layers.Dense(dim, name=f"{name}_out")(inner)
    return layers.Add(name=f"{name}_add")([tokens, inner])


def _normalized(layers: Layers, values: Value, name: str) -> Value:
    return layers.BatchNormalization(momentum=MOMENTUM, name=name)(values)
