"""What the study of budgets says is what was recorded of its networks."""

from __future__ import annotations

import pytest
from trained_networks import (
    STUDIES,
    Network,
    against,
    ahead,
    check_files,
    check_plans,
    module,
    percent,
    recorded,
    right,
    row,
    spaced,
)

from tflconv.core.files import sha256_file

STUDY = STUDIES / "compression" / "budgets"
NETWORKS = recorded(STUDY)
STUDENTS = recorded(STUDIES / "compression" / "students")
README = (STUDY / "README.md").read_text(encoding="utf-8")
TEXT = " ".join(README.split())

pupils = module(STUDY / "pupils.py")

A76 = "cortex-a76"
PAIRS = {
    "cut35-soft": "cut35-scratch",
    "cut35-soft-1": "cut35-scratch-1",
    "cut35-soft-2": "cut35-scratch-2",
    "cut20-w32-soft": "cut20-scratch",
    "cut20-w64-soft": "cut20-scratch",
    "resnet8-soft": "resnet8-labels",
    "mixed-whole": "mixed-soft",
}
KEYS = ("float_correct", "correct")
WHOLE = STUDENTS["teacher"]


def searched(name: str, stages: str) -> str:
    """Cells of the table of the search."""
    one = NETWORKS[f"search-{name}"]
    share = one["validation_correct"] / one["validation_total"]
    counted = f"{one['instructions'][A76] / 1e6:.3f} M"
    told = f"`{stages}`".replace(" | ", "`, `")
    return f"| `{name}` | {told} | {spaced(one['bytes'])} | {counted} | {percent(share)} |"


def taught(teacher: str, smoothing: str, student: Network, twin: Network) -> str:
    """Cells of the table of teachers."""
    points = (student["validation_correct"] - twin["validation_correct"]) / 50
    test = "–"
    if "right" in student:
        low, high = ahead(student, twin)
        share = (student["correct"] - twin["correct"]) / 100
        test = f"{share:+.2f} [{low:+.2f}, {high:+.2f}]"
    heat = f"{student['network']['temperature']:.0f}"
    return f"| {teacher} | {smoothing} | {heat} | {points:+.2f} | {test} |"


@pytest.mark.parametrize("name", [name for name in NETWORKS if not name.startswith("search-")])
def test_the_table_says_what_was_recorded(name: str) -> None:
    one = NETWORKS[name]
    assert row(name, one) in README
    if "right" in one:
        assert right(one).sum() == one["correct"]


def test_networks_of_the_search_read_no_test_picture() -> None:
    found = [name for name in NETWORKS if name.startswith("search-")]
    assert len(found) == 6
    for name in found:
        assert "right" not in NETWORKS[name]
        shape = name.removeprefix("search-")
        stages = README.partition(f"| `{shape}` | `")[2].partition("` | ")[0].replace("`, `", " | ")
        assert searched(shape, stages) in README
        assert f'"{shape}": "{stages}"' in (STUDY / "shapes.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "twin"), PAIRS.items())
def test_twins_are_compared_on_the_same_pictures(name: str, twin: str) -> None:
    assert against(name, twin, NETWORKS) in README


def test_the_table_of_teachers_says_what_was_recorded() -> None:
    labels = STUDENTS["resnet8-labels"]
    for heat in (1, 2, 4):
        student = STUDENTS[f"resnet8-soft{heat}"]
        assert taught("95.03 %", "smoothed by 0.1", student, labels) in README
    plain = percent(NETWORKS["w32-plain"]["correct"] / 10_000)
    pair = NETWORKS["resnet8-soft"], NETWORKS["resnet8-labels"]
    assert taught(plain, "as they are", *pair) in README


@pytest.mark.parametrize("shape", ["deep96", "deep128"])
def test_the_better_teacher_taught_less(shape: str) -> None:
    students = [NETWORKS[f"{shape}-{way}"] for way in ("patient", "soft")]
    for student in students:
        (named,) = student["network"]["teachers"]
        cells = [student["network"]["name"], named]
        shares = [NETWORKS[named], student]
        told = [percent(one["validation_correct"] / one["validation_total"]) for one in shares]
        line = f"| `{cells[0]}` | `{cells[1]}` | {told[0]} | {student['epochs']} | {told[1]} |"
        assert line in README
    before, after = (one["validation_correct"] for one in students)
    assert before < after
    better, worse = (NETWORKS[name]["validation_correct"] for name in ("w64-plain", "w32-plain-2"))
    assert better > worse


def test_the_last_training_is_told_as_it_ended() -> None:
    whole, before = NETWORKS["mixed-whole"], NETWORKS["mixed-soft"]
    assert "validation_correct" not in whole
    shares = [percent(one[key] / 10_000) for one in (whole, before) for key in KEYS]
    missed = (9_200 - before["correct"]) / 100
    assert f"92.0 % by {missed:.2f} points: {shares[2]} in float, {shares[3]} in INT8" in TEXT
    assert f"**{shares[0]} in float and {shares[1]} in INT8**" in TEXT
    low, high = ahead(whole, before)
    assert low < 0 < high
    trained = f"in {whole['epochs']} of {whole['settings']['epochs']} epochs of 50 000 views"
    assert f"{trained} and {whole['seconds'] / 60:.0f} minutes" in TEXT


def test_networks_were_trained_as_the_plans_say() -> None:
    kinds = (pupils.read_plan, pupils.settings_of, pupils.Pupil)
    check_plans(NETWORKS, STUDY / "plans", kinds)


def test_kept_files_are_those_that_were_measured() -> None:
    check_files(NETWORKS, STUDY / "models")
    for name in ("four128-soft", "mixed-whole"):
        kept = STUDY / "models" / f"{name}.keras"
        assert sha256_file(kept) == NETWORKS[name]["keras_sha256"]


def test_the_goals_are_told_as_they_were_met_or_missed() -> None:
    small, larger = NETWORKS["four128-soft"], NETWORKS["mixed-whole"]
    assert small["correct"] >= 9_000
    assert small["bytes"] <= 90_997
    assert small["instructions"][A76] <= 1_500_000
    told = f"{percent(small['correct'] / 1e4)} in {spaced(small['bytes'])} bytes and "
    assert f"`four128-soft`, {told}{small['instructions'][A76] / 1e6:.3f} M | yes |" in README
    told = f"{percent(larger['correct'] / 1e4)} in {spaced(larger['bytes'])} bytes and "
    assert larger["correct"] >= 9_200
    assert f"`mixed-whole`, {told}{larger['macs'] / 1e6:.1f} M multiply-adds | yes |" in README
    assert larger["bytes"] <= 200_000
    assert larger["macs"] <= 25_000_000


@pytest.mark.parametrize(("name", "times", "points"), [("cut20-w32", 20, 1), ("cut35", 35, 2)])
def test_the_goals_of_the_service_are_met(name: str, times: int, points: int) -> None:
    one = NETWORKS[f"{name}-soft"]
    fewer = WHOLE["instructions"][A76] / one["instructions"][A76]
    behind = (WHOLE["correct"] - one["correct"]) / 100
    assert fewer >= times
    assert behind <= points
    if name == "cut35":
        ahead_by = (
            (NETWORKS[f"cut35-soft{n}"]["correct"] - NETWORKS[f"cut35-scratch{n}"]["correct"]) / 100
            for n in ("", "-1", "-2")
        )
        told = "{:+.2f}, {:+.2f} and {:+.2f} points in three trainings".format(*ahead_by)
        assert f"`cut35-soft`, {told} | yes |" in README
    smaller = WHOLE["bytes"] / one["bytes"]
    bytes_too = f" and {smaller:.1f} times" if name == "cut35" else ""
    assert f"`{name}-soft`, {fewer:.1f} times{bytes_too} at {behind:.2f} points | yes |" in README


def test_what_was_cut_out_of_the_whole_is_within_a_fifth() -> None:
    one, pruned = NETWORKS["cut20-w64-soft"], recorded(STUDIES / "compression" / "pruned")
    share = one["instructions"][A76] / pruned["w64"]["instructions"][A76]
    behind = (WHOLE["correct"] - one["correct"]) / 100
    assert share <= 0.2
    assert behind <= 1.5
    assert f"`cut20-w64-soft`, {share:.3f} of them at {behind:.2f} points | yes |" in README


def test_the_transformer_is_told_beside_the_network_of_equal_accuracy() -> None:
    first, one, equal = (NETWORKS[n] for n in ("vit_int8-soft", "vit96-2-patient", "resnet8-soft"))
    assert max(first["correct"], one["correct"]) < 9_000
    assert f"`vit_int8-soft`, {percent(first['correct'] / 1e4)} | no |" in README
    times = one["instructions"][A76] / equal["instructions"][A76]
    assert times <= 2
    told = f"{percent(one['correct'] / 1e4)} at {times:.1f} times those of `resnet8-soft`"
    assert f"`vit96-2-patient`, {told} with {percent(equal['correct'] / 1e4)} | yes |" in README
    cheaper, smaller = (one[key] for key in ("instructions", "bytes"))
    cheaper = cheaper[A76] / first["instructions"][A76]
    told = f"at {cheaper:.2f} of the instructions and {smaller / first['bytes']:.2f} of the bytes"
    assert told in TEXT
