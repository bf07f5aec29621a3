"""Readers that turn layers of Keras into nodes of a ``Network``, by the name of their class.

Keras 2 and Keras 3 share the names. A reader returns None where a layer is used in a way that it
does not know; the layer then becomes an ``opaque`` node.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tflconv.core.typing import KerasLayer, KerasTensor, Shape, Tensor
from tflconv.network.nodes import Array, Node, NodeOptions

if TYPE_CHECKING:
    from typing_extensions import Unpack

LayerWeight = Tensor | NDArray[np.floating]
"""A weight as Keras stores it, or computed from such weights."""

Reader = Callable[["Call"], "list[Node] | None"]
"""Returns the nodes of one use of a layer; None if the way it is used is not known."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One use of a layer.

    Attributes:
        layer: The layer.
        inputs: The values that it takes.
        output: The value that it returns.
        options: Other arguments of the use.
        again: Calls the layer in the same way with other tensors.
    """

    layer: KerasLayer
    inputs: tuple[KerasTensor, ...]
    output: KerasTensor
    options: Mapping[str, object]
    again: Callable[..., Tensor]

    @property
    def kind(self) -> str:
        """Name of the layer's class."""
        return type(self.layer).__name__

    @property
    def rank(self) -> int:
        """Dimensions of the output, with batch."""
        return len(self.output.shape)


def _node(
    kind: str, weights: Mapping[str, LayerWeight] | None = None, **options: Unpack[NodeOptions]
) -> Node:
    arrays = {key: _array(value) for key, value in (weights or {}).items()}
    return Node(name="", kind=kind, weights=arrays, options=options)


def _array(value: LayerWeight) -> Array:
    return np.asarray(value.numpy() if hasattr(value, "numpy") else value, np.float32)


def opaque(call: Call) -> Node:
    """Return a node that calls the layer itself."""
    return _node("opaque", call=call.again, layer=call.kind, shape=_sides(call.output))


def _sides(tensor: KerasTensor) -> Shape:
    """The shape of ``tensor`` without batch; unknown sides are -1."""
    return tuple(-1 if side is None else int(side) for side in tuple(tensor.shape)[1:])


def _bias(layer: KerasLayer, size: int) -> LayerWeight:
    return layer.bias if layer.use_bias else np.zeros(size)


def _with_activation(call: Call, *nodes: Node) -> list[Node] | None:
    """``nodes`` and the activation of the layer; None if that is not known."""
    name = _function(call.layer.activation)
    if name == "linear":
        return list(nodes)
    return None if name is None else [*nodes, _node("activation", function=name)]


_FUNCTIONS = {
    "linear": "linear", "relu": "relu", "relu6": "relu6", "gelu": "gelu", "softmax": "softmax",
    "sigmoid": "sigmoid", "tanh": "tanh", "silu": "silu", "swish": "silu",
    "hard_silu": "hard_swish",
}  # fmt: skip


def _function(activation: Callable[..., Tensor] | None) -> str | None:
    return _FUNCTIONS.get(getattr(activation, "__name__", "linear"))


def _sliding(layer: KerasLayer) -> NodeOptions | None:
    if layer.data_format != "channels_last" or layer.padding not in ("same", "valid"):
        return None
    return {
        "strides": tuple(layer.strides),
        "padding": layer.padding.upper(),
        "dilation": tuple(layer.dilation_rate),
    }


def _conv(call: Call) -> list[Node] | None:
    layer, options = call.layer, _sliding(call.layer)
    if options is None or layer.groups != 1:
        return None
    weights = {"kernel": layer.kernel, "bias": _bias(layer, layer.filters)}
    return _with_activation(call, _node("conv", weights, **options))


def _depthwise(call: Call) -> list[Node] | None:
    layer, options = call.layer, _sliding(call.layer)
    if options is None:
        return None
    named = "depthwise_kernel" if hasattr(layer, "depthwise_kernel") else "kernel"
    kernel = _array(getattr(layer, named))
    weights = {"kernel": kernel, "bias": _bias(layer, kernel.shape[2] * kernel.shape[3])}
    return _with_activation(call, _node("depthwise", weights, **options))


def _separable(call: Call) -> list[Node] | None:
    layer, options = call.layer, _sliding(call.layer)
    if options is None:
        return None
    spatial = _array(layer.depthwise_kernel)
    middle = np.zeros(spatial.shape[2] * spatial.shape[3])
    point = {"kernel": layer.pointwise_kernel, "bias": _bias(layer, layer.filters)}
    return _with_activation(
        call,
        _node("depthwise", {"kernel": spatial, "bias": middle}, **options),
        _node("conv", point, strides=(1, 1), padding="VALID"),
    )


def _dense(call: Call) -> list[Node] | None:
    weights = {"kernel": call.layer.kernel, "bias": _bias(call.layer, call.layer.units)}
    return _with_activation(call, _node("dense", weights))


def _batch_norm(call: Call) -> list[Node] | None:
    layer = call.layer
    axes = layer.axis if isinstance(layer.axis, (list, tuple)) else [layer.axis]
    if list(axes) not in ([-1], [call.rank - 1]):
        return None
    mean, variance = _array(layer.moving_mean), _array(layer.moving_variance)
    gamma = _array(layer.gamma) if layer.scale else np.ones_like(mean)
    beta = _array(layer.beta) if layer.center else np.zeros_like(mean)
    scale = gamma / np.sqrt(variance + layer.epsilon)
    return [_node("affine", {"scale": scale, "shift": beta - mean * scale})]


def _layer_norm(call: Call) -> list[Node] | None:
    layer = call.layer
    axes = layer.axis if isinstance(layer.axis, (list, tuple)) else [layer.axis]
    if list(axes) not in ([-1], [call.rank - 1]) or getattr(layer, "rms_scaling", False):
        return None
    size = _sides(call.output)[-1]
    gamma = _array(layer.gamma) if layer.scale else np.ones(size)
    beta = _array(layer.beta) if layer.center else np.zeros(size)
    return [_node("layer_norm", {"gamma": gamma, "beta": beta}, epsilon=layer.epsilon)]


def _attention(call: Call) -> list[Node] | None:
    layer = call.layer
    if call.rank != 3 or len(call.inputs) not in (2, 3) or _is_masked_or_crossed(call):
        return None
    weights: dict[str, Array] = {}
    for name in ("query", "key", "value", "output"):
        dense = getattr(layer, f"_{name}_dense")
        weights[f"{name}_kernel"] = kernel = _array(dense.kernel)
        size = kernel.shape[1:] if name != "output" else kernel.shape[2:]
        weights[f"{name}_bias"] = _array(np.zeros(size) if dense.bias is None else dense.bias)
    scale = float(weights["query_kernel"].shape[2]) ** -0.5
    return [_node("attention", weights, function="softmax", scale=scale)]


def _is_masked_or_crossed(call: Call) -> bool:
    """Whether the attention has a mask, or keys that are not the values."""
    named = {key for key, value in call.options.items() if value is not None and value is not False}
    crossed = "key" in named and len({id(tensor) for tensor in call.inputs}) > 1
    return crossed or bool(named - {"query", "value", "key"})


def _relu_attention(call: Call) -> list[Node] | None:
    layer = call.layer
    weights: dict[str, Array] = {}
    for name in ("query", "key", "value"):
        dense = getattr(layer, name)
        kernel, bias = _array(dense.kernel), _array(dense.bias)
        weights[f"{name}_kernel"] = kernel.reshape(len(kernel), layer.heads, -1)
        weights[f"{name}_bias"] = bias.reshape(layer.heads, -1)
    size = weights["query_kernel"].shape[2]
    kernel = _array(layer.output_projection.kernel)
    weights["output_kernel"] = kernel.reshape(layer.heads, size, -1)
    weights["output_bias"] = _array(layer.output_projection.bias)
    return [_node("attention", weights, function="relu", scale=float(size) ** -0.5)]


def _relu(call: Call) -> list[Node] | None:
    layer = call.layer
    plain = not np.any(layer.negative_slope) and not np.any(layer.threshold)
    if not plain or layer.max_value not in (None, 6):
        return None
    return [_node("activation", function="relu" if layer.max_value is None else "relu6")]


def _activation(call: Call) -> list[Node] | None:
    nodes = _with_activation(call)
    return [_node("identity")] if nodes == [] else nodes


def _softmax(call: Call) -> list[Node] | None:
    last = call.layer.axis in (-1, call.rank - 1) and len(call.inputs) == 1
    return [_node("activation", function="softmax")] if last else None


def _elementwise(kind: str) -> Reader:
    return lambda call: [_node(kind)] if len(call.inputs) > 1 else None


def _concat(call: Call) -> list[Node] | None:
    return [_node("concat", axis=call.layer.axis)]


def _global_mean(axes: tuple[int, ...]) -> Reader:
    def read_mean(call: Call) -> list[Node] | None:
        if call.layer.data_format != "channels_last" or len(call.inputs) != 1:
            return None
        return [_node("mean", axes=axes, keep=bool(call.layer.keepdims))]

    return read_mean


def _pool(function: str) -> Reader:
    def read_pool(call: Call) -> list[Node] | None:
        layer = call.layer
        if layer.data_format != "channels_last":
            return None
        options = {"strides": tuple(layer.strides), "padding": layer.padding.upper()}
        return [_node("pool", function=function, size=tuple(layer.pool_size), **options)]

    return read_pool


def _global_max(call: Call) -> list[Node] | None:
    picture = _sides(call.inputs[0])
    if call.layer.data_format != "channels_last" or -1 in picture:
        return None
    size = (picture[0], picture[1])
    pool = _node("pool", function="max", size=size, strides=size, padding="VALID")
    return [pool, _node("reshape", shape=_sides(call.output))]


def _pad(call: Call) -> list[Node] | None:
    if call.layer.data_format != "channels_last":
        return None
    (top, bottom), (left, right) = call.layer.padding
    return [_node("pad", borders=((top, bottom), (left, right)))]


def _reshape(call: Call) -> list[Node] | None:
    shape = _sides(call.output)
    return None if -1 in shape else [_node("reshape", shape=shape)]


def _normalization(call: Call) -> list[Node] | None:
    layer = call.layer
    axes = layer.axis if isinstance(layer.axis, (list, tuple)) else [layer.axis]
    if layer.invert or list(axes) not in ([-1], [call.rank - 1]):
        return None
    mean, deviation = _array(layer.mean).ravel(), np.sqrt(_array(layer.variance).ravel())
    scale = 1 / np.maximum(deviation, 1e-7)
    return [_node("affine", {"scale": scale, "shift": -mean * scale})]


def _rescaling(call: Call) -> list[Node] | None:
    scale, offset = np.asarray(call.layer.scale), np.asarray(call.layer.offset)
    scale, offset = np.broadcast_arrays(np.atleast_1d(scale), np.atleast_1d(offset))
    return [_node("affine", {"scale": scale, "shift": offset})]


def _position(call: Call) -> list[Node] | None:
    if not hasattr(call.layer, "positions"):
        return None
    return [_node("affine", {"scale": np.ones(1), "shift": _array(call.layer.positions)[0]})]


def _class_token(call: Call) -> list[Node] | None:
    if not hasattr(call.layer, "token"):
        return None
    return [_node("token", {"token": _array(call.layer.token)[0]})]


def _crop(call: Call) -> list[Node] | None:
    begin, _ = call.layer.cropping
    return [_node("crop", begin=begin, end=begin + call.output.shape[1])]


def _first_token(_: Call) -> list[Node] | None:
    return [_node("crop", begin=0, end=1)]


def _identity(_: Call) -> list[Node] | None:
    return [_node("identity")]


READERS: dict[str, Reader] = {
    "Activation": _activation,
    "Add": _elementwise("add"),
    "AveragePooling2D": _pool("average"),
    "BatchNormalization": _batch_norm,
    "ClassToken": _class_token,
    "Concatenate": _concat,
    "Conv2D": _conv,
    "Cropping1D": _crop,
    "Dense": _dense,
    "DepthwiseConv2D": _depthwise,
    "FirstToken": _first_token,
    "Flatten": _reshape,
    "GlobalAveragePooling1D": _global_mean((1,)),
    "GlobalAveragePooling2D": _global_mean((1, 2)),
    "GlobalMaxPooling2D": _global_max,
    "LayerNormalization": _layer_norm,
    "MaxPooling2D": _pool("max"),
    "MultiHeadAttention": _attention,
    "Multiply": _elementwise("mul"),
    "Normalization": _normalization,
    "PositionEmbedding": _position,
    "ReLU": _relu,
    "ReluAttention": _relu_attention,
    "Rescaling": _rescaling,
    "Reshape": _reshape,
    "SeparableConv2D": _separable,
    "Softmax": _softmax,
    "ZeroPadding2D": _pad,
    **dict.fromkeys(
        (
            "ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout",
            "GaussianNoise", "Identity", "PatchDropout",
            "RandomBrightness", "RandomContrast", "RandomFlip", "RandomRotation",
            "RandomTranslation", "RandomZoom", "SpatialDropout2D",
        ),
        _identity,
    ),
}  # fmt: skip

KNOWN_LAYERS = tuple(sorted(READERS))
"""Classes of the layers that are read; any other becomes an ``opaque`` node."""
