"""Which numbers an 8-bit activation can be: ranges, where they are needed, how they are found.

An activation is stored as one of 256 steps between a smallest and a largest value. Every value that
an integer kernel reads or writes needs such a range, except where a kernel only moves values: those
outputs share the range of their input, and the inputs of a concatenation share that of its output.
Two demands of the kernels are met here: the range of a right operand of a product is symmetric, so
that its zero point is 0, and softmax, sigmoid and tanh have the ranges that TFLite fixed for them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from tflconv.core.tensorflow import tf
from tflconv.core.typing import Tensor
from tflconv.errors import UsageError
from tflconv.network.keras.execution import FloatScheme, run
from tflconv.network.nodes import Array, Network, Node

STEPS = 255
"""Steps between the smallest and the largest of 256 values."""

MATRIX_KINDS = ("conv", "depthwise", "dense", "matmul")
_MOVING = ("reshape", "crop", "pad", "pool", "identity")
_FIXED = {
    "softmax": (0.0, 1 - 2**-8),
    "sigmoid": (0.0, 1 - 2**-8),
    "tanh": (-1.0, 1 - 2**-7),
}
_NARROWEST = 1e-4


@dataclass(frozen=True, kw_only=True)
class Range:
    """The real numbers from ``low`` to ``high``; 0 is among them."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= 0 <= self.high or self.low == self.high:
            raise UsageError(
                f"a range must contain 0 and more. Received: low={self.low}, high={self.high}."
            )

    @property
    def scale(self) -> float:
        """The distance between two steps."""
        return (self.high - self.low) / STEPS

    def symmetric(self) -> Range:
        """The smallest range around this one whose zero point is 0: -128 to 127 equal steps."""
        reach = max(-self.low * 127 / 128, self.high)
        return Range(low=-reach * 128 / 127, high=reach)


Ranges = dict[str, Range]
"""By the name of the node whose output has the range."""


def measure(network: Network, *inputs: Array, batch: int = 50) -> Ranges:
    """Run calibration samples ``[n, ...]`` and return the range of each value that needs one."""
    watcher = _Watcher({node.name for node in quantized(network)})
    for start in range(0, len(inputs[0]), batch):
        run(network, *(tf.constant(x[start : start + batch]) for x in inputs), scheme=watcher)
    return {name: allowed(network[name], *ends) for name, ends in watcher.found.items()}


def quantized(network: Network, *, selective: bool = False) -> Iterator[Node]:
    """The nodes whose outputs are stored in 8 bits.

    All of them, or (``selective``) only what enters or leaves a product; the rest stays in float.
    """
    for node in network:
        consumers = network.consumers(node.name)
        joined = bool(consumers) and all(c.kind == "concat" for c in consumers)
        if node.kind in _MOVING or joined:
            continue
        if not selective or node.kind in (*MATRIX_KINDS, "concat") or _feeds(network, node):
            yield node


def _feeds(network: Network, node: Node) -> bool:
    """Whether a product reads this value, perhaps moved in between."""
    return any(
        c.kind in MATRIX_KINDS or (c.kind in _MOVING and _feeds(network, c))
        for c in network.consumers(node.name)
    )


def allowed(node: Node, low: float, high: float) -> Range:
    """The range that the output of ``node`` gets when its values lie from ``low`` to ``high``."""
    if node.options.get("function") in _FIXED:
        low, high = _FIXED[node.options["function"]]
        return Range(low=low, high=high)
    low, high = min(low, 0.0), max(high, 0.0)
    found = Range(low=low, high=max(high, low + _NARROWEST))
    return found.symmetric() if node.options.get("symmetric") else found


class _Watcher(FloatScheme):
    """Remembers the smallest and the largest value of each node's output."""

    def __init__(self, names: Collection[str]) -> None:
        self.names = names
        self.found: dict[str, tuple[float, float]] = {}

    def activation(self, node: Node, value: Tensor) -> Tensor:
        if node.name in self.names:
            array = value.numpy()
            low, high = self.found.get(node.name, (np.inf, -np.inf))
            self.found[node.name] = (
                min(low, float(array.min())),
                max(high, float(array.max())),
            )
        return value
