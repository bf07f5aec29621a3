"""The recorded leak: the README says what was recorded, and no picture is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tflconv.core import stats
from tflconv.pipeline import plan

STUDY = Path(__file__).parents[2] / "studies" / "mobile-vit" / "asl-leak"
FOUND: dict[str, Any] = json.loads((STUDY / "results.json").read_text(encoding="utf-8"))
README = (STUDY / "README.md").read_text(encoding="utf-8")


def spaced(number: int) -> str:
    return f"{number:,}".replace(",", " ")


@pytest.mark.parametrize("recipe", ["fp32", "static_wi8_ai8"])
def test_a_random_split_flatters_beyond_chance(recipe: str) -> None:
    blocks, random = (FOUND[split]["test"][recipe] for split in ("blocks", "random"))
    _, best = stats.wilson(blocks["correct"], blocks["total"])
    least, _ = stats.wilson(random["correct"], random["total"])
    assert least > best + 0.05


@pytest.mark.parametrize("split", ["blocks", "random"])
@pytest.mark.parametrize("recipe", ["fp32", "static_wi8_ai8"])
def test_the_table_says_what_was_recorded(split: str, recipe: str) -> None:
    found, counts = FOUND[split], FOUND[split]["test"][recipe]
    low, high = stats.wilson(counts["correct"], counts["total"])
    (copies,) = (text for text in found["copies"] if "test pictures have a copy in train" in text)
    cells = [
        split,
        f"`{recipe}`",
        spaced(found["pictures"]["train"]),
        spaced(counts["total"]),
        f"{copies.split('%')[0]} %",
        spaced(counts["correct"]),
        f"{100 * counts['correct'] / counts['total']:.1f} %",
        f"{100 * low:.1f} to {100 * high:.1f}",
    ]
    assert f"| {' | '.join(cells)} |" in README


def test_both_runs_followed_plans_that_differ_in_the_split_only() -> None:
    blocks, random = (plan.load(STUDY / f"{split}.toml") for split in ("blocks", "random"))
    assert (blocks.models, blocks.seed, blocks.resolution) == (
        random.models,
        random.seed,
        random.resolution,
    )
    for split, planned in (("blocks", blocks), ("random", random)):
        (model,), found = planned.models, FOUND[split]
        assert (planned.dataset, dict(model.options)) == (found["dataset"], found["options"])
        assert planned.resolution == found["resolution"]
        for key in ("epochs", "batch_size", "learning_rate"):
            assert getattr(model.training, key) == found["training"][key]


def test_no_picture_and_no_weights_are_kept() -> None:
    assert {path.suffix for path in STUDY.rglob("*") if path.is_file()} <= {
        ".json",
        ".md",
        ".py",
        ".toml",
    }
