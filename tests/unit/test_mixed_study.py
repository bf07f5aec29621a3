"""Mixed precision wins back what INT8 loses, and the study's README says what was recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tflconv.comparison.evidence import SamePictures

STUDY = Path(__file__).parents[2] / "studies" / "compression" / "mixed"
README = (STUDY / "README.md").read_text(encoding="utf-8")
RECORDED: dict[str, dict[str, Any]] = json.loads(
    (STUDY / "measured.json").read_text(encoding="utf-8")
)
RANGES = ("int8 min-max", "int8 mse", "int8 percentile")
MIXED = "mixed 0.3pt"


def lost(one: dict[str, Any]) -> float:
    """Points of test accuracy that a file loses."""
    return 100 * float(one["reference_correct"] - one["correct"]) / float(one["total"])


def row(way: str, one: dict[str, Any], whole: int) -> str:
    accuracy, agreement = (one[key] / one["total"] for key in ("correct", "agreeing"))
    cells = (
        f"`{way}`",
        f"{accuracy:.2%}".replace("%", " %"),
        f"{lost(one):+.2f}",
        f"{agreement:.2%}".replace("%", " %"),
        f"{one['instructions']:,}".replace(",", " "),
        f"{one['instructions'] / whole:.1%}".replace("%", " %"),
        f"{one['bytes']:,}".replace(",", " "),
    )
    return f"| {' | '.join(cells)} |"


@pytest.mark.parametrize("name", RECORDED)
def test_the_tables_say_what_was_recorded(name: str) -> None:
    ways = RECORDED[name]
    assert set(ways) == {"fp32", *RANGES, MIXED}
    for way, one in ways.items():
        assert one["total"] == 10_000
        assert row(way, one, ways["fp32"]["instructions"]) in README


@pytest.mark.parametrize("name", RECORDED)
def test_full_int8_loses_more_than_a_point_and_mixed_at_most_three_tenths(name: str) -> None:
    ways = RECORDED[name]
    assert min(lost(ways[way]) for way in RANGES) > 1
    mixed, whole = ways[MIXED], ways["fp32"]
    assert lost(mixed) <= 0.3
    assert mixed["instructions"] < 0.6 * whole["instructions"]
    (estimated,) = mixed["estimated"].values()
    assert estimated == pytest.approx(mixed["instructions"], rel=0.04)


@pytest.mark.parametrize("name", RECORDED)
def test_the_curve_ends_with_the_file(name: str) -> None:
    mixed = RECORDED[name][MIXED]
    first, *_, last = mixed["curve"]
    assert first["activation"] == ""
    assert first["drop"] > 0.003 >= last["drop"]
    assert set(mixed["precisions"].values()) == {"float32"}
    assert f"{len(mixed['precisions'])} operators" in README


def test_half_precision_takes_fewer_bytes_and_instructions_where_a_core_has_it() -> None:
    found = json.loads((STUDY / "half.json").read_text(encoding="utf-8"))
    assert set(found) == {"mixed_wi8_ai8", "mixed_wi8_afp16"}
    for name, one in found.items():
        cells = (one["bytes"], *one["instructions"].values())
        numbers = " | ".join(f"{number:,}".replace(",", " ") for number in cells)
        assert f"| `{name}` | {numbers} |" in README
    floats, halves = (found[name]["instructions"] for name in found)
    assert list(floats) == ["cortex-a76", "cortex-a55", "cortex-a53"]
    assert halves["cortex-a76"] < 0.75 * floats["cortex-a76"]
    assert halves["cortex-a55"] < 0.7 * floats["cortex-a55"]
    assert halves["cortex-a53"] == floats["cortex-a53"]


def test_half_precision_was_scored_on_a_core_that_has_it() -> None:
    found = json.loads((STUDY / "half.json").read_text(encoding="utf-8"))
    rights = []
    for name, one in found.items():
        assert one["total"] == 2000
        right, on_host = (int(one[key], 16) for key in ("right", "host_right"))
        assert right.bit_count() == one["correct"]
        points = 100 * (one["reference_correct"] - one["correct"]) / one["total"]
        cells = (f"{one['correct']:,}", f"{points:+.2f}", f"{on_host.bit_count():,}")
        assert f"| `{name}` | {' | '.join(cells)} |".replace(",", " ") in README
        assert f"gets {one['reference_correct']:,} of them right".replace(",", " ") in README
        rights.append(right)
    floats, halves = rights
    parted = SamePictures(
        lost=(floats & ~halves).bit_count(), won=(halves & ~floats).bit_count(), total=2000
    )
    low, high = (100 * end for end in parted.interval(0.95))
    behind = (parted.lost - parted.won) / 20
    assert (
        f"{behind:.2f} points behind float (95 % interval, same pictures: {low:.2f} to {high:.2f})"
        in (" ".join(README.split()))
    )
