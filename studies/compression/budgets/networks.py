"""A Keras network in PyTorch: read from ``.npz`` files of ``adopt.py``, trained, written back.

The layers are those of the registry's convolutional networks and of ``vit_int8``. Weights lie in
two vectors, kernels and the rest, so that a step of the optimizer is a handful of kernels of the
GPU however many layers there are; kernels are computed with in bfloat16 and kept in float32.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functions
from torch import Tensor

Weights = Mapping[str, np.ndarray]


class Parameters:
    """Weights of a network in two vectors: ``kernels``, which decay, and ``rest``.

    Kernels of convolutions lie as output, height, width, input, as tensor cores take them.
    """

    def __init__(self) -> None:
        self._parts: dict[bool, list[np.ndarray]] = {True: [], False: []}
        self._places: dict[str, tuple[bool, int, int]] = {}
        self.vectors: list[Tensor] = []
        self.depthwise: set[str] = set()

    def add(self, name: str, value: np.ndarray, depthwise: bool = False) -> None:
        """Put a weight behind those of its vector."""
        self.depthwise |= {name} if depthwise else set()
        value = np.ascontiguousarray(_stored(value, depthwise), np.float32)
        kernel = value.ndim > 1
        self._places[name] = (kernel, len(self._parts[kernel]), value.size)
        self._parts[kernel].append(value)

    def to(self, device: torch.device) -> None:
        """Make the vectors on a device."""
        self.vectors = [
            torch.from_numpy(np.concatenate([part.ravel() for part in self._parts[kernel]])).to(
                device
            )
            for kernel in (True, False)
        ]

    def leaves(
        self, vectors: list[Tensor], dtype: torch.dtype, rounded: bool = False
    ) -> list[list[Tensor]]:
        """Return each weight as a tensor of its own, kernels in ``dtype``, to differentiate.

        Kernels that are ``rounded`` have 255 steps per output channel. What is differentiated is
        the rounded kernel, so its gradient is that of the kernel (the straight-through estimator).
        """
        if rounded:
            vectors = [self._rounded(vectors[0]), vectors[1]]
        made = []
        for vector, parts, kind in zip(
            vectors, (self._parts[True], self._parts[False]), (dtype, torch.float32), strict=True
        ):
            pieces = torch.split(vector.to(kind), [part.size for part in parts])
            shaped = [
                piece.view(part.shape).permute(0, 3, 1, 2)
                if part.ndim == 4
                else piece.view(part.shape)
                for piece, part in zip(pieces, parts, strict=True)
            ]
            made.append([tensor.detach().requires_grad_() for tensor in shaped])
        return made

    def _rounded(self, kernels: Tensor) -> Tensor:
        """Round kernels to 8 bits per output channel; BatchNorm only scales those steps."""
        pieces = kernels.split([part.size for part in self._parts[True]])
        rounded = []
        for piece, part in zip(pieces, self._parts[True], strict=True):
            rows = piece.view(part.shape[0], -1)
            scale = rows.abs().amax(1, keepdim=True).clamp(min=1e-12) / 127
            rounded.append(((rows / scale).round() * scale).view(-1))
        return torch.cat(rounded)

    def gather(self, gradients: list[Tensor], count: int) -> list[Tensor]:
        """Return gradients of ``leaves``, flat, as two vectors of float32."""
        flat = [(g.permute(0, 2, 3, 1) if g.ndim == 4 else g).reshape(-1) for g in gradients]
        return [torch.cat(flat[:count]).float(), torch.cat(flat[count:]).float()]

    def largest(self, kernels: Tensor, share: float) -> Tensor:
        """Return 1 where the largest weights of each kernel are, a ``share`` of it, else 0.

        Depthwise kernels stay whole, as ``tflconv.compression.pruning`` leaves them.
        """
        kept = torch.ones_like(kernels)
        ends = np.cumsum([part.size for part in self._parts[True]])
        for name, (kernel, number, size) in self._places.items():
            if not kernel or name in self.depthwise:
                continue
            part = slice(int(ends[number]) - size, int(ends[number]))
            order = kernels[part].abs().argsort()
            kept[part].index_fill_(0, order[: int(size * (1 - share))], 0)
        return kept

    def named(self, leaves: list[list[Tensor]]) -> dict[str, Tensor]:
        """Return the leaves by the names of their weights."""
        return {name: leaves[not kernel][n] for name, (kernel, n, _) in self._places.items()}

    def values(self, vectors: list[Tensor]) -> dict[str, np.ndarray]:
        """Return weights by name, as Keras has them."""
        found = {}
        leaves = self.leaves(vectors, torch.float32)
        for name, (kernel, number, _) in self._places.items():
            stored = leaves[not kernel][number].detach()
            found[name] = _as_keras(stored.cpu().numpy(), name in self.depthwise)
        return found


def _stored(value: np.ndarray, depthwise: bool) -> np.ndarray:
    """A Keras weight as it is kept: output first, as PyTorch has it, channels last."""
    if value.ndim == 4:
        return value.transpose(2, 0, 1, 3) if depthwise else value.transpose(3, 0, 1, 2)
    return value.T if value.ndim == 2 else value


def _as_keras(value: np.ndarray, depthwise: bool) -> np.ndarray:
    if value.ndim == 4:
        return value.transpose(2, 3, 0, 1) if depthwise else value.transpose(2, 3, 1, 0)
    return value.T if value.ndim == 2 else value


class Network:
    """A network of ``adopt.py network``: its graph, its weights and what BatchNorm has seen."""

    def __init__(self, file: Path, device: torch.device) -> None:
        with np.load(file) as found:
            weights = {name: found[name] for name in found.files}
        self.config = json.loads(str(weights["config"]))
        self.device = device
        self.parameters = Parameters()
        self.statistics: dict[str, Tensor] = {}
        self.layers: list[tuple[str, str, dict[str, Any], list[str]]] = []
        for layer in self.config["layers"]:
            name, kind = layer["name"], layer["class_name"].rpartition(">")[2]
            before = (
                [node[0] for node in layer["inbound_nodes"][0]] if layer["inbound_nodes"] else []
            )
            self.layers.append((name, kind, layer["config"], before))
            self._take(name, kind, weights)
        self.parameters.to(device)
        self.output = self.config["output_layers"][0][0]
        self.computed = torch.bfloat16 if device.type == "cuda" else torch.float32
        self.rounded = False
        self._stored = self._not_fused()

    def _not_fused(self) -> set[str]:
        """Return the layers whose values an INT8 file stores: no operator after takes them up."""
        users: dict[str, list[str]] = {name: [] for name, *_ in self.layers}
        for _, kind, _, before in self.layers:
            for source in before:
                users[source].append(kind)
        fused = ({"BatchNormalization"}, {"ReLU"}, {"Activation"})
        return {name for name, kinds in users.items() if len(kinds) != 1 or set(kinds) not in fused}

    def _take(self, name: str, kind: str, weights: Weights) -> None:
        for number in range(sum(key.startswith(f"{name}/") for key in weights)):
            key = f"{name}/{number}"
            if kind == "BatchNormalization" and number > 1:
                self.statistics[key] = torch.from_numpy(weights[key].copy()).to(self.device)
            else:
                self.parameters.add(key, weights[key], kind == "DepthwiseConv2D")

    def count(self) -> int:
        """Return the number of weights that are trained."""
        return sum(vector.numel() for vector in self.parameters.vectors)

    def draw(self, seed: int) -> None:
        """Draw the weights anew, as Keras does: Glorot's kernels, and norms that change nothing."""
        random = np.random.default_rng(seed)
        values = self.parameters.values(self.parameters.vectors)
        fresh = Parameters()
        kinds = {name: kind for name, kind, _, _ in self.layers}
        for key, value in values.items():
            kind = kinds[key.rpartition("/")[0]]
            fresh.add(key, _drawn(value, kind, key, random), kind == "DepthwiseConv2D")
        fresh.to(self.device)
        self.parameters = fresh
        for key, value in self.statistics.items():
            value.fill_(float(key.endswith("/3")))

    def weights(self, vectors: list[Tensor]) -> dict[str, np.ndarray]:
        """Return weights and statistics by ``LAYER/NUMBER``, as ``adopt.py`` takes them."""
        seen = {key: value.cpu().numpy() for key, value in self.statistics.items()}
        return self.parameters.values(vectors) | seen

    def __call__(self, leaves: dict[str, Tensor], view: Tensor, training: bool) -> Tensor:
        """Return the logits, ``[n, classes]`` in float32, of a view ``[n, h, w, c]``."""
        values: dict[str, Tensor] = {}
        for name, kind, config, before in self.layers:
            if kind == "InputLayer":
                values[name] = self._kept(name, view.to(self.computed).permute(0, 3, 1, 2))
                continue
            call = Call(
                inputs=[values[source] for source in before],
                weights=[leaves[key] for n in range(8) if (key := f"{name}/{n}") in leaves],
                seen=[
                    self.statistics[key]
                    for n in (2, 3)
                    if (key := f"{name}/{n}") in self.statistics
                ],
                config=config,
                training=training,
            )
            values[name] = self._kept(name, LAYERS[kind](call))
        return values[self.output].float()

    def _kept(self, name: str, value: Tensor) -> Tensor:
        """Round a value to 8 bits between its extremes, where asked for and where it is stored."""
        return Rounded.apply(value) if self.rounded and name in self._stored else value


class Rounded(torch.autograd.Function):
    """A tensor in 256 steps from its least value, or 0, to its greatest; its gradient is kept."""

    @staticmethod
    def forward(_: Any, value: Tensor) -> Tensor:
        """Round."""
        least, most = (float(end) for end in value.aminmax())
        scale = max(max(most, 0.0) - min(least, 0.0), 1e-12) / 255
        zero = round(-min(least, 0.0) / scale)
        steps = (value / scale).round_().clamp_(-zero, 255 - zero)
        return steps.mul_(scale)

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        """Pass the gradient on."""
        return gradient


def _of(layer: str, values: Mapping[str, Tensor]) -> list[Tensor]:
    """What of ``values`` is a layer's, in the order of Keras."""
    keys = (f"{layer}/{number}" for number in range(8))
    return [values[key] for key in keys if key in values]


def _drawn(value: np.ndarray, kind: str, key: str, random: np.random.Generator) -> np.ndarray:
    if kind == "PositionEmbedding":
        return random.normal(0, 0.02, value.shape)
    if value.ndim < 2:
        return np.full(value.shape, float(kind == "BatchNormalization" and key.endswith("/0")))
    taps = math.prod(value.shape[:-2])
    fan_in, fan_out = taps * value.shape[-2], taps * value.shape[-1]
    limit = math.sqrt(6 / (fan_in + fan_out))
    return random.uniform(-limit, limit, value.shape)


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a layer is called with: values, weights, what BatchNorm has seen, and its settings."""

    inputs: list[Tensor]
    weights: list[Tensor]
    seen: list[Tensor]
    config: dict[str, Any]
    training: bool


def _convolve(call: Call) -> Tensor:
    x, config, kernel = call.inputs[0], call.config, call.weights[0]
    step, taps = config["strides"][0], config["kernel_size"][0]
    missing = max(0, (-(-x.shape[2] // step) - 1) * step + taps - x.shape[2])
    bias = call.weights[1].to(x.dtype) if config["use_bias"] else None
    groups = x.shape[1] // kernel.shape[1]
    if missing % 2:
        x, missing = functions.pad(x, (missing // 2, missing - missing // 2) * 2), 0
    return functions.conv2d(x, kernel, bias, step, missing // 2, groups=groups)


def _normalize(call: Call) -> Tensor:
    x, config = call.inputs[0], call.config
    flat = x.reshape(-1, x.shape[-1]) if x.ndim == 3 else x
    share = 1 - config["momentum"]
    normal = functions.batch_norm(
        flat, *call.seen, *call.weights, call.training, share, config["epsilon"]
    )
    return normal.view_as(x)


def _dense(call: Call) -> Tensor:
    kernel, bias = call.weights
    return functions.linear(call.inputs[0], kernel, bias.to(kernel.dtype))


def _as_tokens(call: Call) -> Tensor:
    x = call.inputs[0]
    return x.permute(0, 2, 3, 1).reshape(len(x), *call.config["target_shape"])


def _attend(call: Call) -> Tensor:
    tokens, heads = call.inputs[0], call.config["heads"]
    number, count, dim = tokens.shape
    weights = call.weights
    kernels = [(weights[2 * n], weights[2 * n + 1].to(tokens.dtype)) for n in range(4)]

    def split(kernel: Tensor, bias: Tensor) -> Tensor:
        return functions.linear(tokens, kernel, bias).view(number, count, heads, -1).transpose(1, 2)

    query, key, value = (split(*pair) for pair in kernels[:3])
    scores = torch.matmul(query, key.transpose(2, 3)) * (dim // heads) ** -0.5
    mixed = torch.matmul(functions.relu(scores) / count, value).transpose(1, 2)
    return functions.linear(mixed.reshape(number, count, dim), *kernels[3])


def _relu(call: Call) -> Tensor:
    return functions.relu(call.inputs[0])


LAYERS: dict[str, Callable[[Call], Tensor]] = {
    "Activation": _relu,
    "Add": lambda call: call.inputs[0] + call.inputs[1],
    "BatchNormalization": _normalize,
    "Conv2D": _convolve,
    "Dense": _dense,
    "DepthwiseConv2D": _convolve,
    "GlobalAveragePooling1D": lambda call: call.inputs[0].mean(1),
    "GlobalAveragePooling2D": lambda call: call.inputs[0].mean((2, 3)),
    "PositionEmbedding": lambda call: call.inputs[0] + call.weights[0],
    "ReLU": _relu,
    "ReluAttention": _attend,
    "Reshape": _as_tokens,
}
"""The layers that are known here; every ``Activation`` of the registry's networks is a ReLU."""
