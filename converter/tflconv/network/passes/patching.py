"""Replace a convolution that cuts a picture into patches by a dense layer.

A convolution whose windows lie side by side reads every pixel once: it is a dense layer over the
pixels of each patch. With the three channels of a picture the kernels for convolutions fill their
vectors badly, and the dense layer takes half the instructions, moving the pixels included.
"""

from __future__ import annotations

from tflconv.core.typing import Shape
from tflconv.network.nodes import Network, Node
from tflconv.network.shapes import shapes

_FEW, _MANY = 4, 32
"""Channels of the picture at most, and of the patches at least, for which moving pixels pays."""


def patches_by_dense(network: Network) -> Network:
    """Replace each convolution with few channels whose windows lie side by side."""
    convs = network.of_kind("conv")
    known = shapes(network) if convs else {}
    for conv in convs:
        if _cuts(conv, known[conv.inputs[0]]):
            network = network.replacing(conv.name, *_as_dense(conv))
    return network


def _cuts(conv: Node, picture: Shape) -> bool:
    """Whether each pixel is in one window, and the windows are larger than a pixel."""
    *size, channels, outputs = conv.weights["kernel"].shape
    beside = tuple(size) == tuple(conv.options["strides"]) and max(size) > 1
    dense = conv.options.get("dilation", (1, 1)) == (1, 1)
    whole = not any(pixels % side for pixels, side in zip(picture[1:3], size, strict=True))
    return beside and dense and whole and channels <= _FEW and outputs >= _MANY


def _as_dense(conv: Node) -> tuple[Node, Node]:
    kernel = conv.weights["kernel"]
    cut = Node(
        name=f"{conv.name}/patches",
        kind="patches",
        inputs=conv.inputs,
        options={"size": (kernel.shape[0], kernel.shape[1])},
    )
    activation = conv.options.get("activation")
    dense = Node(
        name=conv.name,
        kind="dense",
        inputs=(cut.name,),
        weights={"kernel": kernel.reshape(-1, kernel.shape[-1]), "bias": conv.weights["bias"]},
        options={"activation": activation} if activation else {},
    )
    return cut, dense
