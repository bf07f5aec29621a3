"""A MobileNetV2 that was pruned beside its twin from scratch: the README says what was recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest
from trained_networks import STUDIES, against, percent, spaced

from tflconv.core import stats

STUDY = STUDIES / "compression" / "pruned"
README = (STUDY / "README.md").read_text(encoding="utf-8")
CUT = "channels53_distill_static_wi8_ai8"
NAMES = {
    "whole, float": ("pruned-mobilenet whole fp32", "8"),
    "whole": ("pruned-mobilenet whole static_wi8_ai8", "8"),
    "magnitude": (f"pruned-mobilenet whole {CUT}", "8 + 6"),
    "taylor": (f"pruned-mobilenet-taylor whole {CUT}", "8 + 6"),
    "scratch": ("pruned-mobilenet scratch finetune_static_wi8_ai8", "14"),
}
RECORDED = json.loads((STUDY / "mobilenet.json").read_text(encoding="utf-8"))
NETWORKS: dict[str, dict[str, Any]] = {name: RECORDED[key] for name, (key, _) in NAMES.items()}


def share(name: str) -> float:
    """Instructions of a network, as a share of those of the whole one in INT8."""
    counts = (NETWORKS[each]["instructions"]["cortex-a76"] for each in (name, "whole"))
    return float(next(counts) / next(counts))


@pytest.mark.parametrize("name", NAMES)
def test_the_table_says_what_was_recorded(name: str) -> None:
    one, epochs = NETWORKS[name], NAMES[name][1]
    assert int(one["right"], 16).bit_count() == one["correct"]
    low, high = (100 * end for end in stats.wilson(one["correct"], one["total"]))
    numbers = (one["bytes"], *one["instructions"].values())
    cells = [
        *(f"`{name}`", epochs, *map(spaced, numbers), f"{share(name):.3f}"),
        *(percent(one["correct"] / one["total"]), f"{low:.2f} to {high:.2f}"),
    ]
    assert f"| {' | '.join(cells)} |" in README


@pytest.mark.parametrize("name", ["magnitude", "taylor"])
def test_pruned_networks_are_compared_with_the_twin_on_the_same_pictures(name: str) -> None:
    assert against(name, "scratch", NETWORKS) in README


def test_the_goal_is_missed_by_as_much_as_is_said() -> None:
    lost = {
        name: (NETWORKS["whole"]["correct"] - NETWORKS[name]["correct"]) / 100
        for name in ("magnitude", "taylor", "scratch")
    }
    assert min(lost.values()) > 0.5
    assert share("taylor") < 0.5 < share("magnitude") < 0.51
    text = " ".join(README.split())
    assert (
        f"{lost['taylor']:.2f} points (`taylor`) and {lost['magnitude']:.2f} (`magnitude`)" in text
    )
    assert f"the twin loses {lost['scratch']:.2f}" in text
