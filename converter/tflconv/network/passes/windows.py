"""Split depthwise convolutions whose windows are larger than any kernel of XNNPACK.

XNNPACK has depthwise kernels of up to 25 taps. A larger window is computed by its kernels for any
convolution, a channel at a time, in which seven of eight lanes of each vector multiply nothing:
7 x 7 takes twenty times the instructions of 5 x 5. Some rows of the window at a time are small
enough, and their results add up to the same:

    window(picture)  =  sum of rows(picture from their first row on)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tflconv.core.typing import Shape
from tflconv.network.nodes import Network, Node, NodeOptions
from tflconv.network.shapes import shapes

Borders = tuple[tuple[int, int], tuple[int, int]]
"""Rows above and below, columns before and behind."""

_MOST_TAPS = 25
"""Taps of the largest depthwise kernel."""


def split_windows(network: Network) -> Network:
    """Replace each depthwise convolution of too many taps by a sum of smaller ones."""
    wide = [node for node in network.of_kind("depthwise") if _has_no_kernel(node)]
    known = shapes(network) if wide else {}
    for node in wide:
        picture = known[node.inputs[0]]
        seeing, borders = _seeing(node, picture)
        if seeing.weights["kernel"].shape[1] <= _MOST_TAPS:
            network = network.replacing(node.name, *_parts(seeing, borders, picture))
    return network


def _has_no_kernel(node: Node) -> bool:
    """Whether its taps are all that it has too many of; no kernel takes several filters each."""
    return _taps(node) > _MOST_TAPS and node.weights["kernel"].shape[-1] == 1


def _taps(node: Node) -> int:
    height, width = node.weights["kernel"].shape[:2]
    return int(height * width)


def _parts(node: Node, borders: Borders, picture: Shape) -> Iterator[Node]:
    """The nodes that compute ``node`` with these borders, the last one under its name."""
    if _taps(node) <= _MOST_TAPS and borders == _borders(node, picture):
        yield node
        return
    if np.any(borders):
        name = f"{node.name}/pad"
        yield Node(name=name, kind="pad", inputs=node.inputs, options={"borders": borders})
        node = replace(node, inputs=(name,)).with_options(padding="VALID")
    if _taps(node) <= _MOST_TAPS:
        yield node
    else:
        yield from _sum(node, picture[1] + sum(borders[0]))


def _sum(node: Node, rows: int) -> Iterator[Node]:
    """Some rows of the window of ``node`` at a time, and their sum; its picture has ``rows``."""
    height, width = node.weights["kernel"].shape[:2]
    step, (_, spread) = _MOST_TAPS // width, _strides(node)[0]
    total = ""
    for first in range(0, height, step):
        last = min(first + step, height)
        part, seen = f"{node.name}/rows{first}", f"{node.name}/from{first}"
        ends: NodeOptions = {"begin": first * spread, "end": rows - (height - last) * spread}
        yield Node(name=seen, kind="crop", inputs=node.inputs, options=ends)
        yield _rows(node, slice(first, last), part, seen)
        if first:
            inputs, total = (total, part), f"{part}/sum" if last < height else node.name
            fused = node.options.get("activation") if last == height else None
            options: NodeOptions = {"activation": fused} if fused else {}
            yield Node(name=total, kind="add", inputs=inputs, options=options)
        else:
            total = part


def _seeing(node: Node, picture: Shape) -> tuple[Node, Borders]:
    """``node`` without what of its window sees padding wherever it is, and what is padded then."""
    borders, kernel = _borders(node, picture), node.weights["kernel"]
    kept, left = [], []
    for axis, (before, after) in enumerate(borders):
        side, pixels = kernel.shape[axis], picture[1 + axis]
        stride, spread = _strides(node)[axis]
        last = (pixels + before + after - (side - 1) * spread - 1) // stride * stride
        idle = [
            all(
                not 0 <= tap * spread - before + place < pixels
                for place in range(0, last + 1, stride)
            )
            for tap in range(side)
        ]
        front = min(idle.index(False), before // spread)
        behind = min(idle[::-1].index(False), after // spread)
        kept.append(slice(front, side - behind))
        left.append((before - front * spread, after - behind * spread))
    return node.with_weights(kernel=kernel[kept[0], kept[1]]), (left[0], left[1])


def _rows(node: Node, taken: slice, name: str, source: str) -> Node:
    """The convolution of ``source`` with some rows of the window; the first ones have the bias."""
    kernel, bias = node.weights["kernel"][taken], node.weights["bias"]
    part = replace(node, name=name, inputs=(source,)).with_options(activation=None)
    return part.with_weights(kernel=kernel, bias=np.zeros_like(bias) if taken.start else bias)


def _borders(node: Node, picture: Shape) -> Borders:
    """What ``SAME`` pads above and below, and beside; what is odd is one more behind."""
    if node.options["padding"] == "VALID":
        return ((0, 0), (0, 0))
    high, wide = (
        max(0, (-(-pixels // stride) - 1) * stride + (side - 1) * spread + 1 - pixels)
        for pixels, side, (stride, spread) in zip(
            picture[1:3], node.weights["kernel"].shape, _strides(node), strict=False
        )
    )
    return ((high // 2, high - high // 2), (wide // 2, wide - wide // 2))


def _strides(node: Node) -> list[tuple[int, int]]:
    """How far the window moves, and its taps lie apart, from row to row and beside."""
    spread = node.options.get("dilation", (1, 1))
    return list(zip(node.options["strides"], spread, strict=True))
