"""What the docs say of trained transformers of 197 tokens is what was recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RECORDED = json.loads(
    (ROOT / "studies/mobile-vit/int8-vit/trained.json").read_text(encoding="utf-8")
)
DOCS = (ROOT / "docs/recipes-measured.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", RECORDED)
def test_the_table_has_what_was_recorded(name: str) -> None:
    one = RECORDED[name]
    for recipe, figures in one["recipes"].items():
        assert row(name, recipe, one, figures) in DOCS


@pytest.mark.parametrize("name", RECORDED)
def test_auto_loses_little_and_agrees(name: str) -> None:
    one = RECORDED[name]
    auto = one["recipes"]["auto"]
    assert one["correct"] - auto["correct"] <= 0.003 * one["pictures"]
    assert auto["agree"] >= 0.99 * one["pictures"]


def row(name: str, recipe: str, one: dict[str, Any], figures: dict[str, Any]) -> str:
    total = one["pictures"]
    shares = (100 * count / total for count in (one["correct"], figures["correct"]))
    cosines = (
        f"{each['mean']:.4f} / {each['least']:.4f}"
        for each in (figures["token"], figures["logits"])
    )
    cells = [
        name,
        f"`{recipe}`",
        *(f"{share:.2f} %" for share in shares),
        f"{100 * figures['agree'] / total:.2f} %",
        *cosines,
    ]
    return f"| {' | '.join(cells)} |"
