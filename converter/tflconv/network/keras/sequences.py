"""Layers of sequences, read as those of pictures."""

from __future__ import annotations

import numpy as np

from tflconv.network.keras.calls import Call, Nodes, sides
from tflconv.network.keras.making import make
from tflconv.network.nodes import Node


def in_a_row(read: Nodes) -> Nodes:
    """Read what slides along a sequence as if it did so over pictures that are one pixel wide."""

    def read_sequence(call: Call) -> list[Node] | None:
        nodes, rows = read(call), sides(call.inputs[0])
        if nodes is None or -1 in (*rows, *sides(call.output)):
            return None
        sliding = [node for node in nodes if node.kind not in ("opaque", "reshape")]
        return [
            make("reshape", shape=(rows[0], 1, rows[1])),
            *map(_widened, sliding),
            make("reshape", shape=sides(call.output)),
            *(node for node in nodes if node.kind == "opaque"),
        ]

    return read_sequence


def _widened(node: Node) -> Node:
    kernel = node.weights.get("kernel")
    return node if kernel is None else node.with_weights(kernel=kernel[:, np.newaxis])


def pair(steps: object, beside: int | None = None) -> tuple[int, int]:
    """Return ``steps`` for height and width.

    Args:
        steps: One or two numbers.
        beside: What the width has where there is one; the same, as depthwise kernels need it.
    """
    first, *second = (int(step) for step in np.ravel(np.asarray(steps)))
    return first, second[0] if second else first if beside is None else beside
