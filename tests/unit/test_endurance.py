"""What is held of the peak over minutes, and whose rank changes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflconv.report import columns, findings
from tflconv.results import (
    BenchmarkRun,
    Conditions,
    DeviceInfo,
    Latency,
    MeasuredModel,
    Results,
    SustainedSecond,
    endurance,
)


def series(*medians: float) -> tuple[SustainedSecond, ...]:
    return tuple(
        SustainedSecond(at_s=n, runs=0 if ms == 0 else 9, median_ms=ms)
        for n, ms in enumerate(medians)
    )


def run(name: str, medians: Sequence[float]) -> BenchmarkRun:
    return BenchmarkRun(
        model=MeasuredModel(slug=name, name=name, recipe="fp32", sha256="0" * 64, bytes=1),
        device=DeviceInfo(id="adb:1", kind="phone", name="p", abi="arm64", os="Android"),
        latency=Latency(samples_ns=(1_000_000,)),
        conditions=Conditions(sustained=series(*medians)),
    )


def told(*runs: BenchmarkRun) -> list[str]:
    (group,) = columns.groups(Results(runs=runs))
    return [f"{finding.subject}: {finding.text}" for finding in findings.of(group)]


def test_a_device_that_holds_its_clock_does_not_throttle() -> None:
    found = endurance.of(series(*[2.0] * 60))
    assert found is not None
    assert (found.held, found.throttled_at_s) == (1.0, None)


@given(start=st.integers(15, 60), factor=st.floats(1.2, 4))
def test_the_moment_of_throttling_is_found(start: int, factor: float) -> None:
    found = endurance.of(series(*[1.0] * start, *[factor] * 60))
    assert found is not None
    assert found.throttled_at_s is not None
    assert abs(found.throttled_at_s - start) <= 1
    assert found.held == pytest.approx(1 / factor)


def test_a_dip_that_is_over_is_no_throttling() -> None:
    found = endurance.of(series(*[1.0] * 20, *[3.0] * 20, *[1.0] * 40))
    assert found is not None
    assert found.throttled_at_s is None


def test_a_warm_up_is_no_throttling() -> None:
    found = endurance.of(series(*[3.0] * 20, *[1.0] * 60))
    assert found is not None
    assert (found.peak_ms, found.throttled_at_s) == (1.0, None)


def test_seconds_of_rest_take_no_part() -> None:
    found = endurance.of(series(*[1.0, 0.0] * 40))
    assert found is not None
    assert found.held == 1.0


def test_a_short_run_says_nothing() -> None:
    assert endurance.of(series(*[1.0] * 29)) is None
    assert not [text for text in told(run("a", [1.0] * 29)) if "peak" in text]


def test_the_report_says_what_is_held_and_whose_rank_flips() -> None:
    sprinter, runner = run("sprinter", [1.0] * 30 + [2.0] * 60), run("runner", [1.5] * 90)
    texts = told(sprinter, runner)
    assert any("holds 50 % of its peak speed" in t and "from second 30 on" in t for t in texts)
    flip = (
        "faster than runner in minute 1 (rank 1 against 2), slower in minute 2 (rank 2 against 1)."
    )
    assert f"sprinter: {flip}" in texts
    assert not [text for text in told(runner, run("other", [1.51] * 90)) if "slower in" in text]
