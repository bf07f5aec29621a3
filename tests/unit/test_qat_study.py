"""The recorded comparison reaches its goals, and its README says what was recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

STUDY = Path(__file__).parents[2] / "studies" / "mobile-vit" / "qat"
README = (STUDY / "README.md").read_text(encoding="utf-8")
RECORDED: dict[str, Any] = json.loads((STUDY / "results.json").read_text(encoding="utf-8"))
EQUALIZED: dict[str, Any] = json.loads((STUDY / "equalized.json").read_text(encoding="utf-8"))
LONGER: dict[str, Any] = json.loads((STUDY / "longer.json").read_text(encoding="utf-8"))
SETS = ("mnist", "fashion-mnist")
PTQ, QAT, EQUALIZE = "static_wi8_ai8", "qat_static_wi8_ai8", "equalize_static_wi8_ai8"


def found(folder: str, data: str, recipe: str) -> dict[str, Any]:
    return dict(RECORDED[f"{folder}/mobilenet_v2-{data}-{recipe}"])


def accuracy(folder: str, data: str, recipe: str) -> float:
    one = found(folder, data, recipe)
    assert one["total"] == 10_000
    return float(one["target_correct"] / one["total"])


@pytest.mark.parametrize("data", SETS)
def test_our_engine_is_as_good_and_as_fast_as_tfmot(data: str) -> None:
    assert accuracy("own", data, QAT) > accuracy("tfmot", data, QAT) - 0.002
    own, theirs = found("own", data, QAT), found("tfmot", data, QAT)
    assert own["operators"] == theirs["operators"]
    assert own["sdot"] == theirs["sdot"]
    assert own["instructions"] == pytest.approx(theirs["instructions"], rel=1e-3)


def test_training_wins_back_two_thirds_of_what_rounding_lost() -> None:
    float_model = found("outliers", "fashion-mnist", PTQ)["reference_correct"] / 10_000
    lost = float_model - accuracy("outliers", "fashion-mnist", PTQ)
    left = float_model - accuracy("outliers", "fashion-mnist", QAT)
    assert lost > 0.01
    assert left < lost / 3


def test_equalizing_wins_back_nine_tenths_without_training() -> None:
    as_it_came, equalized = (
        EQUALIZED[f"outliers/mobilenet_v2-fashion-mnist-{recipe}"] for recipe in (PTQ, EQUALIZE)
    )
    right = as_it_came["reference_correct"]
    lost = right - as_it_came["target_correct"]
    left = right - equalized["target_correct"]
    assert right == equalized["reference_correct"]
    assert lost > 100
    assert left < lost / 10
    assert f"{(lost - left) / 100:.2f} of the {lost / 100:.2f} points come back" in README
    assert as_it_came["instructions"] == equalized["instructions"]


def test_training_wins_back_all_in_a_network_that_was_trained_longer() -> None:
    stem = "mobilenet_v2-fashion-mnist"
    files = {
        method: LONGER[f"{method}/{stem}-{PTQ}"] for method in ("min-max", "mse", "percentile")
    }
    files |= {way: LONGER[f"{way}/{stem}-{QAT}"] for way in ("outliers", "plain")}
    files["equalized"] = LONGER[f"equalized/{stem}-equalize_{QAT}"]
    right = {way: one["target_correct"] / 100 for way, one in files.items()}
    whole = files["plain"]["reference_correct"] / 100
    assert {one["reference_correct"] / 100 for one in files.values()} == {whole}
    best = max(right[method] for method in ("min-max", "mse", "percentile"))
    assert whole - best > 1
    assert right["outliers"] - best > 0.9 * (whole - best)
    assert right["equalized"] > right["plain"] > right["outliers"]
    text = " ".join(README.split())
    assert f"({whole:.2f} % in float)" in text
    assert f"{right['outliers'] - best:.2f} of the {whole - best:.2f} points that the best" in text
    assert f"without outliers {right['plain'] - whole:.2f} points above its float file" in text
    assert f"QAT alone is {right['plain'] - right['outliers']:.2f} points behind" in text
    assert f"`equalize_{QAT}` gets {right['equalized']:.2f} %" in text


@pytest.mark.parametrize(
    ("records", "name"),
    [(each, name) for each in (RECORDED, EQUALIZED, LONGER) for name in each],
)
def test_the_tables_say_what_was_recorded(records: dict[str, Any], name: str) -> None:
    one = records[name]
    folder, _, stem = name.partition("/")
    data = stem.removeprefix("mobilenet_v2-").removesuffix(PTQ)
    data = (
        data.removesuffix("-equalize_qat_")
        .removesuffix("-qat_")
        .removesuffix("-equalize_")
        .strip("-")
    )
    cells = [
        data,
        f"`{folder}/`",
        f"{one['target_correct'] / one['total']:.2%}".replace("%", " %"),
        f"{(one['reference_correct'] - one['target_correct']) / 100:+.2f}",
        f"{one['agreeing'] / one['total']:.2%}".replace("%", " %"),
        f"{one['instructions']:,.0f}".replace(",", " "),
        f"{one['bytes']:,}".replace(",", " "),
    ]
    assert " | ".join(cells) in README
