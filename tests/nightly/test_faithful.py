"""Transformers of DeiT's shape stay what they are in int8: five draws of each length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from figures.faithful import SHAPES, measured

DRAWS, PICTURES, SAMPLES = 5, 64, 100
HEADER = ("tokens", "draw", "mean cosine", "least cosine", "top-1 agrees")


def test_logits_of_five_draws_point_the_same_way(
    tell: Callable[[str, str], None], table: Callable[[str, list[Any]], None]
) -> None:
    figures = {
        (tokens, seed): measured(tokens, seed=seed, pictures=PICTURES, samples=SAMPLES)
        for tokens in SHAPES
        for seed in range(DRAWS)
    }
    rows = [
        (str(tokens), str(seed), f"{f.mean:.4f}", f"{f.least:.4f}", f"{f.agreement:.2f}")
        for (tokens, seed), f in figures.items()
    ]
    table("Transformers in int8", [HEADER, *rows])
    assert all(figure.mean >= 0.997 for figure in figures.values())
    assert all(figure.least >= 0.996 for figure in figures.values())
    tell(
        f"{DRAWS} transformers of random weights for each of {len(SHAPES)} lengths,"
        f" {PICTURES} pictures each",
        f"least cosine of logits {min(figure.least for figure in figures.values()):.4f}",
    )
