"""What the small students were trained with, and that their README says what was recorded."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from trained_networks import (
    STUDIES,
    against,
    check_files,
    check_plans,
    percent,
    plans,
    recorded,
    right,
    row,
    spaced,
)

from tflconv import models

STUDY = STUDIES / "compression" / "students"
PLANS = sorted((STUDY / "plans").glob("*.json"))


def test_a_schedule_ends_in_time_and_at_its_end() -> None:
    shares, begin, left = [], 0.0, 100.0
    while begin < 1:
        spent = 3.0 if shares else 0.0
        begin = plans.next_share(begin, 300, spent, left)
        shares.append(begin)
        left -= 3.0
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(shares) in (33, 34, 35)  # 100 seconds, 3 for each epoch
    assert left > -6


def test_a_schedule_with_time_to_spare_has_its_epochs() -> None:
    count, begin = 0, 0.0
    while begin < 1:
        begin, count = plans.next_share(begin, 40, 1.0, 1e9), count + 1
    assert count == 40


def test_a_target_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="target must be one of"):
        plans.Network(name="a", model="resnet", options={}, target="softest")


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_twins_differ_in_their_target_only(path: Path) -> None:
    _, networks = plans.read_plan(path)
    by_shape: dict[str, list[dict[str, Any]]] = {}
    for network in networks:
        assert models.cost(network.model, (32, 32, 3), 10, **network.options).parameters > 0
        by_shape.setdefault(json.dumps(network.options), []).append(asdict(network))
    for alike in by_shape.values():
        assert len({one["seed"] for one in alike}) == 1
        learned = [(one["target"], one["temperature"]) for one in alike]
        assert len(learned) == len(set(learned))


README = (STUDY / "README.md").read_text(encoding="utf-8")
RECORDED = recorded(STUDY)
TEACHER = RECORDED["teacher"]
NETWORKS = {name: one for name, one in RECORDED.items() if "epochs" in one}
SCORED = {name: one for name, one in NETWORKS.items() if "right" in one}
KINDS = ("hard", "soft", "soft1", "soft2", "soft4")
PAIRS = [
    (name, name.replace("labels", kind))
    for name in SCORED
    for kind in KINDS
    if "labels" in name and name.replace("labels", kind) in SCORED
]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_table_says_what_was_recorded(name: str) -> None:
    assert row(name, NETWORKS[name]) in README


@pytest.mark.parametrize("name", SCORED)
def test_the_count_of_right_pictures_is_that_of_the_bits(name: str) -> None:
    assert right(SCORED[name]).sum() == SCORED[name]["correct"]
    assert SCORED[name]["total"] == 10_000


@pytest.mark.parametrize(("labels", "teacher"), PAIRS)
def test_twins_are_compared_on_the_same_pictures(labels: str, teacher: str) -> None:
    assert against(teacher, labels, SCORED) in README


def test_what_was_trained_is_what_the_plans_say() -> None:
    check_plans(NETWORKS, STUDY / "plans")


def test_kept_files_are_those_that_were_measured() -> None:
    check_files(NETWORKS, STUDY / "models")


def test_the_goals_are_told_as_they_were_missed() -> None:
    def times(name: str) -> str:
        core = "cortex-a76"
        fewer = TEACHER["instructions"][core] / SCORED[name]["instructions"][core]
        return f"{fewer:.1f} times"

    def behind(name: str) -> str:
        return f"{(TEACHER['correct'] - SCORED[name]['correct']) / 100:.2f} points"

    smaller = TEACHER["bytes"] / SCORED["medium-labels-1"]["bytes"]
    medium = times("medium-labels-1")
    assert f"`wide-labels`, {times('wide-labels')} at {behind('wide-labels')}" in README
    assert f"`medium-labels-1`, {medium} and {smaller:.1f} times at" in README
    assert f"times at {behind('medium-labels-1')}" in README
    for name, groups in (("quarter1-labels", "`quarter1`"), ("wide-labels", "`wide`")):
        per = SCORED[name]["macs"] / SCORED[name]["instructions"]["cortex-a76"]
        assert f"{groups} {per:.1f}" in README
    assert spaced(TEACHER["bytes"]) in README
    assert percent(TEACHER["correct"] / TEACHER["total"]) in README
    vit, resnet8 = (SCORED[f"{name}-labels"]["instructions"] for name in ("vit_int8", "resnet8"))
    assert f"at {vit['cortex-a76'] / resnet8['cortex-a76']:.1f} times its" in README
    epochs = {one["epochs"] for one in NETWORKS.values()}
    assert f"{min(epochs)} to {max(epochs)}" in README


def test_the_temperature_table_says_what_was_recorded() -> None:
    ways = ("labels", "hard", "soft1", "soft2", "soft4")
    found = [NETWORKS[f"resnet8-{way}"] for way in ways]
    shares = [percent(one["validation_correct"] / one["validation_total"]) for one in found]
    assert f"| validation | {' | '.join(shares)} |" in README
    assert shares == sorted(shares, reverse=True)
