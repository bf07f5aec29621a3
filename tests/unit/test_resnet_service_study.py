"""The study of the service says what its plan and its scripts recorded."""

from __future__ import annotations

import json
import re

import pytest
from trained_networks import STUDIES, module, recorded

from tflconv import results

STUDY = STUDIES / "resnet-service"
PAGE = (STUDY / "README.md").read_text(encoding="utf-8")
MEASURED = {
    name: results.load(STUDIES / name / "measured.json")
    for name in ("mobile-vit/small", "ecommerce/compact", "resnet-service")
}

tables, xla = module(STUDY / "tables.py"), module(STUDY / "xla.py")


def test_the_table_says_what_was_measured() -> None:
    rows = list(tables.rows(MEASURED["resnet-service"]))
    assert "\n".join([tables.HEAD, *rows]) in PAGE
    assert len(rows) == 14


def test_smaller_networks_are_told_as_they_were_measured() -> None:
    (core,) = {"arm64:cortex-a76"}
    runs = {r.model.slug: r for r in MEASURED["resnet-service"].runs if r.device.id == core}
    whole = runs["w64-cifar-10-fp32"]

    def against_whole(name: str, recipe: str) -> tuple[str, str]:
        run = runs[f"{name}-cifar-10-{recipe}"]
        assert run.instructions is not None
        assert whole.instructions is not None
        assert run.accuracy is not None
        assert whole.accuracy is not None
        times = whole.instructions.total / run.instructions.total
        points = (whole.accuracy.correct - run.accuracy.correct) / 100
        return f"{times:.1f} times", f"{points:.2f}"

    for name in ("w32", "resnet20", "resnet8"):
        times, points = against_whole(name, "fp32")
        assert re.search(rf"`{name}` (needs )?{times} .*?at {points}", PAGE)
    assert f"INT8 alone is {against_whole('w64', 'static_wi8_ai8')[0]}" in PAGE


def test_what_to_expect_of_a_phone_is_what_was_counted() -> None:
    counted = {
        (run.model.name, run.model.recipe, run.device.id[-3:]): run.instructions.total
        for run in MEASURED["resnet-service"].runs
        if run.instructions is not None
    }
    names, int8 = {name for name, _, _ in counted}, "static_wi8_ai8"
    gains = [counted[name, "fp32", "a76"] / counted[name, int8, "a76"] for name in names]
    cores = [counted[name, recipe, "a55"] / counted[name, recipe, "a76"]
             for name, recipe, core in counted if core == "a76"]  # fmt: skip
    small = counted["w64", int8, "a76"] / counted["resnet8", int8, "a76"]
    page = " ".join(PAGE.split())
    assert f"INT8 takes {min(gains):.1f} to {max(gains):.1f} times fewer than float" in page
    assert f"`resnet8` takes {small:.1f} times fewer than `w64`, both in INT8" in page
    assert f"needs {min(cores):.2f} to {max(cores):.2f} times the instructions" in page


def test_the_table_of_xla_says_what_was_timed() -> None:
    found = json.loads((STUDY / "xla.json").read_text(encoding="utf-8"))
    assert xla.table(found) in PAGE


@pytest.mark.parametrize("study", ["mobile-vit/small", "ecommerce/compact"])
def test_a_plan_gives_what_was_recorded(study: str) -> None:
    """The plan converted the kept networks again, and counted and scored them again."""
    networks, seen = recorded(STUDIES / study), 0
    for run in MEASURED[study].runs:
        if run.model.recipe != "static_wi8_ai8":
            continue
        one, core = networks[run.model.name], run.device.id.removeprefix("arm64:")
        assert run.instructions is not None
        assert run.accuracy is not None
        assert round(run.instructions.total) == one["instructions"][core]
        assert run.accuracy.correct == one["correct"]
        assert run.model.bytes == one["bytes"]
        seen += 1
    assert seen == 2 * len({run.model.name for run in MEASURED[study].runs})
