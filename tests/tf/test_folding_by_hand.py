"""What folding makes of a few numbers, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hand_made import drawn, network, node

from tflconv.network.nodes import Network, Node
from tflconv.network.passes import attention, centering, folding, fusing, tokens

VALID = {"strides": (1, 1), "padding": "VALID"}


def weight(of: Network, name: str, key: str) -> list[float]:
    return [float(value) for value in of[name].weights[key].ravel()]


def affine(name: str, source: str, scale: list[float], shift: list[float]) -> Node:
    return node("affine", source, name=name, scale=scale, shift=shift)


def test_two_affines_become_one() -> None:
    """5 (2 x + 3) + 7 = 10 x + 22, and -1 (4 x - 1) + 0 = -4 x + 1."""
    both = network((2,), affine("a", "x", [2, 4], [3, -1]), affine("b", "a", [5, -1], [7, 0]))
    merged = folding.merge_affines(both)
    assert list(merged.nodes) == ["x", "b"]
    assert weight(merged, "b", "scale") == [10, -4]
    assert weight(merged, "b", "shift") == [22, 1]


def test_three_affines_become_one() -> None:
    nodes = [affine("a", "x", [2], [3]), affine("b", "a", [5], [7]), affine("c", "b", [10], [1])]
    merged = folding.merge_affines(network((1,), *nodes))
    assert list(merged.nodes) == ["x", "c"]
    assert (weight(merged, "c", "scale"), weight(merged, "c", "shift")) == ([100], [221])


def test_an_affine_that_somebody_else_reads_stays() -> None:
    nodes = [affine("a", "x", [2], [3]), affine("b", "a", [5], [7]), node("add", "a", "b")]
    of = network((1,), *nodes)
    assert folding.merge_affines(of) is of


def test_an_affine_after_a_dense_layer() -> None:
    """3 (2 x + 1) + 5 = 6 x + 8, and -1 (7 x - 2) + 1 = -7 x + 3."""
    of = network(
        (1,),
        node("dense", "x", kernel=[[2, 7]], bias=[1, -2]),
        affine("a", "dense", [3, -1], [5, 1]),
    )
    folded = folding.fold_affine_into_previous(of)
    assert weight(folded, "dense", "kernel") == [6, -7]
    assert weight(folded, "dense", "bias") == [8, 3]


def test_what_stands_behind_a_folded_affine_reads_what_it_was_folded_into() -> None:
    dense = node("dense", "x", kernel=[[2]], bias=[1])
    nodes = [affine("a", "dense", [3], [5]), affine("b", "a", [1], [7]), node("add", "a", "b")]
    folded = folding.fold_affine_into_previous(network((1,), dense, *nodes))
    assert list(folded.nodes) == ["x", "dense", "b", "add"]
    assert folded["b"].inputs == ("dense",)


def test_what_stands_behind_a_fused_relu_reads_what_it_was_fused_with() -> None:
    """Of two activations in a row the first is fused; the second finds no room there."""
    nodes = [
        node("dense", "x", kernel=[[2]], bias=[1]),
        node("activation", "dense", name="relu", options={"function": "relu"}),
        node("activation", "relu", name="relu6", options={"function": "relu6"}),
        node("add", "relu", "relu6"),
    ]
    fused = fusing.fuse_relu(network((1,), *nodes))
    assert list(fused.nodes) == ["x", "dense", "relu6", "add"]
    assert fused["dense"].options["activation"] == "relu"
    assert fused["relu6"].inputs == ("dense",)


def test_an_affine_before_a_dense_layer() -> None:
    """2 (3 x + 5) + 7 (-1 y + 1) + 1 = 6 x - 7 y + 18."""
    dense = node("dense", "a", kernel=[[2], [7]], bias=[1])
    folded = folding.fold_affine_into_next(network((2,), affine("a", "x", [3, -1], [5, 1]), dense))
    assert weight(folded, "dense", "kernel") == [6, -7]
    assert weight(folded, "dense", "bias") == [18]


def test_an_affine_around_a_depthwise_convolution_keeps_channels_and_multiplier_apart() -> None:
    """Two channels, two outputs of each; the kernels are 1, 2 and 3, 4 on both of two pixels."""
    kernel = np.broadcast_to([[[[1, 2], [3, 4]]]], (1, 2, 2, 2))
    depthwise = node("depthwise", "a", options=VALID, kernel=kernel, bias=[0, 0, 0, 1])
    before = folding.fold_affine_into_next(
        network((1, 2, 2), affine("a", "x", [10, 100], [1, 2]), depthwise)
    )
    assert weight(before, "depthwise", "kernel") == [10, 20, 300, 400] * 2
    assert weight(before, "depthwise", "bias") == [2, 4, 12, 17]  # both pixels are shifted
    last = affine("b", "depthwise", [1, 2, 3, 4], [0, 0, 0, 5])
    after = folding.fold_affine_into_previous(network((1, 2, 2), *list(before)[1:], last))
    assert weight(after, "depthwise", "kernel") == [10, 40, 900, 1600] * 2
    assert weight(after, "depthwise", "bias") == [2, 8, 36, 73]


def test_two_dense_layers() -> None:
    """[2, 3] · [5, 7] = 31; [1, -1] · [5, 7] + 4 = 2."""
    first = node("dense", "x", name="a", kernel=[[2, 3]], bias=[1, -1])
    merged = folding.merge_linear(
        network((1,), first, node("dense", "a", name="b", kernel=[[5], [7]], bias=[4]))
    )
    assert list(merged.nodes) == ["x", "b"]
    assert (weight(merged, "b", "kernel"), weight(merged, "b", "bias")) == ([31], [2])


def test_an_affine_is_split_into_its_scale_and_then_its_shift() -> None:
    split = folding.split_affines(network((2,), affine("a", "x", [2, 4], [3, -1])))
    assert list(split.nodes) == ["x", "a/scale", "a"]
    assert (weight(split, "a/scale", "scale"), weight(split, "a/scale", "shift")) == (
        [2, 4],
        [0, 0],
    )
    assert (weight(split, "a", "scale"), weight(split, "a", "shift")) == ([1, 1], [3, -1])


def test_what_a_layer_norm_reads_has_no_mean() -> None:
    dense = node("dense", "x", kernel=[[1, 2, 6], [0, 3, 0]], bias=[3, 0, 0])
    norm = node("layer_norm", "dense", options={"epsilon": 1e-3}, gamma=[1] * 3, beta=[0] * 3)
    ended = node("dense", "layer_norm", name="end", kernel=drawn(3, 2), bias=[0, 0])
    centered = centering.center_residuals(network((2,), dense, norm, ended))
    assert weight(centered, "dense", "kernel") == [-2, -1, 3, -1, 2, -1]
    assert weight(centered, "dense", "bias") == [2, -1, -1]
    assert centered["layer_norm"].options["center"] is False


@pytest.mark.parametrize("function", ["softmax", "relu"])
def test_the_scale_of_attention_goes_into_the_queries(function: str) -> None:
    """Four channels in one head: 1 / sqrt(4); relu attention divides by its three tokens."""
    parts = ("query", "key", "value")
    weights = {f"{part}_kernel": np.full((2, 1, 4), 6.0) for part in parts}
    weights |= {f"{part}_bias": np.full((1, 4), 3.0) for part in parts}
    weights |= {"output_kernel": np.ones((1, 4, 2)), "output_bias": np.zeros(2)}
    options = {"scale": 0.5, "function": function}
    of = network((3, 2), node("attention", "x", name="m", options=options, **weights))
    scaled = folding.fold_attention_scale(of)
    assert scaled["m"].options["scale"] == 1
    for split in (attention.split_heads(of), attention.split_heads(scaled)):
        assert set(weight(split, "m/query0", "kernel")) == {3.0}
        assert set(weight(split, "m/query0", "bias")) == {1.5}
        assert set(weight(split, "m/key0", "kernel")) == {6.0}
        assert set(weight(split, "m/value0", "kernel")) == {6.0 if function == "softmax" else 2.0}


def test_a_token_becomes_zeros_and_a_sum() -> None:
    """[9 8; x] = [0 0; x] + [9 8; 0 0], for two tokens x."""
    of = network((2, 2), node("token", "x", token=[[9, 8]]))
    padded = tokens.pad_tokens(of)
    assert [each.kind for each in padded] == ["input", "pad", "affine"]
    assert padded["token/pad"].options["borders"] == ((1, 0),)
    assert padded["token"].weights["shift"].tolist() == [[9, 8], [0, 0], [0, 0]]


def test_an_affine_before_the_keys_alone_leaves_the_queries() -> None:
    """Keys and values are made of 3 x + 1, queries of x."""
    parts = {f"{part}_kernel": np.full((1, 1, 1), 2) for part in ("query", "key", "value")}
    parts |= {f"{part}_bias": np.full((1, 1), 5) for part in ("query", "key", "value")}
    of = network(
        (4, 1),
        affine("a", "x", [3], [1]),
        node("attention", "x", "a", output_kernel=np.ones((1, 1, 1)), output_bias=[0], **parts),
    )
    folded = folding.fold_affine_into_next(of)
    assert [each.name for each in folded] == ["x", "attention"]
    for part, kernel, bias in (("query", 2, 5), ("key", 6, 7), ("value", 6, 7)):
        assert weight(folded, "attention", f"{part}_kernel") == [kernel]
        assert weight(folded, "attention", f"{part}_bias") == [bias]


def test_an_affine_that_is_read_whole_and_cropped_folds_into_both() -> None:
    crop = node("crop", "a", name="first", options={"begin": 0, "end": 1})
    dense = [node("dense", "a", name="all", kernel=[[2]], bias=[0])]
    dense += [node("dense", "first", name="one", kernel=[[7]], bias=[0])]
    of = network((4, 1), affine("a", "x", [3], [1]), crop, *dense, node("add", "all", "one"))
    folded = folding.fold_affine_into_next(folding.move_affine_past_mean(of))
    assert not folded.of_kind("affine")
    assert (weight(folded, "all", "bias"), weight(folded, "one", "bias")) == ([2], [7])
