"""The Vision Transformer (ViT): self-attention over the patches of a picture.

Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words" (https://arxiv.org/abs/2010.11929): patches
become tokens, a class token is added, pre-norm blocks of attention and MLP mix the tokens, and the
class token gives the logits. This is the plain ViT; ``tflconv.network.passes`` rewrites its graph
for INT8 when it is converted.
"""

from __future__ import annotations

from dataclasses import dataclass

from tflconv.errors import UsageError, require
from tflconv.models.registry import Layers, Value, register, require_positive

EPSILON = 1e-6


@register("vit")
@dataclass(frozen=True, kw_only=True)
class ViT:
    """Vision Transformer with class token, multi-head attention, LayerNorm and GELU.

    ``registers`` are learned tokens beside the class token that are read by none (Darcet et al.
    2024, "Vision Transformers Need Registers", https://arxiv.org/abs/2309.16588).
    """

    patch: int = 7
    dim: int = 64
    depth: int = 4
    heads: int = 4
    mlp_ratio: float = 2.0
    patch_dropout: float = 0.0
    registers: int = 0

    def __post_init__(self) -> None:
        require_positive("vit", self, besides=("patch_dropout", "registers"))
        require(
            "vit",
            self,
            registers=(self.registers >= 0, "0 or more"),
            dim=(self.dim % self.heads == 0, "a multiple of heads"),
            patch_dropout=(0 <= self.patch_dropout < 1, "at least 0 and below 1"),
        )

    def __call__(self, layers: Layers, pixels: Value, classes: int) -> Value:
        """Describe the network from ``pixels`` ``[None, height, width, channels]`` to logits."""
        tokens = self._embed(layers, pixels)
        for number in range(self.depth):
            tokens = self._attend(layers, tokens, f"block{number}_attention")
            tokens = self._transform(layers, tokens, f"block{number}_mlp")
        token = layers.Flatten(name="flatten")(layers.FirstToken(name="class_token_only")(tokens))
        token = layers.LayerNormalization(epsilon=EPSILON, name="norm")(token)
        return layers.Dense(classes, name="logits")(token)

    def _embed(self, layers: Layers, pixels: Value) -> Value:
        _, height, width, _ = pixels.shape
        if height % self.patch or width % self.patch:
            raise UsageError(
                f"vit: patches of {self.patch} px do not divide a {height}x{width} picture.",
                hint=f"Choose another patch or a resolution that is a multiple of {self.patch}.",
            )
        count = height // self.patch * (width // self.patch)
        grid = layers.Conv2D(self.dim, self.patch, strides=self.patch, name="patches")(pixels)
        tokens = layers.Reshape((count, self.dim), name="tokens")(grid)
        for number in range(self.registers):
            tokens = layers.ClassToken(name=f"register{number}")(tokens)
        tokens = layers.ClassToken(name="class_token")(tokens)
        tokens = layers.PositionEmbedding(name="positions")(tokens)
        if not self.patch_dropout:
            return tokens
        kept = 1 + self.registers
        return layers.PatchDropout(self.patch_dropout, kept, name="patch_dropout")(tokens)

    def _attend(self, layers: Layers, tokens: Value, name: str) -> Value:
        normal = layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_norm")(tokens)
        attention = layers.MultiHeadAttention(self.heads, self.dim // self.heads, name=name)
        return layers.Add(name=f"{name}_add")([tokens, attention(normal, normal)])

    def _transform(self, layers: Layers, tokens: Value, name: str) -> Value:
        inner = layers.LayerNormalization(epsilon=EPSILON, name=f"{name}_norm")(tokens)
        inner = layers.Dense(round(self.dim * self.mlp_ratio), name=f"{name}_in")(inner)
        inner = layers.Activation("gelu", name=f"{name}_gelu")(inner)
        inner = layers.Dense(self.dim, name=f"{name}_out")(inner)
        return layers.Add(name=f"{name}_add")([tokens, inner])
