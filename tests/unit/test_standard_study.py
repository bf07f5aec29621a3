"""The protocol on a standardized set of products says what its plans recorded."""

from __future__ import annotations

from typing import Any

import pytest
from trained_networks import STUDIES, module

from tflconv.pipeline import planning
from tflconv.report import units

STUDY = STUDIES / "ecommerce" / "standard"
PAGE = (STUDY / "README.md").read_text(encoding="utf-8")
FLAT = " ".join(PAGE.split())
ROUNDED = "static_wi8_ai8"

tables = module(STUDY / "tables.py")
FASHION, CLOTHING = tables.read(STUDY / "measured.json")
RESNET, MOBILENET = (FASHION[name] for name in tables.NETWORKS)


def lost(files: Any, steps: str, beside: str = "fp32") -> float:
    return float(tables.behind(files, f"{steps}_{ROUNDED}", beside)[0])


def within_two_points(files: Any) -> float:
    """Most times fewer instructions than in float at no more than two points."""
    close = [r for r in files if tables.behind(files, r)[0] <= 2 and r.endswith(ROUNDED)]
    return float(max(tables.fewer(files, recipe) for recipe in close))


def apart(steps: str, name: str) -> bool:
    """Whether the intervals of both sets have nothing in common."""
    ends = [tables.behind(kind[name], f"{steps}_{ROUNDED}") for kind in (FASHION, CLOTHING)]
    return bool(max(low for _, low, _ in ends) > min(high for *_, high in ends))


@pytest.mark.parametrize("name", tables.NETWORKS)
def test_the_tables_say_what_was_measured(name: str) -> None:
    rows = list(tables.techniques(FASHION[name]))
    assert "\n".join([tables.TECHNIQUES, *rows]) in PAGE
    rows = list(tables.sets(FASHION[name], CLOTHING[name]))
    assert len(rows) >= 4
    assert "\n".join([tables.SETS, *rows]) in PAGE


@pytest.mark.parametrize("name", tables.NETWORKS)
def test_all_that_is_planned_was_measured(name: str) -> None:
    planned = planning.read(STUDY / f"fashion-{name}.toml")
    (model,) = planned.models
    assert {recipe.name for recipe in planned.recipes_of(model)} == FASHION[name].keys()


def test_both_sets_are_compared_as_they_were_measured() -> None:
    half = [lost(kind["resnet"], "channels50") for kind in (FASHION, CLOTHING)]
    assert "Half of its channels cost {:.2f} points and {:.2f} there".format(*half) in FLAT
    assert half[0] < half[1] / 2
    kinds = [kind[name] for name in tables.NETWORKS for kind in (FASHION, CLOTHING)]
    times = [within_two_points(files) for files in kinds]
    text = "does with {:.1f} times fewer instructions than in float, and with {:.1f} times fewer"
    text += " there. MobileNetV2 does with {:.1f} times fewer here and {:.1f} times fewer there"
    assert text.format(*times) in FLAT
    assert apart("channels50", "resnet")
    assert not any(apart(steps, "mobilenet_v2") for steps in ("channels50", "depth4"))
    assert not any(apart("prune80", name) for name in tables.NETWORKS)


def test_what_the_steps_cost_is_told_as_it_was_measured() -> None:
    halves = [lost(files, "channels50") for files in (RESNET, MOBILENET)]
    taught = [lost(files, "channels50_distill") for files in (RESNET, MOBILENET)]
    back = [before - after for before, after in zip(halves, taught, strict=True)]
    assert f"brings back {back[0]:.2f} of {halves[0]:.2f} points, and {back[1]:.2f} of" in FLAT
    assert f"{back[1]:.2f} of {halves[1]:.2f} for MobileNetV2" in FLAT
    rounded = [lost(files, "channels50_distill_qat") for files in (RESNET, MOBILENET)]
    further = [before - after for before, after in zip(taught, rounded, strict=True)]
    assert "brings ResNet-20 a further {:.2f} and MobileNetV2 {:.2f}".format(*further) in FLAT
    shallow, whole = (RESNET[f"{steps}{ROUNDED}"] for steps in ("depth4_", ""))
    share = shallow["instructions"] / whole["instructions"]
    cost = f"cost {lost(RESNET, 'depth4'):.2f} points and leave {share:.2f} of the instructions"
    assert f"four blocks less {cost}" in FLAT
    small = f"depth4_channels50_distill_{ROUNDED}"
    kept = f"{units.size(RESNET[small]['bytes'])} lose {tables.behind(RESNET, small)[0]:.2f} points"
    assert kept in FLAT
    zeros = [lost(files, "prune80") for files in (RESNET, MOBILENET)]
    assert "cost ResNet-20 {:.2f} points and MobileNetV2 {:.2f}".format(*zeros) in FLAT
    both = [lost(files, "channels50_prune80") for files in (RESNET, MOBILENET)]
    there = lost(CLOTHING["mobilenet_v2"], "channels50_prune80")
    text = (
        "is too much here, too ({:.2f}, and {:.2f} for MobileNetV2, which lost {:.2f} on clothing)"
    )
    assert text.format(*both, there) in FLAT
    gained = [-lost(files, "qat") for files in (RESNET, MOBILENET)]
    assert "of ResNet-20 gains {:.2f} points and of MobileNetV2 {:.2f},".format(*gained) in FLAT
    for files in (RESNET, MOBILENET):
        _, low, high = tables.behind(files, f"finetune_{ROUNDED}")
        assert low < 0 < high
    _, low, high = tables.behind(MOBILENET, f"depth4_{ROUNDED}")
    assert low < 0 < high
    share = MOBILENET[f"depth4_{ROUNDED}"]["instructions"] / MOBILENET[ROUNDED]["instructions"]
    told = f"not surely worse (−{-lost(MOBILENET, 'depth4'):.2f} points), at {share:.2f} of"
    assert told in FLAT


def test_the_page_of_the_whole_study_says_the_same() -> None:
    told = (STUDY.parent / "README.md").read_text(encoding="utf-8")
    costs = [lost(RESNET, s) for s in ("channels50", "depth4", "depth4_channels50_distill")]
    text = (
        "loses {:.2f} points with half of its channels, {:.2f} without four of nine blocks, {:.2f}"
    )
    assert text.format(*costs) in told
    times = tables.fewer(RESNET, f"depth4_channels50_distill_{ROUNDED}")
    assert f"for {times:.1f} times fewer instructions" in told
