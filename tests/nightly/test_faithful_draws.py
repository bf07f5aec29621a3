"""Five random draws of DeiT's shape with 197 and with 577 tokens stay what they are in int8."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from figures.faithful import measured

DRAWS = 5


@pytest.mark.parametrize("tokens", [197, 577])
def test_draws_stay_close_to_float(
    tokens: int,
    count: Callable[[int], int],
    tell: Callable[[str, str], None],
    table: Callable[[str, Sequence[Sequence[str]]], None],
) -> None:
    """All of DeiT-Tiny's 12 blocks at 197 tokens, two blocks at 577."""
    draws = range(count(DRAWS))
    found = [measured(tokens, seed=seed, pictures=64, samples=100) for seed in draws]
    assert all(figure.mean >= 0.998 for figure in found), found
    assert all(figure.least >= 0.997 for figure in found), found
    rows = [
        (str(seed), f"{figure.mean:.4f}", f"{figure.least:.4f}", f"{figure.agreement:.2f}")
        for seed, figure in zip(draws, found, strict=True)
    ]
    header = ("draw", "mean cosine", "least cosine", "top-1 agrees")
    table(f"Draws of {tokens} tokens", [header, *rows])
    least = min(figure.least for figure in found)
    tell(f"{len(draws)} networks of {tokens} tokens, 64 pictures each", f"least cosine {least:.4f}")
