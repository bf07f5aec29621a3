"""Round the weights and activations of a float network as its integer version will.

Weights are rounded to ``scale * q`` with ``q`` from -127 to 127 and one scale per output channel,
activations to 256 steps of their range (Jacob et al. 2018, "Quantization and Training of Neural
Networks", https://arxiv.org/abs/1712.05877). The TFLite converter takes the ranges from the graph,
so the scales in the file are the scales used here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tflconv.core.tensorflow import tf
from tflconv.core.typing import Tensor
from tflconv.network.keras.execution import FloatScheme
from tflconv.network.keras.ranges import Ranges
from tflconv.network.nodes import LINEAR, Array, Network, Node


class FakeQuantScheme(FloatScheme):
    """Round activations to the steps of their ranges; saturation replaces the ReLU of a product.

    Args:
        ranges: Ranges of the activations to round.
        tensorwise: Whether a kernel has one scale for all of its channels.
    """

    saturates = True

    def __init__(self, ranges: Ranges, *, tensorwise: bool = False) -> None:
        self.ranges, self.tensorwise = ranges, tensorwise

    def weight(self, node: Node, key: str) -> Tensor:
        """Return a constant; the converter computes channelwise scales itself."""
        constant = super().weight(node, key)
        largest = float(np.abs(node.weights[key]).max())
        if not self.tensorwise or key != "kernel" or largest == 0:
            return constant
        return tf.quantization.fake_quant_with_min_max_args(
            constant, -largest, largest, narrow_range=True
        )

    def activation(self, node: Node, value: Tensor) -> Tensor:
        """Return ``value`` rounded to the 256 steps of its range, if it has one."""
        ends = self.ranges.get(node.name)
        if ends is None:
            return value
        return tf.quantization.fake_quant_with_min_max_args(value, ends.low, ends.high)


def weight_scales(node: Node, bits: int = 8) -> Array:
    """Return one scale per output channel of ``node``, shaped to divide its kernel.

    Args:
        node: A node with a kernel.
        bits: Bits of a rounded weight.
    """
    largest = np.abs(node.weights["kernel"]).max(_scale_axes(node), keepdims=True)
    return np.asarray(np.where(largest > 0, largest, 1) / _steps(bits), np.float32)


def round_weights(network: Network, bits: int = 8) -> Network:
    """Round every kernel to multiples of its scales; rounding again changes nothing."""
    for node in network.of_kind(*LINEAR):
        scales = weight_scales(node, bits)
        kernel = np.rint(node.weights["kernel"] / scales) * scales
        network = network.updating(node.with_weights(kernel=kernel))
    return network


def round_straight_through(kernel: Tensor, node: Node, bits: int) -> Tensor:
    """Round the ``kernel`` of ``node`` like ``round_weights``, with a gradient of 1.

    Args:
        kernel: The kernel as it is trained.
        node: The node that it belongs to.
        bits: Bits of a rounded weight.
    """
    largest = tf.reduce_max(tf.abs(kernel), _scale_axes(node), keepdims=True)
    scale = tf.where(largest > 0, largest, 1.0) / _steps(bits)
    change: Tensor = tf.stop_gradient(tf.round(kernel / scale) * scale - kernel)
    return kernel + change


def channels_of(node: Node) -> NDArray[np.int64]:
    """Return the number of the output channel that each weight of a kernel belongs to."""
    shape = node.weights["kernel"].shape
    apart = tuple(1 if axis in _scale_axes(node) else side for axis, side in enumerate(shape))
    return np.broadcast_to(np.arange(np.prod(apart)).reshape(apart), shape)


def _scale_axes(node: Node) -> tuple[int, ...]:
    """The axes of the kernel along which weights share a scale."""
    rank = node.weights["kernel"].ndim
    channels = (2, 3) if node.kind == "depthwise" else (rank - 1,)
    return tuple(axis for axis in range(rank) if axis not in channels)


def _steps(bits: int) -> int:
    """The largest integer that a rounded weight can be."""
    return int(2 ** (bits - 1)) - 1
