"""The networks of tflconv's registry in PyTorch, with the weights of a Keras model.

A network of the registry is described with layers that it is given (``tflconv.models.registry``).
Here they are modules of PyTorch, which computes with channels first; shapes are told as Keras tells
them.
"""

# ruff: noqa: N802 - layers are called as Keras calls them

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from tflconv.models.registry import architecture

Weights = Mapping[str, list[np.ndarray]]
"""By the name of a layer, its weights as Keras orders them."""


@dataclass(frozen=True)
class Value:
    """A tensor of PyTorch; one of pictures has channels first."""

    tensor: torch.Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape with channels last."""
        shape = tuple(self.tensor.shape)
        return (shape[0], *shape[2:], shape[1]) if len(shape) == 4 else shape


class Network(nn.Module):
    """A network of the registry."""

    def __init__(
        self, name: str, options: Mapping[str, Any], weights: Weights, classes: int
    ) -> None:
        super().__init__()
        self.describe = architecture(name, **options)
        self.classes = classes
        self.parts = nn.ModuleDict()
        self.layers = Layers(self.parts, weights)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Take pixels ``[1, height, width, channels]`` to logits."""
        value = Value(pixels.permute(0, 3, 1, 2))
        result: torch.Tensor = self.describe(self.layers, value, self.classes).tensor
        return result


def network(
    name: str, options: Mapping[str, Any], weights: Weights, classes: int, pixels: np.ndarray
) -> Network:
    """Build a network; its modules are made when it first sees ``pixels``."""
    made = Network(name, options, weights, classes)
    with torch.no_grad():
        made(torch.from_numpy(pixels))
    return made.eval()


class Layers:
    """Layers as Keras calls them; each module is made once, by the name of its layer."""

    def __init__(self, parts: nn.ModuleDict, weights: Weights) -> None:
        self.parts = parts
        self.weights = weights

    def _part(self, name: str, make: Callable[[list[torch.Tensor]], nn.Module]) -> nn.Module:
        if name not in self.parts:
            stored = [torch.from_numpy(np.array(array)) for array in self.weights.get(name, [])]
            self.parts[name] = make(stored).eval()
        return self.parts[name]

    def _layer(
        self, name: str, make: Callable[[list[torch.Tensor]], nn.Module]
    ) -> Callable[[Value], Value]:
        return lambda x: Value(self._part(name, make)(x.tensor))

    def Conv2D(self, filters: int, size: int, *, name: str, strides: int = 1,
               padding: str = "valid", use_bias: bool = True) -> Any:  # fmt: skip
        """Convolution; padding is that of Keras, which has more at the end."""
        return self._convolve(name, size, strides, padding, (3, 2, 0, 1), grouped=False)

    def DepthwiseConv2D(self, size: int, *, name: str, strides: int = 1,
                        padding: str = "valid", use_bias: bool = True) -> Any:  # fmt: skip
        """Convolution of each channel by itself."""
        return self._convolve(name, size, strides, padding, (2, 3, 0, 1), grouped=True)

    def _convolve(
        self, name: str, size: int, strides: int, padding: str, order: tuple[int, ...], *,
        grouped: bool,
    ) -> Any:  # fmt: skip
        def layer(x: Value) -> Value:
            ends = [_padding(n, size, strides, padding) for n in reversed(x.shape[1:3])]
            even = all(low == high for low, high in ends)
            tensor = (
                x.tensor
                if even
                else nn.functional.pad(x.tensor, [n for pair in ends for n in pair])
            )

            def make(stored: list[torch.Tensor]) -> nn.Module:
                kernel = stored[0].permute(order).contiguous()
                inputs = x.shape[-1]
                part = nn.Conv2d(
                    inputs, len(kernel), size, strides, ends[0][0] if even else 0,
                    groups=inputs if grouped else 1, bias=len(stored) > 1,
                )  # fmt: skip
                return _filled(part, weight=kernel, **_bias(stored))

            return Value(self._part(name, make)(tensor))

        return layer

    def Dense(self, units: int, *, name: str) -> Any:
        """Fully connected layer."""
        return self._layer(name, _linear)

    def BatchNormalization(self, *, name: str, momentum: float = 0.99) -> Any:
        """Batch normalization with the statistics of training."""

        def make(stored: list[torch.Tensor]) -> nn.Module:
            gamma, beta, mean, variance = stored
            part = nn.BatchNorm2d(len(gamma), eps=1e-3)
            return _filled(part, weight=gamma, bias=beta, running_mean=mean, running_var=variance)

        return self._layer(name, make)

    def LayerNormalization(self, *, name: str, epsilon: float) -> Any:
        """Layer normalization over channels."""

        def make(stored: list[torch.Tensor]) -> nn.Module:
            part = nn.LayerNorm(len(stored[0]), eps=epsilon)
            return _filled(part, weight=stored[0], bias=stored[1])

        return self._layer(name, make)

    def MultiHeadAttention(self, heads: int, width: int, *, name: str) -> Any:
        """Self-attention with softmax."""
        layer = self._layer(name, lambda stored: Attention(stored, heads))
        return lambda tokens, _: layer(tokens)

    def ClassToken(self, *, name: str) -> Any:
        """A learned token in front."""

        def layer(x: Value) -> Value:
            part = self._part(name, lambda stored: _constant(stored[0]))
            return Value(torch.cat([part.values, x.tensor], dim=1))

        return layer

    def PositionEmbedding(self, *, name: str) -> Any:
        """A learned vector for each token."""
        part = lambda: self._part(name, lambda stored: _constant(stored[0]))  # noqa: E731
        return lambda x: Value(x.tensor + part().values)

    def Activation(self, kind: str, *, name: str) -> Any:
        """GELU, by erf."""
        assert kind == "gelu"
        return self._layer(name, lambda _: nn.GELU())

    def ReLU(self, largest: float | None = None, *, name: str) -> Any:
        """ReLU or ReLU6."""
        return self._layer(name, lambda _: nn.ReLU6() if largest else nn.ReLU())

    def Add(self, *, name: str) -> Any:
        """Sum of two."""
        return lambda both: Value(both[0].tensor + both[1].tensor)

    def FirstToken(self, *, name: str) -> Any:
        """The class token."""
        return lambda x: Value(x.tensor[:, :1])

    def Flatten(self, *, name: str) -> Any:
        """One row for each picture."""
        return lambda x: Value(x.tensor.flatten(1))

    def Reshape(self, shape: tuple[int, int], *, name: str) -> Any:
        """Pictures as tokens."""
        return lambda x: Value(x.tensor.flatten(2).transpose(1, 2))

    def GlobalAveragePooling2D(self, *, name: str) -> Any:
        """The mean of all pixels."""
        return lambda x: Value(x.tensor.mean((2, 3)))


class Attention(nn.Module):
    """Softmax attention of several heads, from the eight arrays of Keras' layer."""

    def __init__(self, stored: list[torch.Tensor], heads: int) -> None:
        super().__init__()
        self.heads, self.dim = heads, stored[0].shape[0]
        kernels = [kernel.reshape(self.dim, self.dim) for kernel in stored[::2]]
        biases = [bias.reshape(self.dim) for bias in stored[1::2]]
        self.query, self.key, self.value, self.project = map(
            _linear, map(list, zip(kernels, biases, strict=True))
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Take ``[1, tokens, dim]`` to the same shape."""
        count, width = tokens.shape[1], self.dim // self.heads
        query, key, value = (
            part(tokens).reshape(1, count, self.heads, width).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        weights = torch.softmax(query @ key.transpose(2, 3) * width**-0.5, dim=-1)
        mixed = (weights @ value).transpose(1, 2).reshape(1, count, self.dim)
        result: torch.Tensor = self.project(mixed)
        return result


def _linear(stored: list[torch.Tensor]) -> nn.Module:
    part = nn.Linear(*stored[0].shape)
    return _filled(part, weight=stored[0].T.contiguous(), bias=stored[1])


def _constant(values: torch.Tensor) -> Any:
    part: Any = nn.Module()
    part.register_buffer("values", values)
    return part


def _bias(stored: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    return {"bias": stored[1]} if len(stored) > 1 else {}


def _filled(part: nn.Module, **values: torch.Tensor) -> nn.Module:
    known = {**dict(part.named_parameters()), **dict(part.named_buffers())}
    with torch.no_grad():
        for name, tensor in values.items():
            known[name].copy_(tensor)
    return part


def _padding(size: int, kernel: int, stride: int, padding: str) -> tuple[int, int]:
    """What Keras pads before and after."""
    if padding == "valid":
        return 0, 0
    total = max(kernel - (size % stride or stride), 0)
    return total // 2, total - total // 2
