"""The registry of models and what they cost, without TensorFlow."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from tflconv import models
from tflconv.errors import UsageError
from tflconv.models import registry
from tflconv.models.mobilenet import fitting_halvings, round_channels


def test_names_are_sorted_and_every_model_says_what_it_is() -> None:
    assert list(models.names()) == sorted(models.names())
    assert {"mobilenet_v2", "vit"} <= set(models.names())
    assert all(registry.summary(name) for name in models.names())


def test_a_name_is_taken_once() -> None:
    with pytest.raises(ValueError, match="'vit' is registered already"):
        registry.register("vit")(object)


def test_near_names_are_suggested() -> None:
    with pytest.raises(UsageError, match="unknown model 'mobilnet_v2'"):
        models.cost("mobilnet_v2")
    with pytest.raises(UsageError, match="Did you mean patch"):
        models.cost("vit", pach=7)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["depth=two"], "depth must be a whole number. Received: depth=two"),
        (["mlp_ratio=big"], "mlp_ratio must be a number"),
        (["depth"], "'depth' is not of the form NAME=VALUE"),
        (["deth=2"], "Did you mean depth"),
    ],
)
def test_options_that_cannot_be_read_are_explained(texts: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        models.parse_options("vit", texts)


def test_options_are_read_as_their_types() -> None:
    read = models.parse_options("vit", ["depth=2", "mlp_ratio=4"])
    assert read == {"depth": 2, "mlp_ratio": 4.0}
    assert isinstance(read["mlp_ratio"], float)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("vit", {"patch": 5}, "patches of 5 px do not divide a 28x28 picture"),
        ("vit", {"dim": 30}, "dim must be a multiple of heads"),
        ("vit", {"depth": 0}, "depth must be positive"),
        ("vit", {"depth": 1.5}, "depth must be a whole number"),
        ("vit", {"depth": True}, "depth must be a whole number"),
        ("mobilenet_v2", {"alpha": -1.0}, "alpha must be positive"),
        ("resnet", {"blocks": 0}, "blocks must be positive"),
        ("resnet_imagenet", {"depth": 19}, "depth must be 18, 34, 50 or 101"),
        ("resnet", {"stem_stride": 3}, "stem_stride must be 1 or 2"),
        ("resnet", {"second_width": -1}, "second_width must be 0 (twice the one before) or more"),
        ("resnet", {"fourth_width": -1}, "fourth_width must be 0 (no fourth stage) or more"),
        ("resnet", {"separable_stages": 5}, "separable_stages must be 0 to 4"),
        ("resnet", {"first_blocks": -2}, "first_blocks must be -1 (as blocks) or more"),
        ("mobilevit_int8", {"heads": 3}, "heads must be 1, 2, 4 or 8"),
        ("squeezenet", {"halvings": 5}, "halvings must be 0 (fit the picture) to 4"),
        ("mobilenet_v2", {"halvings": 6}, "halvings must be 0 (fit the picture) to 5"),
    ],
)
def test_options_that_do_not_fit_are_explained(
    name: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        models.cost(name, **options)


@pytest.mark.parametrize(
    ("name", "options", "parameters", "macs"),
    [
        ("mobilenet_v1", {"alpha": 1.0}, 4_253_864, 569e6),  # Howard et al., Table 4: 4.2 M, 569 M
        ("mobilenet_v2", {"alpha": 1.0}, 3_538_984, 300e6),  # Sandler et al., Table 4: 3.4 M, 300 M
        # as keras.applications.MobileNetV3Small(minimalistic=True) counts both
        ("mobilenet_v3_small", {}, 2_056_848, 52.3e6),
        # He et al., Table 1: 1.8 and 3.8 G; parameters as torchvision counts them, and statistics
        ("resnet_imagenet", {"depth": 18}, 11_689_512 + 9_600, 1.81e9),
        ("resnet_imagenet", {"depth": 34}, 21_797_672 + 17_024, 3.66e9),
        ("resnet_imagenet", {"depth": 50}, 25_557_032 + 53_120, 3.86e9),
        ("squeezenet", {}, 1_235_496, 387e6),  # version 1.1, as torchvision counts parameters
    ],
)
def test_published_networks_cost_what_was_published(
    name: str, options: dict[str, object], parameters: int, macs: float
) -> None:
    cost = models.cost(name, (224, 224, 3), 1000, **options)
    assert cost.parameters == parameters
    assert cost.macs == pytest.approx(macs, rel=0.01)


def test_mobilevit_costs_what_its_paper_says_but_for_attention_over_all_places() -> None:
    """Mehta and Rastegari, Table 1: 1.3 M; timm counts 1.27 M and 0.42 G at 256 pixels."""
    cost = models.cost("mobilevit_int8", (256, 256, 3), 1000)
    assert cost.parameters == 1_279_560  # 1.27 M that are trained, and statistics
    stages = ((32, 64, 2), (16, 80, 4), (8, 96, 3))  # side, width and layers of the transformers
    products = sum(2 * side**4 * dim * depth for side, dim, depth in stages)
    assert cost.macs - products + products / 4 == pytest.approx(0.42e9, rel=0.04)


def test_resnet_20_costs_what_its_paper_says() -> None:
    cost = models.cost("resnet", (32, 32, 3), 10)
    assert cost.parameters == pytest.approx(0.27e6, rel=0.02)  # He et al., Table 6: 0.27 M
    assert cost.macs == pytest.approx(40.8e6, rel=0.01)


def test_a_stem_has_further_convolutions_at_each_resolution() -> None:
    def cost(convolutions: int) -> models.Cost:
        options = {"dim": 96, "heads": 3, "stem": 48, "stages": 2}
        return models.cost("vit_int8", (32, 32, 3), 10, **options, stem_convolutions=convolutions)

    kernels = 9 * 48 * 48, 9 * 96 * 96  # at 16 and at 8 pixels
    assert cost(2).parameters - cost(1).parameters == sum(kernels) + 4 * (48 + 96)
    assert cost(2).macs - cost(1).macs == kernels[0] * 16**2 + kernels[1] * 8**2


def test_stages_of_resnet_have_widths_and_blocks_of_their_own() -> None:
    def cost(**options: int) -> models.Cost:
        return models.cost("resnet", (32, 32, 3), 10, **options)

    spelled = {"second_width": 32, "third_width": 64, "second_blocks": 3, "third_blocks": 3}
    assert cost(**spelled) == cost()
    kernel = 9 * 24 * 16 + 9 * 24 * 24 + 16 * 24  # first, second, shortcut
    (norms, head) = 3 * 4 * 24, 24 * 10 + 10
    stem = 9 * 3 * 16 + 4 * 16
    only = cost(first_blocks=0, second_blocks=1, second_width=24, third_blocks=0)
    assert only.parameters == stem + kernel + norms + head
    assert only.macs == 32**2 * 9 * 3 * 16 + 16**2 * kernel + 24 * 10
    assert cost(stem_stride=2).macs == pytest.approx(cost().macs / 4, rel=0.01)
    assert cost(stem_stride=2).parameters == cost().parameters


def test_the_last_stages_of_resnet_may_be_separable() -> None:
    """The network of 90 % on CIFAR-10 that studies/compression/budgets found."""
    options = {"blocks": 1, "third_width": 64, "fourth_width": 128, "separable_stages": 2}
    cost = models.cost("resnet", (32, 32, 3), 10, **options)
    kernels = 9 * (32 + 64) + 32 * 64 + 64 * 64 + 32 * 64  # third: depthwise, 1 x 1s, shortcut
    kernels += 9 * (64 + 128) + 64 * 128 + 128 * 128 + 64 * 128
    norms = 4 * (32 + 64 + 64 + 64 + 64) + 4 * (64 + 128 + 128 + 128 + 128)
    rest = models.cost("resnet", (32, 32, 3), 10, blocks=1, third_blocks=0)
    head = 128 * 10 - 32 * 10
    assert cost.parameters == rest.parameters + kernels + norms + head == 68_250
    whole = models.cost("resnet", (32, 32, 3), 10, blocks=1, separable_stages=4)
    assert whole.macs < models.cost("resnet", (32, 32, 3), 10, blocks=1).macs / 3


def test_vit_costs_what_deit_tiny_does() -> None:
    cost = models.cost(
        "vit", (224, 224, 3), 1000, patch=16, dim=192, depth=12, heads=3, mlp_ratio=4
    )
    assert cost.parameters == pytest.approx(5.72e6, rel=0.001)  # Touvron et al. 2021: 5.7 M
    assert cost.macs == pytest.approx(1.26e9, rel=0.01)  # timm counts 1.26 G
    assert cost.flops > 2 * cost.macs


@pytest.mark.parametrize(("side", "halvings"), [(28, 3), (32, 3), (64, 4), (96, 5), (224, 5)])
def test_small_pictures_are_halved_less_often(side: int, halvings: int) -> None:
    assert fitting_halvings((side, side)) == halvings


@pytest.mark.parametrize(("channels", "rounded"), [(11.2, 16), (5.6, 8), (8.4, 8), (112, 112)])
def test_channels_are_rounded_as_in_the_paper(channels: float, rounded: int) -> None:
    assert round_channels(channels) == rounded


def test_the_command_lists_costs_without_tensorflow() -> None:
    program = """
import sys
from tflconv.cli import main
try:
    main(["list", "models", "--json"])
finally:
    assert "tensorflow" not in sys.modules
"""
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    rows = {row["model"]: row for row in json.loads(out.stdout)}
    assert rows["vit"]["MACs"] == models.cost("vit").macs, out.stderr
    assert "patch=7" in rows["vit"]["options"]


def test_a_model_that_does_not_fit_the_shape_is_listed_without_cost() -> None:
    command = [
        sys.executable,
        "-m",
        "tflconv",
        "list",
        "models",
        "--json",
        "--shape",
        "30",
        "30",
        "3",
    ]
    out = subprocess.run(command, capture_output=True, text=True)
    rows = {row["model"]: row for row in json.loads(out.stdout)}
    assert rows["vit"]["MACs"] is None
    assert rows["mobilenet_v2"]["MACs"] > 0
