"""Each pass gives an equal network where it applies, and says why where it does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from keras_networks import (
    check_equal,
    conv_norm,
    norm_dense,
    pooled,
    randomized,
    scaled_input,
    sequential,
    transformer,
    two_dense,
)  # fmt: skip

from tflconv import models
from tflconv.network.keras.reader import read
from tflconv.network.passes import PASSES, NamedPass, optimize

SEEDS = (0, 1, 2)
Make = Callable[[Any], Any]
"""A Keras model of either kit."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A model that a pass changes, and one that it must not touch though it comes near.

    The pass takes ``removes`` nodes of ``kind`` away; ``after`` are passes that go before it.
    """

    applies: Make
    near: Make
    kind: str
    removes: int
    after: tuple[str, ...] = ()


def two_norms(kit: Any) -> Any:
    layers = kit.layers
    norms = [layers.Rescaling(1 / 4, offset=-3), layers.BatchNormalization()]
    return sequential(kit, (8, 8, 3), *norms, layers.Conv2D(4, 3, padding="same"))


def scale_alone(kit: Any) -> Any:
    layers = kit.layers
    return sequential(
        kit, (8, 8, 3), layers.Rescaling(1 / 255), layers.Conv2D(4, 3, padding="same")
    )


def shift_before_padding(kit: Any) -> Any:
    layers = kit.layers
    shifted = layers.Rescaling(1 / 127.5, offset=-1)
    return sequential(kit, (8, 8, 3), shifted, layers.Conv2D(4, 3, padding="same"))


def norms_around_relu(kit: Any) -> Any:
    layers = kit.layers
    return sequential(
        kit,
        (8, 8, 3),
        layers.Conv2D(4, 3),
        layers.ReLU(),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3),
    )


def relu_between(kit: Any) -> Any:
    return sequential(kit, (6,), kit.layers.Dense(20, activation="relu"), kit.layers.Dense(3))


def bottleneck(kit: Any) -> Any:
    """Two dense layers that are less work than the one they would become."""
    return sequential(kit, (20,), kit.layers.Dense(2), kit.layers.Dense(20))


def softmax_within(kit: Any) -> Any:
    return sequential(kit, (6,), kit.layers.Dense(4, activation="softmax"), kit.layers.Dense(3))


def padded_pooling(kit: Any) -> Any:
    layers = kit.layers
    pools = [layers.AveragePooling2D(3, strides=1, padding="same"), layers.MaxPooling2D(2)]
    return sequential(kit, (8, 8, 3), layers.Conv2D(4, 3), *pools)


def relu_after_pooling(kit: Any) -> Any:
    layers = kit.layers
    return sequential(kit, (8, 8, 3), layers.Conv2D(4, 3), layers.MaxPooling2D(2), layers.ReLU())


def bare_layer_norm(kit: Any) -> Any:
    norm = kit.layers.LayerNormalization(center=False, scale=False)
    return sequential(kit, (5, 6), kit.layers.Dense(8), norm, kit.layers.Dense(3))


def observed_residual(kit: Any) -> Any:
    source = kit.Input((5, 6))
    stream = kit.layers.Dense(8)(source)
    normal = kit.layers.LayerNormalization()(stream)
    return randomized(kit.Model(source, kit.layers.Concatenate()([stream, normal])))


def attention_of_size_one(kit: Any) -> Any:
    """Heads of one channel: 1 / sqrt(1) scales nothing."""
    tokens = kit.Input((5, 8))
    mixed = kit.layers.MultiHeadAttention(2, 1)(tokens, tokens)
    return randomized(kit.Model(tokens, mixed))


def class_token(_: Any) -> Any:
    """A plain ViT; its layers are of Keras 2."""
    return randomized(models.build("vit", (12, 12, 3), 5, patch=4, dim=12, depth=2, heads=3))


def one_token_read(kit: Any, crop: tuple[int, int] = (0, 15)) -> Any:
    """Attention, of which the tokens in the middle are read."""
    tokens = kit.Input((16, 12))
    mixed = kit.layers.Add()([tokens, kit.layers.MultiHeadAttention(3, 4)(tokens, tokens)])
    inner = kit.layers.Dense(24, activation="gelu")(kit.layers.LayerNormalization()(mixed))
    summed = kit.layers.Add()([mixed, kit.layers.Dense(12)(inner)])
    read_tokens = kit.layers.Flatten()(kit.layers.Cropping1D(crop)(summed))
    return randomized(kit.Model(tokens, kit.layers.Dense(5)(read_tokens)))


def crop_of_the_input(kit: Any) -> Any:
    layers = kit.layers
    return sequential(kit, (7, 6), layers.Cropping1D((2, 1)), layers.Dense(4), layers.Dense(2))


def patched(kit: Any) -> Any:
    return sequential(kit, (12, 8, 3), kit.layers.Conv2D(32, (3, 2), strides=(3, 2)))


def overlapping(kit: Any) -> Any:
    return sequential(kit, (12, 8, 3), kit.layers.Conv2D(32, 3, strides=2))


def large_window(kit: Any) -> Any:
    return sequential(kit, (9, 8, 3), kit.layers.DepthwiseConv2D(7, strides=2, padding="same"))


def largest_kernel(kit: Any) -> Any:
    return sequential(kit, (9, 8, 3), kit.layers.DepthwiseConv2D(5, padding="same"))


def masked_attention(kit: Any) -> Any:
    tokens = kit.Input((5, 8))
    mixed = kit.layers.MultiHeadAttention(2, 4)(tokens, tokens, use_causal_mask=True)
    return randomized(kit.Model(tokens, mixed))


ROWS = {
    "remove_identities": Row(applies=norm_dense, near=relu_between, kind="identity", removes=1),
    "drop_softmax": Row(applies=norm_dense, near=softmax_within, kind="activation", removes=1),
    "pad_tokens": Row(applies=class_token, near=transformer, kind="token", removes=1),
    "crop_early": Row(applies=one_token_read, near=crop_of_the_input, kind="crop", removes=0),
    "center_residuals": Row(
        applies=transformer, near=observed_residual, kind="layer_norm", removes=0
    ),
    "split_layer_norm": Row(applies=transformer, near=bare_layer_norm, kind="affine", removes=-5),
    "pool_by_depthwise": Row(applies=pooled, near=padded_pooling, kind="pool", removes=1),
    "merge_affines": Row(applies=two_norms, near=norms_around_relu, kind="affine", removes=1),
    "move_affine_past_mean": Row(
        applies=norm_dense, near=norms_around_relu, kind="affine", removes=0
    ),
    "fold_affine_into_previous": Row(
        applies=conv_norm, near=norms_around_relu, kind="affine", removes=2
    ),
    "fold_affine_into_next": Row(
        applies=scaled_input, near=shift_before_padding, kind="affine", removes=1
    ),
    "split_affines": Row(applies=scaled_input, near=scale_alone, kind="affine", removes=-1),
    "patches_by_dense": Row(applies=patched, near=overlapping, kind="conv", removes=1),
    "merge_linear": Row(applies=two_dense, near=bottleneck, kind="dense", removes=1),
    "fold_attention_scale": Row(
        applies=transformer, near=attention_of_size_one, kind="attention", removes=0
    ),
    "split_heads": Row(applies=transformer, near=masked_attention, kind="attention", removes=2),
    "split_windows": Row(applies=large_window, near=largest_kernel, kind="depthwise", removes=-2),
    "fuse_relu": Row(applies=conv_norm, near=relu_after_pooling, kind="activation", removes=1),
    "symmetric_operands": Row(
        applies=transformer, near=transformer, kind="matmul", removes=0, after=("split_heads",)
    ),
}


def named(*names: str) -> list[NamedPass]:
    return [each for each in PASSES if each.name in names]


def test_every_pass_has_its_row() -> None:
    assert list(ROWS) == [each.name for each in PASSES]


@pytest.mark.parametrize("name", ROWS)
def test_pass_leaves_the_outputs_equal(name: str, kit: Any) -> None:
    row = ROWS[name]
    model = row.applies(kit)
    for seed in SEEDS:
        before, _ = optimize(read(randomized(model, seed)), named(*row.after))
        after, (outcome,) = optimize(before, named(name))
        assert outcome.skipped is None
        assert len(before.of_kind(row.kind)) - len(after.of_kind(row.kind)) == row.removes
        check_equal(model, after, softmax=name == "drop_softmax")


@pytest.mark.parametrize("name", ROWS)
def test_pass_that_does_not_apply_says_why(name: str, kit: Any) -> None:
    network = read(ROWS[name].near(kit))
    (each,) = named(name)
    result, (outcome,) = optimize(network, [each])
    assert result is network
    assert outcome.skipped == each.needs


@pytest.mark.parametrize("make", [conv_norm, scaled_input, two_dense, pooled, transformer])
def test_all_passes_together_leave_the_outputs_equal(make: Make, kit: Any) -> None:
    model = make(kit)
    for seed in SEEDS:
        check_equal(model, optimize(read(randomized(model, seed)))[0])


@pytest.mark.parametrize("name", [name for name in ROWS if name != "drop_softmax"])
def test_all_passes_leave_what_one_of_them_must_not_touch_equal(name: str, kit: Any) -> None:
    model = ROWS[name].near(kit)
    check_equal(model, optimize(read(model))[0])


def test_a_pass_that_was_applied_does_not_apply_again(kit: Any) -> None:
    made = (conv_norm, norm_dense, scaled_input, two_dense, pooled, transformer, class_token)
    for make in (*made, one_token_read):
        network, _ = optimize(read(make(kit)))
        again, outcomes = optimize(network)
        assert [each.name for each in outcomes if each.skipped is None] == []
        assert again is network
