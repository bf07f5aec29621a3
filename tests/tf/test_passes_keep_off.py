"""Networks, written by hand, that a pass must give back as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hand_made import drawn, network, node

from tflconv.network.nodes import Network, Node
from tflconv.network.passes import PASSES, centering

TOKENS = (4, 2)
PICTURE = (6, 6, 2)
CHANNELS = {"scale": [2, 3], "shift": [1, -1]}
POSITIONS = {"scale": np.ones(TOKENS), "shift": drawn(*TOKENS)}
NORM = {"options": {"epsilon": 1e-3}, "gamma": [1, 1], "beta": [0, 0]}
KEPT = {"axes": (1,), "keep": True}


def affine(source: str, **weights: Any) -> Node:
    return node("affine", source, **(weights or CHANNELS))


def dense(source: str, name: str = "dense", activation: str | None = None) -> Node:
    options = {"activation": activation}
    return node("dense", source, name=name, options=options, kernel=drawn(2, 2), bias=[1, 2])


def relu(source: str, function: str = "relu") -> Node:
    return node("activation", source, options={"function": function})


def conv(source: str, padding: str) -> Node:
    options = {"strides": (1, 1), "padding": padding}
    return node("conv", source, options=options, kernel=drawn(3, 3, 2, 2), bias=[0, 0])


def cutting(source: str, channels: int = 2, outputs: int = 32, **options: Any) -> Node:
    options = {"strides": (3, 3), "padding": "VALID", **options}
    kernel = drawn(3, 3, channels, outputs)
    return node("conv", source, options=options, kernel=kernel, bias=np.zeros(outputs))


def depthwise(source: str, *size: int, each: int = 1) -> Node:
    options = {"strides": (1, 1), "padding": "SAME"}
    kernel, bias = drawn(*size, 2, each), np.zeros(2 * each)
    return node("depthwise", source, options=options, kernel=kernel, bias=bias)


def crop(source: str) -> Node:
    return node("crop", source, options={"begin": 0, "end": 1})


def pool(**options: Any) -> Network:
    chosen = {"function": "average", "size": (2, 2), "strides": (2, 2), "padding": "SAME"}
    return network(PICTURE, node("pool", "x", options=chosen | options))


def tokens(*nodes: Node) -> Network:
    return network(TOKENS, *nodes)


def joined(*names: str) -> Node:
    """Somebody else who reads."""
    return node("add", *names)


CASES = {
    "merge_affines": {
        "the first is read twice": tokens(
            affine("x"), node("affine", "affine", name="b", **CHANNELS), joined("affine", "b")
        ),
        "something is between": tokens(
            affine("x"), relu("affine"), node("affine", "activation", name="b", **CHANNELS)
        ),
    },
    "fold_affine_into_previous": {
        "the product is read twice": tokens(
            dense("x"), affine("dense"), joined("dense", "affine")
        ),
        "the product is clipped": tokens(dense("x", activation="relu"), affine("dense")),
        "positions differ": tokens(dense("x"), affine("dense", **POSITIONS)),
        "no product is before": tokens(relu("x"), affine("activation")),
    },
    "fold_affine_into_next": {
        "the shift would be padded": network(PICTURE, affine("x"), conv("affine", "SAME")),
        "a sum reads it too": tokens(affine("x"), dense("affine"), joined("affine", "dense")),
        "positions differ": tokens(affine("x", **POSITIONS), dense("affine")),
        "it is the output": tokens(affine("x")),
    },
    "move_affine_past_mean": {
        "a sum reads it too": tokens(
            affine("x"), node("mean", "affine", options=KEPT), joined("affine", "mean")
        ),
        "positions differ": tokens(
            affine("x", **POSITIONS), node("mean", "affine", options=KEPT)
        ),
        "something is between": tokens(
            affine("x"), relu("affine"), node("mean", "activation", options=KEPT)
        ),
    },
    "split_affines": {
        "it shifts only": tokens(affine("x", scale=[1, 1], shift=[1, 2])),
        "it scales only": tokens(affine("x", scale=[3, 1], shift=[0, 0])),
    },
    "merge_linear": {
        "the first is read twice": tokens(
            dense("x"), dense("dense", "b"), joined("dense", "b")
        ),
        "the first is clipped": tokens(dense("x", activation="relu"), dense("dense", "b")),
        "the first is a convolution": network(
            PICTURE, conv("x", "VALID"), dense("conv", "b")
        ),
    },
    "fuse_relu": {
        "the product is read twice": tokens(
            dense("x"), relu("dense"), joined("dense", "activation")
        ),
        "it is clipped already": tokens(dense("x", activation="relu6"), relu("dense")),
        "it is no ReLU": tokens(dense("x"), relu("dense", "tanh")),
        "the sum before cannot clip": tokens(affine("x"), relu("affine")),
        "the product is seen from outside": Network(
            name="two ends",
            nodes=tokens(dense("x"), relu("dense")).nodes,
            outputs=("dense",),
        ),
    },
    "pool_by_depthwise": {
        "it takes the largest": pool(function="max"),
        "windows overlap the border": pool(size=(3, 3), strides=(1, 1)),
        "the last window is cut": pool(size=(4, 4), strides=(4, 4)),
    },
    "center_residuals": {
        "a sum reads it too": tokens(
            dense("x"), node("layer_norm", "dense", **NORM), joined("dense", "layer_norm")
        ),
        "the writer is clipped": tokens(
            dense("x", activation="relu"), node("layer_norm", "dense", **NORM)
        ),
        "channels are scaled on the way": tokens(
            dense("x"), affine("dense"), node("layer_norm", "affine", **NORM)
        ),
        "it is centred": tokens(
            dense("x"),
            node("layer_norm", "dense", **{**NORM, "options": {"epsilon": 1, "center": False}}),
        ),
    },
    "split_layer_norm": {"it scales nothing": tokens(node("layer_norm", "x", **NORM))},
    "crop_early": {
        "a sum reads all tokens": tokens(
            dense("x"), crop("dense"), joined("dense", "dense")
        ),
        "positions differ": tokens(affine("x", **POSITIONS), crop("affine")),
        "tokens are mixed": tokens(
            node("concat", "x", "x", options={"axis": 1}), crop("concat")
        ),
        "one vector goes to all tokens": tokens(
            node("mean", "x", options=KEPT), node("add", "x", "mean"), crop("add")
        ),
        "the channels are cropped": network(
            (4,), node("dense", "x", kernel=drawn(4, 4), bias=drawn(4)), crop("dense")
        ),
    },
    "patches_by_dense": {
        "windows overlap": network(PICTURE, cutting("x", strides=(1, 1))),
        "outputs are few": network(PICTURE, cutting("x", outputs=31)),
        "pixels are left over": network((7, 6, 2), cutting("x")),
        "channels are many": network((6, 6, 5), cutting("x", channels=5)),
        "windows are spread": network(PICTURE, cutting("x", dilation=(2, 2))),
    },
    "split_windows": {
        "a kernel has as many taps": network(PICTURE, depthwise("x", 5, 5)),
        "channels have several filters each": network(PICTURE, depthwise("x", 7, 7, each=2)),
        "one row has more taps than a kernel": network((6, 20, 2), depthwise("x", 2, 27)),
    },
    "drop_softmax": {
        "the output is another activation": tokens(relu("x", "sigmoid")),
        "softmax is not the end": tokens(relu("x", "softmax"), dense("activation")),
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "why"), [(name, why) for name, cases in CASES.items() for why in cases]
)
def test_the_pass_keeps_off(name: str, why: str) -> None:
    (each,) = (each for each in PASSES if each.name == name)
    untouched = CASES[name][why]
    assert each.apply(untouched) is untouched


def test_a_layer_norm_of_the_input_is_not_centered() -> None:
    untouched = tokens(node("layer_norm", "x", **NORM))
    assert centering.center_residuals(untouched) is untouched
