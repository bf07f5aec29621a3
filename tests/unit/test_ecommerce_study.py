"""The page of the protocol for product pictures says what its parts recorded."""

from __future__ import annotations

import json
import statistics
from typing import Any

import pytest
from trained_networks import STUDIES, percent, recorded, spaced

PAGE = " ".join((STUDIES / "ecommerce" / "README.md").read_text(encoding="utf-8").split())
COMPACT = recorded(STUDIES / "ecommerce" / "compact")
QAT = STUDIES / "mobile-vit" / "qat"


def read(path: Any) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("shape", ["compact100", "compact150"])
def test_small_networks_are_told_as_they_were_recorded(shape: str) -> None:
    seeds = [one for name, one in COMPACT.items() if name.startswith(shape)]
    mean = statistics.mean(one["correct"] / one["total"] for one in seeds)
    told = f"{percent(mean)} in {spaced(max(one['bytes'] for one in seeds))} bytes"
    if shape == "compact100":
        counted = seeds[0]["instructions"]["cortex-a76"]
        told += f" and {counted / 1e6:.3f} M instructions"
    assert told in PAGE


def test_training_and_equalizing_are_told_as_they_were_recorded() -> None:
    trained, equalized = read(QAT / "results.json"), read(QAT / "equalized.json")

    def lost(records: dict[str, Any], folder: str, recipe: str) -> int:
        (one,) = (
            one
            for name, one in records.items()
            if name.startswith(f"{folder}/")
            and name.endswith(recipe)
            and (folder == "outliers" or "fashion" in name)
        )
        return int(one["reference_correct"] - one["target_correct"])

    ptq, qat = "-static_wi8_ai8", "-qat_static_wi8_ai8"
    own, rounded = lost(trained, "own", qat), lost(trained, "ptq", ptq)
    assert f"({own / 100:.2f} points lost with it, {rounded / 100:.2f} without)" in PAGE
    before, after = lost(trained, "outliers", ptq), lost(trained, "outliers", qat)
    assert f"{(before - after) / 100:.2f} of {before / 100:.2f} points where channels" in PAGE
    before = lost(equalized, "outliers", ptq)
    after = lost(equalized, "outliers", "-equalize_static_wi8_ai8")
    assert f"brings back {(before - after) / 100:.2f} of {before / 100:.2f} points" in PAGE


def test_mixed_precision_is_told_as_it_was_recorded() -> None:
    ways = read(STUDIES / "compression" / "mixed" / "measured.json")["mobilenet_v2"]

    def lost(one: dict[str, Any]) -> float:
        return (one["reference_correct"] - one["correct"]) / 100

    best = min(lost(one) for way, one in ways.items() if way.startswith("int8"))
    mixed = ways["mixed 0.3pt"]
    share = 100 * mixed["instructions"] / ways["fp32"]["instructions"]
    told = f"{best:.2f} points lost become {lost(mixed):.2f} for {share:.1f} % of the float"
    assert told in PAGE
