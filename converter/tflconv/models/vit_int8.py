"""A small vision transformer for INT8: every operation has a fast integer kernel.

A plain ViT runs slower in INT8 than in float, because LayerNormalization, softmax and GELU have no
fast integer kernel, and each of them splits the graph into delegate partitions. Here

* a stem of stride-2 convolutions makes few but rich patches (Xiao et al. 2021, "Early convolutions
  help transformers see better", https://arxiv.org/abs/2106.14881): 16 tokens at 32 pixels. More
  convolutions at each resolution, as there, are asked for by ``stem_convolutions``;
* BatchNormalization replaces LayerNormalization. It is affine at inference, so
  ``tflconv.network.passes`` folds it into its neighbours and nothing of it is left;
* attention weighs by ``relu(scores) / tokens`` (Wortsman et al. 2023, "Replacing softmax with ReLU
  in vision transformers", https://arxiv.org/abs/2309.08586): the ReLU becomes saturation of the
  integer scores, and the division is folded into the weights of the value projection;
* ReLU replaces GELU, and the mean of the tokens replaces the class token.

Self-attention over patches stays; all of it is matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass

from tflconv.errors import require
from tflconv.models.registry import Layers, Value, register, require_positive

MOMENTUM = 0.99


@register("vit_int8")
@dataclass(frozen=True, kw_only=True)
class ViTInt8:
    """Vision Transformer for INT8: conv stem, BatchNorm, ReLU attention, mean of tokens."""

    dim: int = 128
    depth: int = 2
    heads: int = 2
    mlp_ratio: float = 2.0
    stem: int = 16
    stages: int = 3
    stem_convolutions: int = 1

    def __post_init__(self) -> None:
        require_positive("vit_int8", self)
        require("vit_int8", self, dim=(self.dim % self.heads == 0, "a multiple of heads"))

    def __call__(self, layers: Layers, pixels: Value, classes: int) -> Value:
        """Describe the network from ``pixels`` ``[None, height, width, channels]`` to logits."""
        tokens = self._embed(layers, pixels)
        for number in range(self.depth):
            tokens = self._attend(layers, tokens, f"block{number}_attention")
            tokens = self._transform(layers, tokens, f"block{number}_mlp")
        tokens = _normalized(layers, tokens, "norm")
        mean = layers.GlobalAveragePooling1D(name="mean")(tokens)
        return layers.Dense(classes, name="logits")(mean)

    def _embed(self, layers: Layers, pixels: Value) -> Value:
        """Add stages of stride 2, each twice as wide as the one before; the last has ``dim``."""
        grid = pixels
        widths = [self.stem * 2**stage for stage in range(self.stages - 1)]
        for stage, width in enumerate((*widths, self.dim)):
            grid = _convolved(layers, grid, width, 2, f"stem{stage}")
            for more in range(1, self.stem_convolutions):
                grid = _convolved(layers, grid, width, 1, f"stem{stage}_{more}")
        _, height, width, _ = grid.shape
        tokens = layers.Reshape((height * width, self.dim), name="tokens")(grid)
        return layers.PositionEmbedding(name="positions")(tokens)

    def _attend(self, layers: Layers, tokens: Value, name: str) -> Value:
        normal = _normalized(layers, tokens, f"{name}_norm")
        mixed = layers.ReluAttention(self.heads, name=name)(normal)
        return layers.Add(name=f"{name}_add")([tokens, mixed])

    def _transform(self, layers: Layers, tokens: Value, name: str) -> Value:
        inner = _normalized(layers, tokens, f"{name}_norm")
        inner = layers.Dense(round(self.dim * self.mlp_ratio), name=f"{name}_in")(inner)
        inner = layers.Activation("relu", name=f"{name}_relu")(inner)
        inner = layers.Dense(self.dim, name=f"{name}_out")(inner)
        return layers.Add(name=f"{name}_add")([tokens, inner])


def _convolved(layers: Layers, grid: Value, width: int, strides: int, name: str) -> Value:
    convolution = layers.Conv2D(
        width, 3, strides=strides, padding="same", use_bias=False, name=name
    )
    grid = _normalized(layers, convolution(grid), f"{name}_norm")
    return layers.ReLU(name=f"{name}_relu")(grid)


def _normalized(layers: Layers, values: Value, name: str) -> Value:
    return layers.BatchNormalization(momentum=MOMENTUM, name=name)(values)
