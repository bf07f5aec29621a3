"""What a run took from a battery: an interval that holds the truth, or why there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

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
    Moment,
    Results,
    SustainedSecond,
    energy,
)
from tflconv.results.energy import Energy

FULL = 3_000_000


def conditions(
    rate: float, *, step: int = 1, every: int = 5, seconds: int = 1800, **battery: Any
) -> Conditions:
    """A run that takes ``rate`` µAh per second, by a counter of steps that looks now and then."""

    def told(at: int) -> int:
        left = FULL - rate * (at - at % every)
        return int(left - left % step)

    looks = tuple(
        Moment(**{"at_s": at, "charge_uah": told(at), "millivolts": 4000, "charging": False}
               | battery)
        for at in range(0, seconds + 1, 5)
    )  # fmt: skip
    series = tuple(SustainedSecond(at_s=at, runs=100, median_ms=10.0) for at in range(seconds))
    return Conditions(sustained=series, trace=looks)


def test_the_figures_of_a_known_battery() -> None:
    """0.2 mAh per second are 0.72 A, at 4 V 2.88 W, and 28.8 mJ for each of 100 per second."""
    taken = energy.of(conditions(200.0))
    assert isinstance(taken, Energy)
    assert (taken.charge_uah, taken.seconds) == (360_000, 1800)
    assert (taken.charge_low_uah, taken.charge_high_uah) == (357_000, 363_000)
    assert taken.milliwatts == pytest.approx(2880)
    assert taken.mj_per_inference == pytest.approx((28.8, 28.56, 29.04))


@given(
    rate=st.floats(1, 1600),
    step=st.integers(1, 20_000),
    every=st.sampled_from([1, 5, 10, 30, 60]),
    seconds=st.integers(30, 1800),
)
def test_the_interval_holds_what_was_taken(
    rate: float, step: int, every: int, seconds: int
) -> None:
    taken = energy.of(conditions(rate, step=step, every=every, seconds=seconds))
    assert taken is not None
    if isinstance(taken, Energy):
        assert taken.charge_low_uah <= rate * taken.seconds <= taken.charge_high_uah
        assert taken.charge_low_uah >= 0.8 * taken.charge_uah > 0


@given(rate=st.floats(0, 100), step=st.integers(50_000, 200_000))
def test_what_is_below_the_resolution_is_not_told(rate: float, step: int) -> None:
    reason = energy.of(conditions(rate, step=step, seconds=300))
    assert isinstance(reason, str)
    assert "the charge counter moved by" in reason


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"charging": True}, "a charger was connected; reach the phone over Wi-Fi"),
        ({"charge_uah": 3000}, "no battery holds 3000 µAh, so the unit is another one"),
    ],
)
def test_why_energy_is_not_told(change: dict[str, Any], words: str) -> None:
    assert words in str(energy.of(conditions(200.0, **change)))


def test_a_charger_for_a_moment_is_noticed() -> None:
    calm = conditions(200.0)
    assert calm.trace is not None
    plugged = (*calm.trace[:9], replace(calm.trace[9], charging=True), *calm.trace[10:])
    assert "charger" in str(energy.of(replace(calm, trace=plugged)))
    unknown = [replace(look, charging=None) for look in calm.trace]
    unknown[9] = replace(unknown[9], charge_uah=FULL + 1)
    assert "rose in the run" in str(energy.of(replace(calm, trace=tuple(unknown))))


def test_how_long_would_do_is_said() -> None:
    reason = str(energy.of(conditions(200.0, step=40_000, seconds=600)))
    assert "moved by 120000 µAh in 600 s, in steps of up to 40000; 3000 s would do" in reason


def test_without_a_battery_or_a_long_run_there_is_nothing_to_tell() -> None:
    told = conditions(200.0)
    assert energy.of(Conditions()) is None
    assert energy.of(replace(told, trace=None)) is None
    assert energy.of(replace(told, sustained=None)) is None
    assert energy.of(conditions(200.0, charge_uah=None)) is None


def test_a_report_tells_the_figure_or_the_reason() -> None:
    def run(name: str, how: Conditions) -> BenchmarkRun:
        return BenchmarkRun(
            model=MeasuredModel(slug=name, name=name, recipe="fp32", sha256="0" * 64, bytes=1),
            device=DeviceInfo(id="adb:1", kind="phone", name="p", abi="arm64", os="Android"),
            latency=Latency(samples_ns=(1_000_000,)),
            conditions=how,
        )

    sides = run("known", conditions(200.0)), run("plugged", conditions(200.0, charging=True))
    (group,) = columns.groups(Results(runs=sides))
    (column,) = [column for column in columns.TABLE if column.key == "energy"]
    assert [column.text(cell) for cell in group.cells] == ["28.8 mJ [28.6–29.0]", None]
    told = [f"{finding.subject}: {finding.text}" for finding in findings.of(group)]
    assert any(text.startswith("plugged: energy is not told: a charger") for text in told)
    assert columns.numbers(group.cells[0])["energy_uah"] == 360_000
