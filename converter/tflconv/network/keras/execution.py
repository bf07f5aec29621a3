"""Run a network with TensorFlow: as float reference, as a graph to convert, and in training.

A scheme decides what a weight is (a constant, a variable, a rounded variable) and what is done to
an activation (nothing, or rounding to 256 steps). So the network that is trained is the network
that is converted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from tflconv.core.tensorflow import tf
from tflconv.core.typing import Tensor
from tflconv.network.keras import operators
from tflconv.network.nodes import Array, Network, Node
from tflconv.tflite.naming import scope


class Scheme(Protocol):
    """A quantization scheme: where weights come from and how activations are rounded.

    Attributes:
        saturates: Whether results of products saturate at the limits of their ranges, which
            replaces their ReLU.
    """

    saturates: bool

    def weight(self, node: Node, key: str) -> Tensor:
        """Return the weight ``key`` of ``node`` as a tensor."""

    def activation(self, node: Node, value: Tensor) -> Tensor:
        """Return the output ``value`` of ``node`` as its consumers get it."""


class FloatScheme:
    """The scheme without rounding."""

    saturates = False

    def weight(self, node: Node, key: str) -> Tensor:
        """Return the weight as a constant."""
        return tf.constant(node.weights[key])

    def activation(self, node: Node, value: Tensor) -> Tensor:
        """Return ``value`` unchanged."""
        return value


def run(network: Network, *inputs: Tensor, scheme: Scheme | None = None) -> Tensor:
    """Run ``network``, which has one output, and return it.

    Args:
        network: The network.
        inputs: One tensor per input of the network, with batch, in the order of the inputs.
        scheme: Where weights come from and how activations are rounded, by default not at all.
    """
    (value,) = run_all(network, *inputs, scheme=scheme)
    return value


def run_all(network: Network, *inputs: Tensor, scheme: Scheme | None = None) -> list[Tensor]:
    """Run ``network`` with the arguments of ``run`` and return its outputs, in their order."""
    fed = dict(zip((node.name for node in network.inputs), inputs, strict=True))
    computed = values(network, fed, scheme=scheme)
    return [computed[name] for name in network.outputs]


def values(
    network: Network, given: Mapping[str, Tensor], *, scheme: Scheme | None = None
) -> dict[str, Tensor]:
    """Return the value of each node of ``network`` by its name.

    Args:
        network: The network.
        given: Values of the inputs, and of other nodes that are not computed, with batch.
        scheme: Where weights come from and how activations are rounded, by default not at all.
    """
    chosen = scheme or FloatScheme()
    known: dict[str, Tensor] = {}
    for place, node in enumerate(network):
        with tf.name_scope(scope(place)):
            if node.name in given:
                value = tf.cast(given[node.name], tf.float32)
            else:
                value = _computed(node, [known[name] for name in node.inputs], chosen)
            known[node.name] = chosen.activation(node, value)
    return known


def _computed(node: Node, arguments: Sequence[Tensor], scheme: Scheme) -> Tensor:
    if node.kind != "opaque":  # which may return integers
        arguments = [tf.cast(value, tf.float32) for value in arguments]
    value = _RUNNERS[node.kind](node, arguments, scheme)
    return value if scheme.saturates and node.kind == "matmul" else _activated(node, value)


def predict(network: Network, *inputs: Array, batch: int = 64) -> Array:
    """Run ``network`` in batches and return its output as an array.

    Args:
        network: The network.
        inputs: One array ``[n, ...]`` per input of the network.
        batch: Samples per batch.
    """
    function = tf.function(
        lambda *values: run(network, *values), autograph=False, reduce_retracing=True
    )
    batch = batch if network.takes_batches else 1
    parts = [
        function(*(tf.constant(values[start : start + batch]) for values in inputs)).numpy()
        for start in range(0, len(inputs[0]), batch)
    ]
    return np.concatenate(parts)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "gelu": lambda x: tf.nn.gelu(x, approximate=False),
    "gelu_tanh": lambda x: tf.nn.gelu(x, approximate=True),
    "softmax": tf.nn.softmax,
    "sigmoid": tf.nn.sigmoid,
    "tanh": tf.nn.tanh,
    "silu": tf.nn.silu,
    "hard_swish": lambda x: x * tf.nn.relu6(x + 3.0) * (1 / 6),
}


def _activated(node: Node, value: Tensor) -> Tensor:
    name = node.options.get("activation")
    return value if name is None else ACTIVATIONS[name](value)


def _conv(node: Node, inputs: Sequence[Tensor], scheme: Scheme) -> Tensor:
    value = tf.nn.conv2d(
        inputs[0],
        scheme.weight(node, "kernel"),
        node.options["strides"],
        node.options["padding"],
        dilations=node.options.get("dilation", (1, 1)),
    )
    return tf.nn.bias_add(value, scheme.weight(node, "bias"))


def _depthwise(node: Node, inputs: Sequence[Tensor], scheme: Scheme) -> Tensor:
    value = tf.nn.depthwise_conv2d(
        inputs[0],
        scheme.weight(node, "kernel"),
        (1, *node.options["strides"], 1),
        node.options["padding"],
        dilations=node.options.get("dilation", (1, 1)),
    )
    return tf.nn.bias_add(value, scheme.weight(node, "bias"))


def _dense(node: Node, inputs: Sequence[Tensor], scheme: Scheme) -> Tensor:
    product = tf.matmul(inputs[0], scheme.weight(node, "kernel"))
    return product + scheme.weight(node, "bias")


def _affine(node: Node, inputs: Sequence[Tensor], scheme: Scheme) -> Tensor:
    return _scaled(node, inputs[0], scheme, "scale", "shift")


def _scaled(node: Node, value: Tensor, scheme: Scheme, scale: str, shift: str) -> Tensor:
    if (node.weights[scale] != 1).any():
        value = value * scheme.weight(node, scale)
    if (node.weights[shift] != 0).any():
        value = value + scheme.weight(node, shift)
    return value


def _layer_norm(node: Node, inputs: Sequence[Tensor], scheme: Scheme) -> Tensor:
    (value,) = inputs
    if node.options.get("center", True):
        value = value - tf.reduce_mean(value, -1, keepdims=True)
    variance = tf.reduce_mean(value * value, -1, keepdims=True)
    value = value * tf.math.rsqrt(variance + node.options["epsilon"])
    return _scaled(node, value, scheme, "gamma", "beta")


def _attention(node: Node, inputs: Sequence[Tensor], scheme: Scheme) -> Tensor:
    """Attention as Keras computes it, all heads in one tensor of rank 4."""
    query, value, key = (*inputs, inputs[-1], inputs[-1])[:3]
    heads = {
        name: tf.einsum("bnc,chs->bhns", tokens, scheme.weight(node, f"{name}_kernel"))
        + scheme.weight(node, f"{name}_bias")[:, tf.newaxis]
        for name, tokens in (("query", query), ("key", key), ("value", value))
    }
    scores = tf.matmul(heads["query"] * node.options["scale"], heads["key"], transpose_b=True)
    if node.options["function"] == "softmax":
        scores = tf.nn.softmax(scores)
    else:
        scores = tf.nn.relu(scores) / scores.shape[-1]
    mixed = tf.einsum(
        "bhns,hsc->bnc", tf.matmul(scores, heads["value"]), scheme.weight(node, "output_kernel")
    )
    return mixed + scheme.weight(node, "output_bias")


def _matmul(node: Node, inputs: Sequence[Tensor], _scheme: Scheme) -> Tensor:
    return tf.matmul(*inputs, transpose_b=node.options["transpose_right"])


def _mean(node: Node, inputs: Sequence[Tensor], _scheme: Scheme) -> Tensor:
    return tf.reduce_mean(inputs[0], node.options["axes"], keepdims=node.options["keep"])


def _pool(node: Node, inputs: Sequence[Tensor], _scheme: Scheme) -> Tensor:
    function = tf.nn.max_pool2d if node.options["function"] == "max" else tf.nn.avg_pool2d
    options = node.options
    return function(inputs[0], options["size"], options["strides"], options["padding"])


def _token(node: Node, inputs: Sequence[Tensor], scheme: Scheme) -> Tensor:
    (tokens,) = inputs
    token = tf.repeat(scheme.weight(node, "token")[tf.newaxis], tf.shape(tokens)[0], axis=0)
    return tf.concat([token, tokens], axis=1)


def _patches(node: Node, inputs: Sequence[Tensor], _scheme: Scheme) -> Tensor:
    (picture,), (high, wide) = inputs, node.options["size"]
    height, width, channels = picture.shape[1:]
    rows, columns = height // high, width // wide
    cut = tf.reshape(picture, (-1, high, columns, wide * channels))
    moved = tf.transpose(cut, (0, 2, 1, 3))
    return tf.reshape(moved, (-1, rows, columns, high * wide * channels))


def _reshape(node: Node, inputs: Sequence[Tensor], _scheme: Scheme) -> Tensor:
    return tf.reshape(inputs[0], (-1, *node.options["shape"]))


_RUNNERS: dict[str, Callable[[Node, Sequence[Tensor], Scheme], Tensor]] = {
    "conv": _conv,
    "depthwise": _depthwise,
    "dense": _dense,
    "affine": _affine,
    "layer_norm": _layer_norm,
    "activation": lambda node, inputs, _: ACTIVATIONS[node.options["function"]](inputs[0]),
    "attention": _attention,
    "matmul": _matmul,
    "add": lambda _node, inputs, _: _fold(tf.add, inputs),
    "mul": lambda _node, inputs, _: _fold(tf.multiply, inputs),
    "concat": lambda node, inputs, _: tf.concat(list(inputs), node.options["axis"]),
    "mean": _mean,
    "pool": _pool,
    "pad": lambda node, inputs, _: tf.pad(inputs[0], ((0, 0), *node.options["borders"], (0, 0))),
    "patches": _patches,
    "reshape": _reshape,
    "crop": lambda node, inputs, _: inputs[0][:, node.options["begin"] : node.options["end"]],
    "token": _token,
    "transpose": lambda node, inputs, _: tf.transpose(inputs[0], node.options["axes"]),
    "identity": lambda _node, inputs, _: inputs[0],
    "opaque": lambda node, inputs, _: node.options["call"](*inputs),
    "operator": lambda node, inputs, _: operators.run(node, inputs),
}


def _fold(function: Callable[[Tensor, Tensor], Tensor], values: Sequence[Tensor]) -> Tensor:
    result = values[0]
    for value in values[1:]:
        result = function(result, value)
    return result
