"""Compute the shape of every value in a network from the shapes of its inputs.

Passes need shapes before they rewrite, so this works without TensorFlow: one rule per kind of node,
those of https://www.tensorflow.org/api_docs/python/tf/nn/convolution for windows and of NumPy for
broadcasting. The output shape of an opaque node was read from the model together with the node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tflconv.core.typing import Shape
from tflconv.network.nodes import Network, Node


def shapes(network: Network) -> dict[str, Shape]:
    """Return the shape of each node's output at batch 1, by the name of the node.

    Args:
        network: A network; its inputs have fixed shapes.

    Returns:
        Shapes with the batch first, such as ``(1, 28, 28, 3)``. An unknown side of the output of
        an opaque layer is -1.

    Example:
        >>> node = Node(name="pixels", kind="input", options={"shape": (28, 28, 1)})
        >>> shapes(Network(name="empty", nodes={"pixels": node}, outputs=("pixels",)))
        {'pixels': (1, 28, 28, 1)}

    """
    known: dict[str, Shape] = {}
    for node in network:
        known[node.name] = _RULES[node.kind](node, [known[name] for name in node.inputs])
    return known


def _given(node: Node, _: Sequence[Shape]) -> Shape:
    return (1, *node.options["shape"])


def _same(_: Node, inputs: Sequence[Shape]) -> Shape:
    return inputs[0]


def _broadcast(_: Node, inputs: Sequence[Shape]) -> Shape:
    return np.broadcast_shapes(*inputs)


def _affine(node: Node, inputs: Sequence[Shape]) -> Shape:
    return np.broadcast_shapes(inputs[0], *(weight.shape for weight in node.weights.values()))


def _windows(node: Node, picture: Shape, size: Sequence[int]) -> tuple[int, int]:
    """Height and width of the output of a window of ``size`` that slides over ``picture``."""
    dilation = node.options.get("dilation", (1, 1))
    padded = node.options["padding"] == "SAME"
    reach = [0 if padded else step * (side - 1) for side, step in zip(size, dilation, strict=True)]
    height, width = (
        -(-(pixels - lost) // stride)
        for pixels, lost, stride in zip(picture[1:3], reach, node.options["strides"], strict=True)
    )
    return height, width


def _conv(node: Node, inputs: Sequence[Shape]) -> Shape:
    *size, _, channels = node.weights["kernel"].shape
    return (1, *_windows(node, inputs[0], size), channels)


def _depthwise(node: Node, inputs: Sequence[Shape]) -> Shape:
    *size, channels, multiplier = node.weights["kernel"].shape
    return (1, *_windows(node, inputs[0], size), channels * multiplier)


def _pool(node: Node, inputs: Sequence[Shape]) -> Shape:
    return (1, *_windows(node, inputs[0], node.options["size"]), inputs[0][-1])


def _dense(node: Node, inputs: Sequence[Shape]) -> Shape:
    return (*inputs[0][:-1], node.weights["kernel"].shape[-1])


def _attention(node: Node, inputs: Sequence[Shape]) -> Shape:
    return (*inputs[0][:-1], node.weights["output_kernel"].shape[-1])


def _matmul(node: Node, inputs: Sequence[Shape]) -> Shape:
    left, right = inputs
    columns = right[-2] if node.options["transpose_right"] else right[-1]
    return (*np.broadcast_shapes(left[:-2], right[:-2]), left[-2], columns)


def _concat(node: Node, inputs: Sequence[Shape]) -> Shape:
    axis = node.options["axis"] % len(inputs[0])
    joined = sum(shape[axis] for shape in inputs)
    return (*inputs[0][:axis], joined, *inputs[0][axis + 1 :])


def _mean(node: Node, inputs: Sequence[Shape]) -> Shape:
    axes = {axis % len(inputs[0]) for axis in node.options["axes"]}
    if node.options["keep"]:
        return tuple(1 if axis in axes else side for axis, side in enumerate(inputs[0]))
    return tuple(side for axis, side in enumerate(inputs[0]) if axis not in axes)


def _pad(node: Node, inputs: Sequence[Shape]) -> Shape:
    batch, *sides, channels = inputs[0]
    borders = node.options["borders"]
    grown = (first + side + last for side, (first, last) in zip(sides, borders, strict=True))
    return (batch, *grown, channels)


def _patches(node: Node, inputs: Sequence[Shape]) -> Shape:
    batch, height, width, channels = inputs[0]
    high, wide = node.options["size"]
    return (batch, height // high, width // wide, high * wide * channels)


def _token(_: Node, inputs: Sequence[Shape]) -> Shape:
    batch, tokens, channels = inputs[0]
    return (batch, 1 + tokens, channels)


def _crop(node: Node, inputs: Sequence[Shape]) -> Shape:
    tokens = range(inputs[0][1])[node.options["begin"] : node.options["end"]]
    return (inputs[0][0], len(tokens), *inputs[0][2:])


def _transpose(node: Node, inputs: Sequence[Shape]) -> Shape:
    return tuple(inputs[0][axis] for axis in node.options["axes"])


_RULES: dict[str, Callable[[Node, Sequence[Shape]], Shape]] = {
    "input": _given,
    "opaque": _given,
    "operator": _given,
    "reshape": _given,
    "activation": _same,
    "identity": _same,
    "layer_norm": _same,
    "add": _broadcast,
    "mul": _broadcast,
    "affine": _affine,
    "attention": _attention,
    "concat": _concat,
    "conv": _conv,
    "crop": _crop,
    "dense": _dense,
    "depthwise": _depthwise,
    "matmul": _matmul,
    "mean": _mean,
    "pad": _pad,
    "patches": _patches,
    "pool": _pool,
    "token": _token,
    "transpose": _transpose,
}
