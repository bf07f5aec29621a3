"""What the layers of a network cost before any file is made: multiply-adds and values.

Multiply-accumulates (MACs) are exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from tflconv.core.typing import Shape
from tflconv.network.nodes import Node

TILE = 16
"""Output channels that an int8 kernel computes at once on a Cortex-A76: by
``tests/figures/channel_tile.py``, 17 cost as many instructions as 32, and 15 as 16."""


def macs(node: Node, sides: Mapping[str, Shape]) -> int:
    """Return the multiply-accumulates of one inference in ``node``.

    Args:
        node: A node of a network.
        sides: Shapes of the outputs of all nodes, batch first, as ``shapes`` returns them.

    Example:
        >>> import numpy as np
        >>> kernel = np.zeros((3, 3, 16, 32))
        >>> node = Node(name="c", kind="conv", inputs=("x",), weights={"kernel": kernel})
        >>> macs(node, {"x": (1, 8, 8, 16), "c": (1, 8, 8, 32)})
        294912
    """
    shape = sides[node.name]
    if node.kind == "conv":
        return math.prod(shape[:-1]) * node.weights["kernel"].size
    if node.kind == "dense":
        return math.prod(shape[:-1]) * node.weights["kernel"].size
    if node.kind == "depthwise":
        return math.prod(shape) * math.prod(node.weights["kernel"].shape[:2])
    if node.kind == "attention":
        return _attention(node, sides)
    if node.kind == "matmul":
        return math.prod(shape) * sides[node.inputs[0]][-1]
    return 0


def values(node: Node, sides: Mapping[str, Shape]) -> int:
    """Return the number of values that ``node`` computes; 0 where it only names others anew."""
    if node.kind in ("identity", "input", "reshape"):
        return 0
    return math.prod(abs(side) for side in sides[node.name])


def _attention(node: Node, sides: Mapping[str, Shape]) -> int:
    sources = (node.inputs[0], node.inputs[min(1, len(node.inputs) - 1)])
    queries, keys = (int(math.prod(sides[name][1:-1])) for name in sources)
    places = {"query": queries, "output": queries, "key": keys, "value": keys}
    heads, size = node.weights["query_kernel"].shape[1:]
    mixed = int(heads * (size + node.weights["value_kernel"].shape[2]))
    return queries * keys * mixed + sum(
        int(node.weights[f"{name}_kernel"].size) * count for name, count in places.items()
    )
