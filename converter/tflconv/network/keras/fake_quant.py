"""A float network that rounds as its integer version will.

Weights are rounded to ``scale * q`` with ``q`` from -127 to 127 and one scale for each output
channel, activations to 256 steps of their range (Jacob et al. 2018, "Quantization and Training of
Neural Networks", https://arxiv.org/abs/1712.05877). The TFLite converter reads the ranges off the
graph, so the scales in the file are those that stand here.
"""

from __future__ import annotations

import numpy as np

from tflconv.core.tensorflow import tf
from tflconv.core.typing import Tensor
from tflconv.network.keras.execution import FloatScheme
from tflconv.network.keras.ranges import Ranges
from tflconv.network.nodes import LINEAR, Array, Network, Node


class FakeQuantScheme(FloatScheme):
    """Activations rounded to the steps of ``ranges``; saturation takes the place of a ReLU.

    With ``tensorwise`` a kernel gets one scale for all of its channels.
    """

    saturates = True

    def __init__(self, ranges: Ranges, *, tensorwise: bool = False) -> None:
        self.ranges, self.tensorwise = ranges, tensorwise

    def weight(self, node: Node, key: str) -> Tensor:
        """A constant; the converter finds a scale for each channel by itself."""
        found = super().weight(node, key)
        largest = float(np.abs(node.weights[key]).max())
        if not self.tensorwise or key != "kernel" or largest == 0:
            return found
        return tf.quantization.fake_quant_with_min_max_args(
            found, -largest, largest, narrow_range=True
        )

    def activation(self, node: Node, value: Tensor) -> Tensor:
        """The value as 8 bits can hold it."""
        found = self.ranges.get(node.name)
        if found is None:
            return value
        return tf.quantization.fake_quant_with_min_max_args(value, found.low, found.high)


def weight_scales(node: Node, bits: int = 8) -> Array:
    """One scale for each output channel of ``node``, shaped to divide its kernel."""
    kernel = node.weights["kernel"]
    kept = (2, 3) if node.kind == "depthwise" else (kernel.ndim - 1,)
    axes = tuple(axis for axis in range(kernel.ndim) if axis not in kept)
    largest = np.abs(kernel).max(axes, keepdims=True)
    steps = 2 ** (bits - 1) - 1
    return np.asarray(np.where(largest > 0, largest, 1) / steps, np.float32)


def round_weights(network: Network, bits: int = 8) -> Network:
    """Put every kernel on the steps it will have in the file; rounding again changes nothing."""
    for node in network.of_kind(*LINEAR):
        scales = weight_scales(node, bits)
        kernel = np.rint(node.weights["kernel"] / scales) * scales
        network = network.updating(node.with_weights(kernel=kernel))
    return network
