"""What the layers of a network cost before any file is made: int8 instructions on an arm64 core.

The prices are those of files (``inspection.cost``). What a file folds into the layer before it is
free here, too, so that the share of a layer is that which it has in the file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from tflconv.core.typing import Shape
from tflconv.inspection.cost import price
from tflconv.inspection.work import UNROLLED
from tflconv.network.costs import macs, values
from tflconv.network.nodes import LINEAR, Network, Node

_ROWS, _COLUMNS, _DEPTH = 4, 16, 4
"""What an int8 kernel multiplies in one step."""

_PER_VALUE = {"add": 2.8, "layer_norm": 20.0, "mul": 1.4, "pad": 0.4, "pool": 1.5}
_OTHERS = 2.0

_CLIPS = ("relu", "relu6")


def instructions(
    network: Network,
    node: Node,
    sides: Mapping[str, Shape],
    *,
    outputs: float = 1.0,
    inputs: float = 1.0,
) -> float:
    """Estimate the instructions of one int8 inference in ``node``.

    Args:
        network: The network that the node is in.
        node: The node.
        sides: Shapes of the outputs of all nodes.
        outputs: Share of its output channels that it is taken to have.
        inputs: Share of its input channels that it is taken to have.
    """
    count = values(node, sides) * outputs
    if not count or _is_folded(network, node):
        return 0.0
    if node.kind in ("conv", "dense"):
        return price("call") + _product(node, sides[node.name], outputs, inputs)
    if node.kind == "depthwise":
        return price("call") + _depthwise(node, sides[node.name], outputs)
    work = macs(node, sides) * outputs * inputs
    if work:
        return price("call") + work / (_ROWS * _COLUMNS * _DEPTH) * price("int8 step")
    return price("call") + count * _PER_VALUE.get(node.kind, _OTHERS)


def _product(node: Node, shape: Shape, outputs: float, inputs: float) -> float:
    *window, depth, columns = node.weights["kernel"].shape
    rows, taps = math.prod(shape[:-1]), math.prod(window)
    row = " row" if rows == 1 else ""
    tiles = math.ceil(rows / _ROWS) * math.ceil(columns * outputs / _COLUMNS)
    steps = tiles * taps * math.ceil(depth * inputs / _DEPTH)
    total: float = tiles * price(f"int8{row} tile") + steps * price(f"int8{row} step")
    return total + (tiles * taps * price("int8 tap") if taps > 1 else 0.0)


def _depthwise(node: Node, shape: Shape, outputs: float) -> float:
    taps = math.prod(node.weights["kernel"].shape[:2])
    tiles = math.prod(shape[:-1]) * math.ceil(shape[-1] * outputs / _COLUMNS)
    written_out = next((most for most in UNROLLED if taps <= most), None)
    if written_out is None:
        return tiles * taps * price("int8 large depthwise step")
    return tiles * (price("int8 depthwise tile") + written_out * price("int8 depthwise step"))


def _is_folded(network: Network, node: Node) -> bool:
    """Whether a file has ``node`` as part of the convolution, product or addition before it."""
    if node.kind != "affine" and (
        node.kind != "activation" or node.options["function"] not in _CLIPS
    ):
        return False
    before = network[node.inputs[0]]
    return before.kind in (*LINEAR, "add") or _is_folded(network, before)
