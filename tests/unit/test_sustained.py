"""Half an hour of three phones: the seconds the harness tells, the looks, and what is said of them.

The phones are made: latency follows a clock that falls when the skin is warm, so every figure is
known beforehand.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from fakes import device as fake
from fakes.device import FakeDevice
from tflconv.benchmark import BenchmarkConfig, Laboratory, bench, build
from tflconv.device import tracing
from tflconv.device.interface import Heat
from tflconv.report import columns, findings, plots
from tflconv.results import (
    BenchmarkRun,
    MeasuredModel,
    Moment,
    Results,
    SustainedSecond,
    endurance,
    from_json,
)

TINY = Path(__file__).parents[1] / "golden" / "models" / "tiny_float32.tflite"
MINUTES = 30


class Warming(FakeDevice):
    """A phone whose clock falls from 2.4 to 1.2 GHz after ``holds`` seconds of work."""

    def __init__(self, base_ms: float, holds: int, slowdown: float) -> None:
        super().__init__(self._work, kind="host")
        self.base_ms, self.holds, self.slowdown = base_ms, holds, slowdown
        self.heats = [Heat(status=0, highest_mhz=2400)]

    def _work(self, flags: fake.Flags) -> list[dict[str, Any]]:
        if "report_secs" not in flags:
            return fake.ordinary(flags)
        seconds = [self._second(at) for at in range(int(float(flags["min_secs"])))]
        return [fake.HELLO, fake.INIT, *seconds, fake.CPU, fake.MEMORY, fake.END]

    def _second(self, at: int) -> dict[str, Any]:
        hot = at >= self.holds
        ns = round(1e6 * self.base_ms * (self.slowdown if hot else 1))
        line = fake.samples(*[ns] * 4, at=at * 10**9)
        return line | {"khz": [1_200_000 if hot else 2_400_000]}

    @contextlib.contextmanager
    def looks(self) -> Iterator[list[Moment]]:
        yield [
            Moment(at_s=at, celsius={"skin": 30 + min(at, 600) / 50}, charge_uah=charge(at))
            for at in range(0, 60 * MINUTES + 1, 5)
        ]

    def heat(self) -> Heat:
        return self.heats.pop(0) if len(self.heats) > 1 else self.heats[0]


def charge(at: int) -> int:
    """A battery that gives 200 µAh per second."""
    return 3_000_000 - 200 * at


@pytest.fixture(autouse=True)
def no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "harness"
    program.write_bytes(b"harness")
    monkeypatch.setattr(build, "for_host", lambda: program)


def sustained(name: str, device: FakeDevice, **settings: Any) -> BenchmarkRun:
    identity = MeasuredModel(slug=name, name=name, recipe="fp32", sha256=name[0] * 64, bytes=1)
    config = BenchmarkConfig(sustained_secs=60 * MINUTES, rate_hz=0, profile_runs=0, **settings)
    return bench(TINY, device, config, identity=identity, laboratory=Laboratory())


@pytest.fixture
def runs() -> Mapping[str, BenchmarkRun]:
    phones = {
        "sprinter": Warming(1.0, 300, 2.5),
        "runner": Warming(1.5, 900, 1.25),
        "walker": Warming(4.0, 3600, 1.0),
    }
    return {name: sustained(name, phone) for name, phone in phones.items()}


def test_the_figures_of_half_an_hour(runs: Mapping[str, BenchmarkRun]) -> None:
    found = {n: endurance.of(run.conditions.sustained or ()) for n, run in runs.items()}
    told = {
        name: (each.peak_ms, each.held_ms, each.first_ms, each.last_ms, each.throttled_at_s)
        for name, each in found.items()
        if each is not None
    }
    assert told == {
        "sprinter": (1.0, 2.5, 1.0, 2.5, 300),
        "runner": (1.5, 1.875, 1.5, 1.875, 900),
        "walker": (4.0, 4.0, 4.0, 4.0, None),
    }
    assert [each and each.held for each in found.values()] == pytest.approx([0.4, 0.8, 1.0])


def test_ranks_of_minute_1_and_minute_30_are_named(runs: Mapping[str, BenchmarkRun]) -> None:
    (group,) = columns.groups(Results(runs=tuple(runs.values())))
    told = [f"{finding.subject}: {finding.text}" for finding in findings.of(group)]
    assert [text for text in told if "slower in minute" in text] == [
        "sprinter: faster than runner in minute 1 (rank 1 against 2), slower in minute 30 (rank 2"
        " against 1).",
    ]
    assert [column.key for column in columns.shown(group) if column.key == "held"]
    held = [next(c for c in columns.TABLE if c.key == "held").text(cell) for cell in group.cells]
    assert held == ["40 % from 300 s", "80 % from 900 s", "100 %"]


def test_results_hold_seconds_and_looks_and_their_figures(
    runs: Mapping[str, BenchmarkRun],
) -> None:
    saved = Results(runs=tuple(runs.values())).to_json()
    assert from_json(saved) == Results(runs=tuple(runs.values()))
    entry: Any = saved["runs"][0]  # type: ignore[index, call-overload]
    assert entry["endurance"]["held"] == pytest.approx(0.4)
    assert entry["energy"]["charge_uah"] == 200 * 60 * MINUTES
    assert len(entry["conditions"]["sustained"]) == 60 * MINUTES
    assert len(entry["conditions"]["trace"]) == 12 * MINUTES + 1


def test_the_plot_has_clock_and_temperature_below_latency(
    runs: Mapping[str, BenchmarkRun],
) -> None:
    (group,) = columns.groups(Results(runs=tuple(runs.values())))
    drawn = plots.sustained(group)
    assert drawn is not None
    labels = [axes.get_ylabel() for axes in drawn.axes]
    assert labels == ["median per second, ms", "fastest clock, MHz", "hottest sensor, °C"]
    assert drawn.axes[-1].get_xlabel() == "minutes"
    clock = drawn.axes[1].get_lines()[0].get_ydata()
    assert (clock[299], clock[300]) == (2400, 1200)  # type: ignore[index]
    marks = [tuple(mark.get_offsets()[0]) for mark in drawn.axes[0].collections]  # type: ignore
    assert marks == [(5.0, 2.5), (15.0, 1.875)]


def test_a_sustained_run_begins_when_the_phone_is_as_cool_as_at_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("tflconv.benchmark.cooling.time.sleep", slept.append)
    phone, hot = Warming(1.0, 300, 2.0), Heat(status=2, highest_mhz=2400)
    phone.heats = [phone.heats[0], hot, hot, hot, phone.heats[0]]
    assert sustained("sprinter", phone).warnings == ()
    assert slept == [2.0] * 3


def test_a_phone_that_stays_hot_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("tflconv.benchmark.cooling.time.sleep", slept.append)
    phone = Warming(1.0, 300, 2.0)
    phone.heats = [phone.heats[0], Heat(status=2, highest_mhz=2400)]
    (warning,) = sustained("sprinter", phone).warnings
    assert "began on a device that was still hot after 600 s" in warning
    assert sum(slept) == 600


def test_bursts_reach_the_harness() -> None:
    phone = Warming(1.0, 300, 2.0)
    sustained("sprinter", phone, duty_cycle=0.2, burst_secs=5)
    (long,) = [flags for flags in phone.commands if "report_secs" in flags]
    assert (long["duty_cycle"], long["burst_secs"]) == ("0.2", "5")


# What a phone and a computer tell


LOOK = """\
=== uptime
{up} 900.00
=== battery
Current Battery Service state:
  USB powered: false
  level: 85
  scale: 100
  voltage: 4100
  temperature: 301
  Charge counter: 3000100
=== thermal
Thermal Status: 1
Temperature{{mValue=41.5, mType=3, mName=skin, mStatus=1}}
=== counter
{counter}
=== looked
"""
MARK = "##### look\n"


def test_looks_of_a_phone_are_parsed_and_a_cut_one_left_out() -> None:
    whole = MARK + LOOK.format(up="100.25", counter="3000000")
    later = MARK + LOOK.format(up="105.50", counter="")
    cut = later[: later.index("=== thermal")]
    first, second = tracing.read(whole + later + cut)
    assert first == Moment(
        at_s=0.0,
        celsius={"skin": 41.5},
        battery_celsius=30.1,
        thermal_status=1,
        charge_uah=3_000_000,
        millivolts=4100,
        charging=False,
    )
    assert (second.at_s, second.charge_uah) == (5.25, 3_000_100)


def test_a_phone_that_tells_nothing_has_no_looks() -> None:
    assert tracing.read("") == []
    assert tracing.read(MARK + "=== uptime\nnever\n=== looked\n") == []


def files(folder: Path, texts: Mapping[str, str]) -> Path:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_a_laptop_is_looked_at_by_its_files(tmp_path: Path) -> None:
    system = files(
        tmp_path,
        {
            "thermal/thermal_zone0/type": "x86_pkg_temp\n",
            "thermal/thermal_zone0/temp": "71000\n",
            "thermal/thermal_zone1/temp": "-274000\n",
            "power_supply/BAT0/charge_now": "4100000\n",
            "power_supply/BAT0/voltage_now": "11400000\n",
            "power_supply/BAT0/status": "Discharging\n",
        },
    )
    with tracing.of_host(system) as moments:
        pass
    assert moments == [
        Moment(
            at_s=moments[0].at_s,
            celsius={"x86_pkg_temp 0": 71.0},
            charge_uah=4_100_000,
            millivolts=11_400,
            charging=False,
        )
    ]


def test_a_computer_without_sensors_has_no_looks(tmp_path: Path) -> None:
    with tracing.of_host(tmp_path) as moments:
        pass
    assert moments == []


def test_ranks_are_told_for_the_minutes_that_there_were() -> None:
    def run(*medians: float) -> endurance.Endurance:
        found = endurance.of(seconds(medians))
        assert found is not None
        return found

    one = run(*[1.0] * 300, *[3.0] * 300)
    other = run(*[2.0] * 600)
    (flip,) = endurance.flips([("other", other), ("one", one)])
    assert (flip.faster, flip.slower, flip.minutes) == ("one", "other", 10)
    assert (flip.first_ranks, flip.last_ranks) == ((1, 2), (2, 1))


def seconds(medians: Sequence[float]) -> tuple[SustainedSecond, ...]:
    return tuple(
        SustainedSecond(at_s=n, runs=1, median_ms=median) for n, median in enumerate(medians)
    )
