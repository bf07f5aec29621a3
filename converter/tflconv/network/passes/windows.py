"""Split depthwise convolutions whose windows are larger than any kernel of XNNPACK.

XNNPACK has depthwise kernels of up to 25 taps. A larger window is computed by its kernels for any
convolution, a channel at a time, in which seven of eight lanes of each vector multiply nothing:
7 x 7 takes twenty times the instructions of 5 x 5. Some rows of the window at a time are small
enough, and their results add up to the same:

    window(picture)  =  sum of rows(picture from their first row on)
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tflconv.core.typing import Shape
from tflconv.network.nodes import Network, Node, NodeOptions
from tflconv.network.shapes import shapes

_MOST_TAPS = 25
"""Taps of the largest depthwise kernel."""


def split_windows(network: Network) -> Network:
    """Replace each depthwise convolution of too many taps by a sum of smaller ones."""
    found = [node for node in network.of_kind("depthwise") if _is_too_large(node)]
    known = shapes(network) if found else {}
    for node in found:
        network = network.replacing(node.name, *_parts(node, known[node.inputs[0]]))
    return network


def _is_too_large(node: Node) -> bool:
    height, width = (int(side) for side in node.weights["kernel"].shape[:2])
    return height * width > _MOST_TAPS >= width


def _parts(node: Node, picture: Shape) -> Iterator[Node]:
    """The nodes that compute ``node``, the last one under its name."""
    source, rows = node.inputs[0], picture[1]
    borders = _borders(node, picture)
    if np.any(borders):
        padding = Node(
            name=f"{node.name}/pad", kind="pad", inputs=(source,), options={"borders": borders}
        )
        yield padding
        source, rows = padding.name, rows + sum(borders[0])
    height, width = node.weights["kernel"].shape[:2]
    spread = node.options.get("dilation", (1, 1))[0]
    step, summed = _MOST_TAPS // width, ""
    for first in range(0, height, step):
        last = min(first + step, height)
        seen = Node(
            name=f"{node.name}/from{first}",
            kind="crop",
            inputs=(source,),
            options={"begin": first * spread, "end": rows - (height - last) * spread},
        )
        yield seen
        part = _rows(node, first, last, seen.name)
        yield part
        if summed:
            whole = last == height
            total = node.name if whole else f"{node.name}/to{last}"
            activation = node.options.get("activation") if whole else None
            yield Node(
                name=total,
                kind="add",
                inputs=(summed, part.name),
                options={"activation": activation} if activation else {},
            )
        summed = total if summed else part.name


def _rows(node: Node, first: int, last: int, source: str) -> Node:
    """The convolution with the rows of the window from ``first`` to before ``last``."""
    kernel, bias = node.weights["kernel"][first:last], node.weights["bias"]
    options: NodeOptions = {"strides": node.options["strides"], "padding": "VALID"}
    if "dilation" in node.options:
        options["dilation"] = node.options["dilation"]
    return Node(
        name=f"{node.name}/rows{first}",
        kind="depthwise",
        inputs=(source,),
        weights={"kernel": kernel, "bias": np.zeros_like(bias) if first else bias},
        options=options,
    )


def _borders(node: Node, picture: Shape) -> tuple[tuple[int, int], ...]:
    """What ``SAME`` pads above and below, and beside; what is odd is one more behind."""
    if node.options["padding"] == "VALID":
        return ((0, 0), (0, 0))
    missing = [
        max(0, (-(-pixels // stride) - 1) * stride + (side - 1) * spread + 1 - pixels)
        for pixels, side, stride, spread in zip(
            picture[1:3],
            node.weights["kernel"].shape[:2],
            node.options["strides"],
            node.options.get("dilation", (1, 1)),
            strict=True,
        )
    ]
    return tuple((lost // 2, lost - lost // 2) for lost in missing)
