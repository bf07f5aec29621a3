"""MobileNetV2s that were pruned, beside their twins: the README says what was recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest
from trained_networks import STUDIES, against, ahead, percent, spaced

from tflconv.core import stats

STUDY = STUDIES / "compression" / "pruned"
README = (STUDY / "README.md").read_text(encoding="utf-8")
TEXT = " ".join(README.split())


def recorded(file: str, names: dict[str, tuple[str, str]]) -> dict[str, dict[str, Any]]:
    """What a file has of networks, by their names in the README."""
    found = json.loads((STUDY / file).read_text(encoding="utf-8"))
    return {name: found[key] | {"epochs": epochs} for name, (key, epochs) in names.items()}


CUT = "channels{}_distill_static_wi8_ai8"
NETWORKS = recorded(
    "mobilenet.json",
    {
        "whole, float": ("pruned-mobilenet whole fp32", "12"),
        "whole": ("pruned-mobilenet whole static_wi8_ai8", "12"),
        "pruned": (f"pruned-mobilenet whole {CUT.format(52)}", "12 + 7"),
        "scratch": ("pruned-mobilenet scratch finetune_static_wi8_ai8", "14"),
    },
)
BRIEF = recorded(
    "mobilenet-global.json",
    {
        "whole, float": ("pruned-mobilenet whole fp32", "8"),
        "whole": ("pruned-mobilenet whole static_wi8_ai8", "8"),
        "magnitude": (f"pruned-mobilenet whole {CUT.format(53)}", "8 + 6"),
        "taylor": (f"pruned-mobilenet-taylor whole {CUT.format(53)}", "8 + 6"),
        "scratch": ("pruned-mobilenet scratch finetune_static_wi8_ai8", "14"),
    },
)
ROWS = [(name, networks) for networks in (NETWORKS, BRIEF) for name in networks]


def share(name: str, networks: dict[str, Any]) -> float:
    """Instructions of a network, as a share of those of the whole one in INT8."""
    counts = (networks[each]["instructions"]["cortex-a76"] for each in (name, "whole"))
    return float(next(counts) / next(counts))


def lost(name: str, networks: dict[str, Any]) -> float:
    """Points that a network is behind the whole one in INT8."""
    return float(networks["whole"]["correct"] - networks[name]["correct"]) / 100


@pytest.mark.parametrize(("name", "networks"), ROWS)
def test_the_table_says_what_was_recorded(name: str, networks: dict[str, Any]) -> None:
    one = networks[name]
    assert int(one["right"], 16).bit_count() == one["correct"]
    low, high = (100 * end for end in stats.wilson(one["correct"], one["total"]))
    numbers = (one["bytes"], *one["instructions"].values())
    cells = [
        *(f"`{name}`", one["epochs"], *map(spaced, numbers), f"{share(name, networks):.3f}"),
        *(percent(one["correct"] / one["total"]), f"{low:.2f} to {high:.2f}"),
    ]
    assert f"| {' | '.join(cells)} |" in README


@pytest.mark.parametrize("name", ["magnitude", "taylor"])
def test_pruned_networks_are_compared_with_the_twin_on_the_same_pictures(name: str) -> None:
    assert against(name, "scratch", BRIEF) in README


def test_the_goal_is_reached_by_as_much_as_is_said() -> None:
    assert against("pruned", "scratch", NETWORKS) in README
    low, high = ahead(NETWORKS["whole"], NETWORKS["pruned"])
    points, half = lost("pruned", NETWORKS), share("pruned", NETWORKS)
    assert points < 0.5 > half
    told = f"{points:.2f} points are lost for {100 * half:.1f} % of the instructions"
    assert told in TEXT
    assert f"pictures: {low:+.2f} to {high:+.2f}" in TEXT
    assert f"the twin loses {lost('scratch', NETWORKS):.2f} points" in TEXT
    behind = lost("scratch", NETWORKS) - points
    assert f"its twin is {behind:.2f} behind" in TEXT
    assert ahead(NETWORKS["pruned"], NETWORKS["scratch"])[0] < 0 < behind


def test_the_first_try_missed_by_as_much_as_is_said() -> None:
    behind = {name: lost(name, BRIEF) for name in ("magnitude", "taylor", "scratch")}
    assert min(behind.values()) > 0.5
    assert share("taylor", BRIEF) < 0.5 < share("magnitude", BRIEF) < 0.51
    told = "{taylor:.2f} points (`taylor`) and {magnitude:.2f} (`magnitude`)".format(**behind)
    assert told in TEXT
    assert f"the twin loses {behind['scratch']:.2f}" in TEXT
