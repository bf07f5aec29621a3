"""Intervals are those of the published tables."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflconv.comparison import evidence, student

# Student's t: values of Abramowitz and Stegun, table 26.10


@pytest.mark.parametrize(
    ("confidence", "freedom", "value"),
    [
        (0.95, 1, 12.706),
        (0.99, 2, 9.925),
        (0.95, 10, 2.228),
        (0.99, 19, 2.861),
        (0.999, 120, 3.373),
    ],
)
def test_quantiles_are_those_of_the_table(confidence: float, freedom: int, value: float) -> None:
    assert student.quantile(confidence, freedom) == pytest.approx(value, abs=6e-4)


def test_the_quantile_of_certainty_is_infinite() -> None:
    assert all(math.isinf(student.quantile(1.0, freedom)) for freedom in (1, 2, 19, 20))


# Tango's interval of paired shares


def test_tango_interval_agrees_with_published_figures() -> None:
    """The crossover study of contact lenses in Tango (1998): 44 pairs, 1 against 0."""
    low, high = evidence.SamePictures(lost=1, won=0, total=44).interval(0.95)
    assert (low, high) == pytest.approx((-0.0596, 0.1178), abs=2e-3)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 100))
def test_tango_interval_is_the_test_turned_over(lost: int, won: int, others: int) -> None:
    pictures = evidence.SamePictures(lost=lost, won=won, total=lost + won + others + 1)
    low, high = pictures.interval(0.95)
    assert -1 <= low <= pictures.estimate <= high <= 1
    swapped = evidence.SamePictures(lost=won, won=lost, total=pictures.total)
    assert swapped.interval(0.95) == pytest.approx((-high, -low), abs=1e-9)


@pytest.mark.parametrize(("lost", "won"), [(0.03, 0.03), (0.05, 0.01), (0.0, 0.02)])
def test_tango_interval_covers_the_truth(lost: float, won: float) -> None:
    draw, hits = random.Random(0), 0
    for _ in range(300):
        kinds = [draw.random() for _ in range(200)]
        a, b = sum(k < lost for k in kinds), sum(lost <= k < lost + won for k in kinds)
        low, high = evidence.SamePictures(lost=a, won=b, total=200).interval(0.95)
        hits += low <= lost - won <= high
    assert hits >= 300 * 0.92


def test_newcombe_interval_agrees_with_published_figures() -> None:
    """Newcombe (1998), example a: 56 of 70 against 48 of 80, method 10."""
    low, high = evidence.OtherPictures((56, 70), (48, 80)).interval(0.95)
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=1e-4)
