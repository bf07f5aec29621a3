"""Ranges of 8-bit activations: which values need one, and how they are measured.

An activation is stored as one of 256 steps between a smallest and a largest value. Every value that
an integer kernel reads or writes needs such a range, except where a kernel only moves values: those
outputs share the range of their input, and the inputs of a concatenation share that of its output.
Kernels have two demands: the range of the right operand of a product is symmetric, so that its zero
point is 0, and softmax, sigmoid and tanh have the ranges that TFLite prescribes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np

from tflconv.core.tensorflow import tf
from tflconv.core.typing import Tensor
from tflconv.errors import UsageError
from tflconv.network.keras.execution import FloatScheme, run_all
from tflconv.network.nodes import Array, Network, Node
from tflconv.network.symmetric import symmetric_ends

STEPS = 255
"""Number of steps from the smallest to the largest of 256 values."""

MATRIX_KINDS = ("conv", "depthwise", "dense", "matmul")
_MOVING = ("reshape", "patches", "crop", "pad", "pool", "identity", "transpose")
"""Nodes that only move values or choose among them; what is between two has the same range."""

_FIXED = {
    "softmax": (0.0, 1 - 2**-8),
    "sigmoid": (0.0, 1 - 2**-8),
    "tanh": (-1.0, 1 - 2**-7),
}
_NARROWEST = 1e-4


@dataclass(frozen=True, kw_only=True)
class Range:
    """The real numbers from ``low`` to ``high``, with 0 among them.

    Raises:
        UsageError: 0 is not between ``low`` and ``high``, or they are equal.

    Example:
        >>> Range(low=-12.8, high=12.7).scale
        0.1
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= 0 <= self.high or self.low == self.high:
            raise UsageError(
                f"a range must contain 0 and more. Received: low={self.low}, high={self.high}."
            )

    @property
    def scale(self) -> float:
        """Distance between two steps."""
        return (self.high - self.low) / STEPS

    def symmetric(self) -> Range:
        """Return the smallest range around this one whose zero point is 0."""
        low, high = symmetric_ends(self.low, self.high, larger=max)
        return Range(low=low, high=high)


Ranges = dict[str, Range]
"""Ranges of outputs, by the name of the node."""


def measure(
    network: Network,
    *inputs: Array,
    batch: int = 50,
    on_sample: Callable[[int, int], object] = lambda _, __: None,
) -> Ranges:
    """Return the range of each value that needs one.

    Args:
        network: The network to run.
        inputs: Calibration samples ``[n, ...]``, one array per input.
        batch: Samples per run.
        on_sample: Is told how many samples were run, of how many.
    """
    observer = _RangeObserver({node.name for node in quantized(network)})
    batch = batch if network.takes_batches else 1
    for start in range(0, len(inputs[0]), batch):
        run_all(network, *(tf.constant(x[start : start + batch]) for x in inputs), scheme=observer)
        on_sample(min(start + batch, len(inputs[0])), len(inputs[0]))
    return {name: allowed(network[name], *ends) for name, ends in observer.ends.items()}


def quantized(network: Network, *, selective: bool = False) -> Iterator[Node]:
    """Yield the nodes whose outputs are stored in 8 bits.

    Args:
        network: The network.
        selective: Whether only inputs and outputs of products are, and the rest stays in float.
    """
    for node in network:
        consumers = network.consumers(node.name)
        joined = bool(consumers) and all(c.kind == "concat" for c in consumers)
        if _moves(node) or joined:
            continue
        if not selective or node.kind in (*MATRIX_KINDS, "concat") or _feeds(network, node):
            yield node


def _moves(node: Node) -> bool:
    return node.kind in _MOVING or node.options.get("moves", False)


def _feeds(network: Network, node: Node) -> bool:
    """Whether a product reads the output of ``node``, directly or after it was moved."""
    return any(
        c.kind in MATRIX_KINDS or (_moves(c) and _feeds(network, c))
        for c in network.consumers(node.name)
    )


def allowed(node: Node, low: float, high: float) -> Range:
    """Return the range of the output of ``node`` for values from ``low`` to ``high``."""
    if node.options.get("function") in _FIXED:
        low, high = _FIXED[node.options["function"]]
        return Range(low=low, high=high)
    low, high = min(low, 0.0), max(high, 0.0)
    widened = Range(low=low, high=max(high, low + _NARROWEST))
    return widened.symmetric() if node.options.get("symmetric") else widened


class _RangeObserver(FloatScheme):
    """Records the smallest and the largest output of the nodes called ``names``."""

    def __init__(self, names: Collection[str]) -> None:
        self.names = names
        self.ends: dict[str, tuple[float, float]] = {}

    def activation(self, node: Node, value: Tensor) -> Tensor:
        if node.name in self.names:
            array = value.numpy()
            low, high = self.ends.get(node.name, (np.inf, -np.inf))
            self.ends[node.name] = min(low, float(array.min())), max(high, float(array.max()))
        return value
