"""Readers that turn layers of Keras into nodes of a ``Network``, by the class of the layer.

A reader returns None where a layer is used in a way that it does not know; the layer then becomes
an ``opaque`` node. So does any layer of a class that is not exactly one of those below, and any
with a setting that its reader does not account for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import ModuleType

import numpy as np

from tflconv.core.typing import KerasLayer
from tflconv.model.inference import SKIPPED, acts_only_in_training, called, kits
from tflconv.network.keras import arithmetic
from tflconv.network.keras.activations import LINEAR, name_of
from tflconv.network.keras.calls import Call, Nodes, Reader, sides
from tflconv.network.keras.making import LayerWeight, array, make, opaque
from tflconv.network.keras.sequences import in_a_row, pair
from tflconv.network.keras.settings import accounted
from tflconv.network.nodes import Array, Node, NodeOptions


def read_call(call: Call) -> list[Node]:
    """Return the nodes of one use of a layer, at least one."""
    if acts_only_in_training(call.layer):
        return [make("identity")]
    return _known(call) or [opaque(call, place) for place in range(len(call.outputs))]


def _known(call: Call) -> list[Node] | None:
    """The nodes of ``call``; None where anything about it is not known."""
    reader = _reader_of(call.layer)
    if reader is None or call.given - reader.options or len(call.outputs) != 1:
        return None
    if "call" in vars(call.layer):  # this one computes something else than its class
        return None
    return reader.read(call) if accounted(call.layer, reader.settings) else None


def _bias(layer: KerasLayer, size: int) -> LayerWeight:
    return layer.bias if layer.use_bias else np.zeros(size)


def _with_activation(call: Call, *nodes: Node) -> list[Node]:
    """``nodes`` and the activation of the layer, which may be a layer itself."""
    activation = call.layer.activation
    name = name_of(activation)
    if name == LINEAR:
        return list(nodes)
    if name is not None:
        return [*nodes, make("activation", function=name)]
    own = Call(
        layer=activation,
        inputs=(call.output,),
        outputs=(call.output,),
        options={},
        again=called(activation, activation),
    )
    return [*nodes, *(_activating(own) or [opaque(own)])]


def _activating(call: Call) -> list[Node] | None:
    """The nodes of a layer that is used as an activation: one that keeps the shape."""
    reader = _reader_of(call.layer)
    keeps_shape = reader is not None and reader.read in (_relu, _softmax, _activation)
    return _known(call) if keeps_shape else None


def _sliding(layer: KerasLayer) -> NodeOptions | None:
    if layer.padding not in ("same", "valid"):
        return None
    return {
        "strides": pair(layer.strides),
        "padding": layer.padding.upper(),
        "dilation": pair(layer.dilation_rate, 1),
    }


def _skips_and_spreads(options: NodeOptions) -> bool:
    """Whether it has strides and dilation, where a depthwise kernel of TensorFlow drops one."""
    return any(step > 1 for step in options["strides"]) and any(
        step > 1 for step in options["dilation"]
    )


def _conv(call: Call) -> list[Node] | None:
    layer, options = call.layer, _sliding(call.layer)
    if options is None or layer.groups != 1:
        return None
    weights = {"kernel": layer.kernel, "bias": _bias(layer, layer.filters)}
    return _with_activation(call, make("conv", weights, **options))


def _depthwise(call: Call) -> list[Node] | None:
    layer, options = call.layer, _sliding(call.layer)
    if options is None or _skips_and_spreads(options):
        return None
    named = "depthwise_kernel" if hasattr(layer, "depthwise_kernel") else "kernel"
    kernel = array(getattr(layer, named))
    weights = {"kernel": kernel, "bias": _bias(layer, math.prod(kernel.shape[-2:]))}
    return _with_activation(call, make("depthwise", weights, **options))


def _separable(call: Call) -> list[Node] | None:
    layer, options = call.layer, _sliding(call.layer)
    if options is None or _skips_and_spreads(options):
        return None
    spatial = array(layer.depthwise_kernel)
    middle = np.zeros(math.prod(spatial.shape[-2:]))
    point = {"kernel": layer.pointwise_kernel, "bias": _bias(layer, layer.filters)}
    return _with_activation(
        call,
        make("depthwise", {"kernel": spatial, "bias": middle}, **options),
        make("conv", point, strides=(1, 1), padding="VALID"),
    )


def _dense(call: Call) -> list[Node] | None:
    weights = {"kernel": call.layer.kernel, "bias": _bias(call.layer, call.layer.units)}
    return _with_activation(call, make("dense", weights))


def _batch_norm(call: Call) -> list[Node] | None:
    layer = call.layer
    axes = layer.axis if isinstance(layer.axis, (list, tuple)) else [layer.axis]
    if list(axes) not in ([-1], [call.rank - 1]):
        return None
    mean, variance = array(layer.moving_mean), array(layer.moving_variance)
    gamma = array(layer.gamma) if layer.scale else np.ones_like(mean)
    beta = array(layer.beta) if layer.center else np.zeros_like(mean)
    scale = gamma / np.sqrt(variance + layer.epsilon)
    return [make("affine", {"scale": scale, "shift": beta - mean * scale})]


def _layer_norm(call: Call) -> list[Node] | None:
    layer = call.layer
    axes = layer.axis if isinstance(layer.axis, (list, tuple)) else [layer.axis]
    if list(axes) not in ([-1], [call.rank - 1]):
        return None
    size = sides(call.output)[-1]
    gamma = array(layer.gamma) if layer.scale else np.ones(size)
    beta = array(layer.beta) if layer.center else np.zeros(size)
    return [make("layer_norm", {"gamma": gamma, "beta": beta}, epsilon=layer.epsilon)]


def _attention(call: Call) -> list[Node] | None:
    layer = call.layer
    if any(len(tokens.shape) != 3 for tokens in (*call.inputs, call.output)):
        return None
    axes = layer.get_config()["attention_axes"]
    if len(call.inputs) not in (2, 3) or _is_crossed(call) or axes not in (None, [1], (1,)):
        return None
    weights: dict[str, Array] = {}
    for name in ("query", "key", "value", "output"):
        dense = getattr(layer, f"_{name}_dense")
        weights[f"{name}_kernel"] = kernel = array(dense.kernel)
        size = kernel.shape[1:] if name != "output" else kernel.shape[2:]
        weights[f"{name}_bias"] = array(np.zeros(size) if dense.bias is None else dense.bias)
    scale = float(weights["query_kernel"].shape[2]) ** -0.5
    return [make("attention", weights, function="softmax", scale=scale)]


def _is_crossed(call: Call) -> bool:
    """Whether the attention has keys that are not the values, or a key but no value."""
    named = call.given
    crossed = "key" in named and len({id(tensor) for tensor in call.inputs}) > 1
    return crossed or ("argument 2" in named and "argument 1" not in named)


def _relu_attention(call: Call) -> list[Node] | None:
    layer = call.layer
    weights: dict[str, Array] = {}
    for name in ("query", "key", "value"):
        dense = getattr(layer, name)
        kernel, bias = array(dense.kernel), array(dense.bias)
        weights[f"{name}_kernel"] = kernel.reshape(len(kernel), layer.heads, -1)
        weights[f"{name}_bias"] = bias.reshape(layer.heads, -1)
    size = weights["query_kernel"].shape[2]
    kernel = array(layer.output_projection.kernel)
    weights["output_kernel"] = kernel.reshape(layer.heads, size, -1)
    weights["output_bias"] = array(layer.output_projection.bias)
    return [make("attention", weights, function="relu", scale=float(size) ** -0.5)]


def _relu(call: Call) -> list[Node] | None:
    layer = call.layer
    plain = not np.any(layer.negative_slope) and not np.any(layer.threshold)
    if not plain or layer.max_value not in (None, 6):
        return None
    return [make("activation", function="relu" if layer.max_value is None else "relu6")]


def _activation(call: Call) -> list[Node] | None:
    return _with_activation(call) or [make("identity")]


def _softmax(call: Call) -> list[Node] | None:
    last = call.layer.axis in (-1, call.rank - 1) and len(call.inputs) == 1
    return [make("activation", function="softmax")] if last else None


def _concat(call: Call) -> list[Node] | None:
    return [make("concat", axis=call.layer.axis)]


def _global_mean(axes: tuple[int, ...]) -> Nodes:
    def read_mean(call: Call) -> list[Node] | None:
        if len(call.inputs) != 1:
            return None
        return [make("mean", axes=axes, keep=bool(call.layer.keepdims))]

    return read_mean


def _pool(function: str) -> Nodes:
    def read_pool(call: Call) -> list[Node] | None:
        layer = call.layer
        options = {"strides": pair(layer.strides), "padding": layer.padding.upper()}
        return [make("pool", function=function, size=pair(layer.pool_size, 1), **options)]

    return read_pool


def _global_max(call: Call) -> list[Node] | None:
    picture = sides(call.inputs[0])
    if -1 in picture:
        return None
    size = pair(picture[:-1], 1)
    pool = make("pool", function="max", size=size, strides=size, padding="VALID")
    return [pool, make("reshape", shape=sides(call.output))]


def _pad_tokens(call: Call) -> list[Node] | None:
    front, back = call.layer.padding
    return [make("pad", borders=((front, back),))]


def _pad(call: Call) -> list[Node] | None:
    (top, bottom), (left, right) = call.layer.padding
    return [make("pad", borders=((top, bottom), (left, right)))]


def _reshape(call: Call) -> list[Node] | None:
    shape = sides(call.output)
    return None if -1 in shape else [make("reshape", shape=shape)]


def _normalization(call: Call) -> list[Node] | None:
    layer = call.layer
    axes = layer.axis if isinstance(layer.axis, (list, tuple)) else [layer.axis]
    if layer.invert or list(axes) not in ([-1], [call.rank - 1]):
        return None
    mean, deviation = array(layer.mean).ravel(), np.sqrt(array(layer.variance).ravel())
    scale = 1 / np.maximum(deviation, 1e-7)
    return [make("affine", {"scale": scale, "shift": -mean * scale})]


def _rescaling(call: Call) -> list[Node] | None:
    scale, offset = np.asarray(call.layer.scale), np.asarray(call.layer.offset)
    scale, offset = np.broadcast_arrays(np.atleast_1d(scale), np.atleast_1d(offset))
    return [make("affine", {"scale": scale, "shift": offset})]


def _position(call: Call) -> list[Node] | None:
    if not hasattr(call.layer, "positions"):
        return None
    return [make("affine", {"scale": np.ones(1), "shift": array(call.layer.positions)[0]})]


def _class_token(call: Call) -> list[Node] | None:
    if not hasattr(call.layer, "token"):
        return None
    return [make("token", {"token": array(call.layer.token)[0]})]


def _crop(call: Call) -> list[Node] | None:
    begin, _ = call.layer.cropping
    return [make("crop", begin=begin, end=begin + call.output.shape[1])]


def _first_token(_: Call) -> list[Node] | None:
    return [make("crop", begin=0, end=1)]


def _identity(_: Call) -> list[Node] | None:
    return [make("identity")]


def _settings(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SLIDING = "strides padding dilation_rate activation use_bias"
_NORM = "axis epsilon center scale"
_POOL = "pool_size strides padding"

_OF_KERAS: Mapping[str, tuple[Nodes, str]] = {
    "Activation": (_activation, "activation"),
    "Add": (arithmetic.elementwise("add"), ""),
    "AveragePooling1D": (in_a_row(_pool("average")), _POOL),
    "AveragePooling2D": (_pool("average"), _POOL),
    "BatchNormalization": (_batch_norm, _NORM),
    "Concatenate": (_concat, "axis"),
    "Conv1D": (in_a_row(_conv), f"filters kernel_size groups {_SLIDING}"),
    "Conv2D": (_conv, f"filters kernel_size groups {_SLIDING}"),
    "Cropping1D": (_crop, "cropping"),
    "Dense": (_dense, "units activation use_bias"),
    "DepthwiseConv1D": (
        in_a_row(_depthwise), f"kernel_size depth_multiplier {_SLIDING}"
    ),
    "DepthwiseConv2D": (_depthwise, f"kernel_size depth_multiplier {_SLIDING}"),
    "Flatten": (_reshape, ""),
    "GlobalAveragePooling1D": (_global_mean((1,)), "keepdims"),
    "GlobalAveragePooling2D": (_global_mean((1, 2)), "keepdims"),
    "GlobalMaxPooling1D": (in_a_row(_global_max), "keepdims"),
    "GlobalMaxPooling2D": (_global_max, "keepdims"),
    "Identity": (_identity, ""),
    "LayerNormalization": (_layer_norm, _NORM),
    "MaxPooling1D": (in_a_row(_pool("max")), _POOL),
    "MaxPooling2D": (_pool("max"), _POOL),
    "MultiHeadAttention": (
        _attention, "num_heads key_dim value_dim use_bias output_shape attention_axes"
    ),
    "Multiply": (arithmetic.elementwise("mul"), ""),
    "Normalization": (_normalization, "axis mean variance invert"),
    "ReLU": (_relu, "max_value negative_slope threshold"),
    "Rescaling": (_rescaling, "scale offset"),
    "Reshape": (_reshape, "target_shape"),
    "SeparableConv1D": (
        in_a_row(_separable), f"filters kernel_size depth_multiplier {_SLIDING}"
    ),
    "SeparableConv2D": (_separable, f"filters kernel_size depth_multiplier {_SLIDING}"),
    "Softmax": (_softmax, "axis"),
    "ZeroPadding1D": (_pad_tokens, "padding"),
    "ZeroPadding2D": (_pad, "padding"),
}  # fmt: skip
"""Readers of layers that both Kerases have, and the settings that each accounts for."""

_OF_OURS: Mapping[str, tuple[Nodes, str]] = {
    "ClassToken": (_class_token, ""),
    "FirstToken": (_first_token, ""),
    "PositionEmbedding": (_position, ""),
    "ReluAttention": (_relu_attention, "heads"),
}

_ATTENDED = frozenset(("query", "value", "key", "argument 1", "argument 2"))

COMPUTED_LAYERS = tuple(sorted({*_OF_KERAS, *_OF_OURS}))
"""Classes of the layers that are read and compute something; docs/qat.md lists them."""

KNOWN_LAYERS = tuple(sorted({*COMPUTED_LAYERS, *SKIPPED, "PatchDropout"}))
"""Classes of the layers that are read; any other becomes an ``opaque`` node."""


def _reader_of(layer: object) -> Reader | None:
    """The reader of exactly the class of ``layer``."""
    tables = (_readers(kit) for kit in kits())
    return next((table[type(layer)] for table in tables if type(layer) in table), None)


@cache
def _readers(kit: ModuleType) -> Mapping[type, Reader]:
    """The readers of the layers of one Keras, and of ours, by their classes."""
    from tflconv.models import layers as ours

    by_class: dict[type, Reader] = {}
    for module, readers in ((kit.layers, _OF_KERAS), (ours, _OF_OURS)):
        for name, (read, settings) in readers.items():
            reader = Reader(read=read, settings=_settings(settings))
            if read is _attention:
                reader = replace(reader, options=_ATTENDED)
            by_class[getattr(module, name)] = reader
    return by_class | (arithmetic.of_operators() if hasattr(kit, "ops") else {})
