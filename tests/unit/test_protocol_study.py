"""The protocol for product photographs says what its plans recorded."""

from __future__ import annotations

import pytest
from trained_networks import STUDIES, module

from tflconv import results
from tflconv.pipeline import planning

STUDY = STUDIES / "ecommerce" / "protocol"
PAGE = (STUDY / "README.md").read_text(encoding="utf-8")
FLAT = " ".join(PAGE.split())
NETWORKS = ("resnet", "mobilenet_v2")
FOUND = {
    name: results.load(STUDY / "measured" / f"{name}.json") for name in ("architectures", *NETWORKS)
}

tables = module(STUDY / "tables.py")


def test_the_table_of_architectures_says_what_was_measured() -> None:
    rows = list(tables.architectures(FOUND["architectures"]))
    assert "\n".join([tables.ARCHITECTURES, *rows]) in PAGE
    assert len(rows) == 8
    begun = list(tables.tuned(FOUND["architectures"], {name: FOUND[name] for name in NETWORKS}))
    assert "\n".join([tables.TUNED, *begun]) in PAGE


@pytest.mark.parametrize("name", NETWORKS)
def test_the_tables_of_techniques_say_what_was_measured(name: str) -> None:
    rows = list(tables.techniques(FOUND[name]))
    assert "\n".join([tables.TECHNIQUES, *rows]) in PAGE
    planned = planning.read(STUDY / f"{name}.toml")
    wanted = {recipe.name for recipe in planned.recipes_of(planned.models[-1])}
    assert {run.model.recipe for run in tables.counted(FOUND[name])} == wanted


def lost(network: str, recipe: str, beside: str = "fp32") -> float:
    """Points that one file is behind another."""
    found = FOUND[network]
    pair = (tables.run_of(found, name) for name in (beside, recipe))
    before, after = (100 * tables.accuracy(run) for run in pair)
    return float(before - after)


def test_what_the_steps_cost_is_told_as_it_was_measured() -> None:
    rounded = "static_wi8_ai8"
    zeros = [lost(name, f"prune80_{rounded}") for name in NETWORKS]
    assert "cost ResNet-20 {:.1f} points and MobileNetV2 {:.1f}".format(*zeros) in FLAT
    halves = [lost(name, f"channels50_{rounded}") for name in NETWORKS]
    back = [
        lost(name, f"channels50_{rounded}", f"channels50_distill_{rounded}") for name in NETWORKS
    ]
    assert f"ResNet-20 at {halves[0]:.1f} points less" in FLAT
    assert f"brings back {back[0]:.1f} of them, and {back[1]:.1f} of {halves[1]:.1f}" in FLAT
    assert f"loses {lost('mobilenet_v2', f'channels50_prune80_{rounded}'):.1f} points" in FLAT
    whole = lost("mobilenet_v2", f"channels50_distill_qat_{rounded}")
    assert f"{whole:.1f} points less than its float file at 3.6 times fewer" in FLAT


def test_the_page_of_the_whole_study_says_the_same() -> None:
    told = (STUDY.parent / "README.md").read_text(encoding="utf-8")
    first = {
        r.model.name: r for r in tables.counted(FOUND["architectures"]) if r.model.recipe == "fp32"
    }
    gained = [
        100 * (tables.accuracy(tables.run_of(FOUND[name], "fp32")) - tables.accuracy(first[name]))
        for name in NETWORKS
    ]
    assert "{:.1f} points (ResNet-20) and {:.1f} (MobileNetV2) by CIFAR-10".format(*gained) in told
    rounded = "static_wi8_ai8"
    costs = [
        lost(name, f"{steps}_{rounded}")
        for steps in ("prune80", "channels50", "channels50_distill")
        for name in NETWORKS
    ]
    text = "{:.1f} and {:.1f} points, half of the channels {:.1f} and {:.1f}, with a teacher {:.1f}"
    assert f"80 % zeros {text} and {{:.1f}}".format(*costs) in told


def test_a_small_file_is_nearly_as_good_as_the_best_of_any_size() -> None:
    runs = [run for found in FOUND.values() for run in tables.counted(found)]
    best = max(tables.accuracy(run) for run in runs)
    small = max(tables.accuracy(run) for run in runs if run.model.bytes <= 500_000)
    assert f"The best of any size has {100 * best:.1f} %" in PAGE
    assert f"the best within 500 KB {100 * small:.1f} %" in PAGE
    assert small >= best - 0.01
