"""Statistics against published values and against what must hold for any sample."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflconv.core import stats

SAMPLES = st.lists(st.floats(0.001, 1e6, allow_nan=False), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    # Newcombe, Two-sided confidence intervals for the single proportion, 1998, table I, method 3
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(
    correct: int, total: int, low: float, high: float
) -> None:
    assert stats.wilson(correct, total) == pytest.approx((low, high), abs=5e-5)


@given(total=st.integers(1, 100_000), data=st.data())
def test_wilson_holds_the_share_and_stays_a_proportion(total: int, data: st.DataObject) -> None:
    correct = data.draw(st.integers(0, total))
    low, high = stats.wilson(correct, total)
    assert 0 <= low <= correct / total <= high <= 1
    mirrored = stats.wilson(total - correct, total)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high), abs=1e-9)


@pytest.mark.parametrize(("correct", "total"), [(1, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_what_is_no_proportion(correct: int, total: int) -> None:
    with pytest.raises(ValueError, match="Received"):
        stats.wilson(correct, total)


@given(SAMPLES)
def test_summary_is_in_order(samples: list[float]) -> None:
    s = stats.summarize(samples)
    ordered = [s["min"], s["p5"], s["p25"], s["median"], s["p75"], s["p90"], s["p95"], s["max"]]
    assert ordered == sorted(ordered)
    assert s["count"] == len(samples)
    low, high = s["median_ci95"]
    assert s["min"] <= low <= high <= s["max"]


@given(SAMPLES)
def test_bootstrap_is_the_same_each_time(samples: list[float]) -> None:
    assert stats.bootstrap_median(samples) == stats.bootstrap_median(samples)


def test_bootstrap_holds_the_median_as_often_as_it_says() -> None:
    random = np.random.default_rng(7)
    drawn = [stats.bootstrap_median(random.normal(size=40), resamples=300) for _ in range(300)]
    assert np.mean([low <= 0 <= high for low, high in drawn]) == pytest.approx(0.95, abs=0.04)


def test_ratio_of_medians_with_its_interval() -> None:
    random = np.random.default_rng(1)
    baseline = 10 + random.normal(scale=0.1, size=200)
    ratio, low, high = stats.bootstrap_ratio(baseline / 2, baseline)
    assert low <= ratio <= high
    assert ratio == pytest.approx(0.5)
    assert high - low < 0.01


@pytest.mark.parametrize("count", [1, 2, 3, 4, 11, 50])
def test_drawn_medians_are_those_of_whole_samples(count: int) -> None:
    random = np.random.default_rng(count)
    values = random.gamma(2.0, size=count)
    whole = np.median(random.choice(values, size=(60_000, count)), axis=1)
    drawn = stats._drawn_medians(values, 60_000, random)
    possible = np.unique(whole)
    shares = [
        [(medians <= limit + 1e-12).mean() for limit in possible] for medians in (whole, drawn)
    ]
    np.testing.assert_allclose(shares[1], shares[0], atol=0.01)


def test_outliers_are_far_from_the_rest() -> None:
    samples = [1.0, 1.01, 0.99, 1.02, 0.98, 9.0]
    assert stats.outliers(samples).tolist() == [False] * 5 + [True]
    assert not stats.outliers([1.0] * 5 + [9.0]).any()


@pytest.mark.parametrize("samples", [[], [[1.0]], [1.0, math.nan], [math.inf]])
def test_what_is_no_sample_is_refused(samples: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        stats.summarize(samples)


def test_the_interval_of_very_many_samples_is_that_of_many() -> None:
    draw = np.random.default_rng(0)
    many = draw.normal(10, 1, stats.MANY)
    by_bootstrap = stats.bootstrap_median(many)
    by_ranks = stats.bootstrap_median(np.append(many, 10.0))
    assert by_ranks == pytest.approx(by_bootstrap, abs=0.01)
