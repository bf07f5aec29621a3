"""The comparison on ASL Alphabet says what its plan recorded, and its plan is the one that ran."""

from __future__ import annotations

import re

from trained_networks import STUDIES, module

from tflconv import results
from tflconv.pipeline import plan

STUDY = STUDIES / "mobile-vit" / "asl"
PAGE = (STUDY / "README.md").read_text(encoding="utf-8")
FOUND = results.load(STUDY / "measured.json")

tables = module(STUDY / "tables.py")


def test_the_tables_say_what_was_measured() -> None:
    for head, rows in tables.TABLES:
        assert "\n".join([head, *rows(FOUND)]) in PAGE
    timed = results.load(STUDY / "host.json")
    assert "\n".join([tables.HERE, *tables.here(timed)]) in PAGE


def instructions(title: str, recipe: str) -> float:
    counted: float = tables.instructions(tables.run_of(FOUND, title, recipe, tables.A76))
    return counted


def share(title: str, recipe: str) -> float:
    right: float = tables.accuracy(tables.run_of(FOUND, title, recipe, tables.A76))
    return right


def test_the_goals_are_told_as_they_were_reached() -> None:
    whole = tables.run_of(FOUND, "vit-0", "fp32", tables.A76).model.bytes
    small = tables.run_of(FOUND, "vit_int8-0", "static_wi8_ai8", tables.A76).model.bytes
    least = instructions("vit_int8-0", "static_wi8_ai8")
    times = instructions("vit-0", "fp32") / least
    part = least / instructions("mobilenet_v2-0", "static_wi8_ai8")
    assert f"{times:.1f} times fewer instructions and {1 - small / whole:.0%}" in PAGE.replace(
        " %", "%"
    )
    assert f"{part:.2f} of the instructions of MobileNetV2" in PAGE
    for seed in tables.SEEDS:
        ours = share(f"vit_int8-{seed}", "static_wi8_ai8")
        assert ours > share(f"mobilenet_v2-{seed}", "fp32")
        assert ours > share(f"vit-{seed}", "fp32")


def test_what_each_technique_is_worth_is_told_as_it_was_measured() -> None:
    def fewer(title: str, recipe: str, other: str, wanted: str) -> float:
        return instructions(title, recipe) / instructions(other, wanted)

    came = "-as-it-came"
    for text, times in {
        "{:.2f} times for MobileNetV2, which": fewer(
            f"mobilenet_v2-0{came}", "unfused_fp32", f"mobilenet_v2-0{came}", "fp32"
        ),
        "{:.2f} times for `vit` and": fewer(f"vit-0{came}", "fp32", "vit-0", "fp32"),
        "in INT8, {:.2f} times for `vit_int8`": fewer(
            f"vit_int8-0{came}", "static_wi8_ai8", "vit_int8-0", "static_wi8_ai8"
        ),
        "needs {:.1f} times the instructions of float": fewer(
            f"vit-0{came}", "static_wi8_ai8", f"vit-0{came}", "fp32"
        ),
    }.items():
        assert text.format(times) in PAGE
    gained = share("mobilenet_v2-0", "qat_static_wi8_ai8") - share(
        "mobilenet_v2-0", "static_wi8_ai8"
    )
    lost = share("vit_int8-0", "static_wi8_ai8") - share("vit_int8-0", "qat_static_wi8_ai8")
    text = (
        f"gains {gained:.2f} points over rounding for MobileNetV2 and costs `vit_int8` {lost:.2f}"
    )
    assert text in PAGE


def test_the_page_of_the_whole_study_and_the_first_page_say_the_same() -> None:
    mean = {
        name: sum(share(f"{name}-{seed}", recipe) for seed in tables.SEEDS) / 3
        for name, recipe in tables.NETWORKS.items()
    }
    told = (STUDY.parent / "README.md").read_text(encoding="utf-8")
    assert (
        f"has {mean['vit_int8']:.1f} % in the mean of three seeds, MobileNetV2"
        f" {mean['mobilenet_v2']:.1f} %, the plain one {mean['vit']:.1f} %"
    ) in told
    first = " ".join((STUDIES.parent / "README.md").read_text(encoding="utf-8").split())
    assert "takes less than half of its instructions" in first
    ours, theirs = (instructions(f"{n}-0", "static_wi8_ai8") for n in ("vit_int8", "mobilenet_v2"))
    assert ours < theirs / 2
    assert mean["vit_int8"] > mean["mobilenet_v2"]


def test_no_weights_learnt_from_the_pictures_are_kept() -> None:
    kept = {path.suffix for path in STUDY.iterdir()}
    assert kept == {".md", ".toml", ".py", ".json"}


def test_networks_that_are_compared_were_trained_alike() -> None:
    trained = [model.training for model in plan.load(STUDY / "plan.toml").models]
    assert len(trained) == 12
    assert len(set(trained)) == 1
    assert re.search(rf"{trained[0].epochs} epochs", PAGE)
