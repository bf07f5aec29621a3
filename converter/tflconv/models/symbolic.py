"""Cost of a network, counted by running its description with layers that only count.

MACs are the multiply-accumulates of convolutions, dense layers and attention for one picture, as
papers count them (padding included). FLOPs are two per MAC, plus those of the layers without MACs:
one per value added or clipped, and so on as each layer below says. Parameters are counted as Keras
counts them, BatchNorm's statistics included.
"""

# ruff: noqa: ARG001 - arguments are those of Keras, whether they cost anything or not

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod

from tflconv.core.typing import Shape
from tflconv.models.registry import OptionValue, architecture


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Parameters of a model; multiply-accumulates (MACs) and FLOPs of one inference."""

    parameters: int
    macs: int
    flops: int


@dataclass
class Tape:
    """Running sums of the costs of layers; ``other`` are FLOPs that are not MACs."""

    parameters: int = 0
    macs: int = 0
    other: int = 0


@dataclass(frozen=True)
class Traced:
    """A tensor without values, of ``shape`` ``(1, ...)``."""

    shape: Shape
    tape: Tape = field(default_factory=Tape, compare=False)

    @property
    def values(self) -> int:
        """Number of values per picture."""
        return prod(self.shape[1:])

    def spend(
        self, shape: Sequence[int], *, parameters: int = 0, macs: int = 0, other: int = 0
    ) -> Traced:
        """Return the output of a layer of this cost, and add the cost to the sums."""
        self.tape.parameters += parameters
        self.tape.macs += macs
        self.tape.other += other
        return Traced((1, *shape), self.tape)


def cost(
    name: str, input_shape: Sequence[int] = (28, 28, 1), classes: int = 10, **options: OptionValue
) -> Cost:
    """Count parameters, MACs and FLOPs of the model called ``name``, without TensorFlow.

    Args:
        name: Name of a registered model.
        input_shape: Height and width in pixels, and channels.
        classes: Number of outputs.
        **options: Options of the model.

    Raises:
        UsageError: The name or an option is unknown, or an option does not fit the input.

    Example:
        >>> cost("resnet", (32, 32, 3), 10)
        Cost(parameters=274042, macs=40813184, flops=82306314)
    """
    tape = Tape()
    architecture(name, **options)(CountingLayers(), Traced((1, *input_shape), tape), classes)
    return Cost(parameters=tape.parameters, macs=tape.macs, flops=2 * tape.macs + tape.other)


Layer = Callable[[Traced], Traced]


def _conv2d(
    filters: int,
    kernel_size: int,
    *,
    strides: int = 1,
    padding: str = "valid",
    use_bias: bool = True,
    name: str = "",
) -> Layer:
    """Keras ``Conv2D``; one FLOP per value for the bias."""

    def trace(x: Traced) -> Traced:
        height, width = (_output_size(n, kernel_size, strides, padding) for n in x.shape[1:3])
        kernel = kernel_size**2 * x.shape[-1] * filters
        return x.spend(
            (height, width, filters),
            parameters=kernel + use_bias * filters,
            macs=kernel * height * width,
            other=use_bias * height * width * filters,
        )

    return trace


def _depthwise_conv2d(
    kernel_size: int, *, strides: int = 1, padding: str = "valid", use_bias: bool, name: str = ""
) -> Layer:
    """Keras ``DepthwiseConv2D``; one FLOP per value for the bias."""

    def trace(x: Traced) -> Traced:
        height, width = (_output_size(n, kernel_size, strides, padding) for n in x.shape[1:3])
        kernel, channels = kernel_size**2 * x.shape[-1], x.shape[-1]
        return x.spend(
            (height, width, channels),
            parameters=kernel + use_bias * channels,
            macs=kernel * height * width,
            other=use_bias * height * width * channels,
        )

    return trace


def _dense(units: int, *, name: str = "") -> Layer:
    """Keras ``Dense`` over the last axis; one FLOP per value for the bias."""

    def trace(x: Traced) -> Traced:
        *places, before = x.shape[1:]
        return x.spend(
            (*places, units),
            parameters=(before + 1) * units,
            macs=x.values * units,
            other=prod(places) * units,
        )

    return trace


def _batch_normalization(*, momentum: float, name: str = "") -> Layer:
    """Keras ``BatchNormalization``, scale and shift: two FLOPs per value."""
    return lambda x: x.spend(x.shape[1:], parameters=4 * x.shape[-1], other=2 * x.values)


def _layer_normalization(*, epsilon: float, name: str = "") -> Layer:
    """Keras ``LayerNormalization``: mean, variance, scale and shift are seven FLOPs per value."""
    return lambda x: x.spend(x.shape[1:], parameters=2 * x.shape[-1], other=7 * x.values)


def _multi_head_attention(
    heads: int, key_dim: int, *, name: str = ""
) -> Callable[[Traced, Traced], Traced]:
    """Keras ``MultiHeadAttention``; one FLOP per bias, six per score for scale and softmax."""

    def trace(query: Traced, value: Traced) -> Traced:
        (_, tokens, dim), (_, others, _) = query.shape, value.shape
        inner, scores = heads * key_dim, heads * tokens * others
        return query.spend(
            query.shape[1:],
            parameters=3 * (dim + 1) * inner + (inner + 1) * dim,
            macs=2 * (tokens + others) * dim * inner + 2 * scores * key_dim,
            other=(tokens + 2 * others) * inner + tokens * dim + 6 * scores,
        )

    return trace


def _relu_attention(heads: int, *, name: str = "") -> Layer:
    """Our ``ReluAttention``; one FLOP per bias, three per score for scale, ReLU and division."""

    def trace(x: Traced) -> Traced:
        tokens, dim = x.shape[1:]
        scores = heads * tokens**2
        return x.spend(
            x.shape[1:],
            parameters=4 * (dim + 1) * dim,
            macs=4 * tokens * dim**2 + 2 * tokens**2 * dim,
            other=4 * tokens * dim + 3 * scores,
        )

    return trace


def _activation(kind: str, *, name: str = "") -> Layer:
    """Keras ``Activation``: GELU by its error function is eight FLOPs per value."""
    flops = {"gelu": 8, "relu": 1}[kind]
    return lambda x: x.spend(x.shape[1:], other=flops * x.values)


def _relu(max_value: float | None = None, *, name: str = "") -> Layer:
    """Keras ``ReLU``: one FLOP per value."""
    return lambda x: x.spend(x.shape[1:], other=x.values)


def _add(*, name: str = "") -> Callable[[Sequence[Traced]], Traced]:
    """Keras ``Add`` of two: one FLOP per value."""
    return lambda pair: pair[0].spend(pair[0].shape[1:], other=pair[0].values)


def _concatenate(*, name: str = "") -> Callable[[Sequence[Traced]], Traced]:
    """Keras ``Concatenate`` along the channels: free."""
    return lambda parts: parts[0].spend(
        (*parts[0].shape[1:-1], sum(part.shape[-1] for part in parts))
    )


def _max_pooling2d(pool_size: int, *, strides: int, padding: str, name: str = "") -> Layer:
    """Keras ``MaxPooling2D``: a comparison is one FLOP."""

    def trace(x: Traced) -> Traced:
        size = [_output_size(n, pool_size, strides, padding) for n in x.shape[1:3]]
        return x.spend((*size, x.shape[-1]), other=prod(size) * x.shape[-1] * pool_size**2)

    return trace


def _global_average_pooling2d(*, name: str = "") -> Layer:
    """Keras ``GlobalAveragePooling2D``: one FLOP per input value."""
    return lambda x: x.spend(x.shape[-1:], other=x.values)


def _global_average_pooling1d(*, name: str = "") -> Layer:
    """Keras ``GlobalAveragePooling1D``: one FLOP per input value."""
    return lambda x: x.spend(x.shape[-1:], other=x.values)


def _reshape(shape: Sequence[int], *, name: str = "") -> Layer:
    """Keras ``Reshape``: free."""
    return lambda x: x.spend(shape)


def _flatten(*, name: str = "") -> Layer:
    """Keras ``Flatten``: free."""
    return lambda x: x.spend((x.values,))


def _first_token(*, name: str = "") -> Layer:
    """Our ``FirstToken``: free."""
    return lambda x: x.spend((1, x.shape[2]))


def _patch_dropout(rate: float, first: int = 1, *, name: str = "") -> Layer:
    """Our ``PatchDropout``, which does nothing at inference: free."""
    return lambda x: x


def _class_token(*, name: str = "") -> Layer:
    """Our ``ClassToken``: one token more, and as many parameters as it has values."""
    return lambda x: x.spend((x.shape[1] + 1, x.shape[2]), parameters=x.shape[2])


def _position_embedding(*, name: str = "") -> Layer:
    """Our ``PositionEmbedding``: one FLOP and one parameter per value."""
    return lambda x: x.spend(x.shape[1:], parameters=x.values, other=x.values)


def _output_size(size: int, kernel: int, stride: int, padding: str) -> int:
    """Return the output size of a sliding kernel along an axis."""
    covered = size if padding == "same" else size - kernel + 1
    return -(-covered // stride)


_LAYERS: dict[str, Callable[..., Callable[..., Traced]]] = {
    "Activation": _activation,
    "Add": _add,
    "BatchNormalization": _batch_normalization,
    "ClassToken": _class_token,
    "Concatenate": _concatenate,
    "Conv2D": _conv2d,
    "Dense": _dense,
    "DepthwiseConv2D": _depthwise_conv2d,
    "FirstToken": _first_token,
    "Flatten": _flatten,
    "GlobalAveragePooling1D": _global_average_pooling1d,
    "GlobalAveragePooling2D": _global_average_pooling2d,
    "LayerNormalization": _layer_normalization,
    "MaxPooling2D": _max_pooling2d,
    "MultiHeadAttention": _multi_head_attention,
    "PatchDropout": _patch_dropout,
    "PositionEmbedding": _position_embedding,
    "ReLU": _relu,
    "ReluAttention": _relu_attention,
    "Reshape": _reshape,
}


class CountingLayers:
    """A namespace of layers, by their names in Keras, that count their cost."""

    def __getattr__(self, name: str) -> Callable[..., Callable[..., Traced]]:
        """Return the constructor of the layer called ``name``."""
        if name not in _LAYERS:
            raise AttributeError(name)
        return _LAYERS[name]
