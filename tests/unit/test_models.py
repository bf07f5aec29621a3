"""The registry of models and what they cost, without TensorFlow."""

from __future__ import annotations

import json
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
    with pytest.raises(UsageError) as caught:
        models.parse_options("vit", texts)
    assert message in str(caught.value)


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
        ("mobilenet_v2", {"alpha": -1.0}, "alpha and head must be positive"),
        ("mobilenet_v2", {"halvings": 6}, "halvings 0 (fit the picture) to 5"),
    ],
)
def test_options_that_do_not_fit_are_explained(
    name: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        models.cost(name, **options)
    assert message in str(caught.value)


def test_mobilenet_v2_costs_what_its_paper_says() -> None:
    cost = models.cost("mobilenet_v2", (224, 224, 3), 1000, alpha=1.0)
    assert cost.macs == pytest.approx(300e6, rel=0.01)  # Table 4 of the paper: 300 M
    assert cost.parameters == 3_538_984  # as the model of Keras applications counts them


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
    main(["models", "-l", "--json"])
finally:
    assert "tensorflow" not in sys.modules
"""
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    rows = {row["model"]: row for row in json.loads(out.stdout)}
    assert rows["vit"]["MACs"] == models.cost("vit").macs, out.stderr
    assert "patch=7" in rows["vit"]["options"]


def test_a_model_that_does_not_fit_the_shape_is_listed_without_cost() -> None:
    command = [sys.executable, "-m", "tflconv", "models", "--json", "--shape", "30", "30", "3"]
    out = subprocess.run(command, capture_output=True, text=True)
    rows = {row["model"]: row for row in json.loads(out.stdout)}
    assert rows["vit"]["MACs"] is None
    assert rows["mobilenet_v2"]["MACs"] > 0
