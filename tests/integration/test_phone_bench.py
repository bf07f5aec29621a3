"""A bench on phones from end to end: push, measure, evaluate, pull, clean up; two at once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import phone as phones
from phone import profile
from tflconv.benchmark import BenchmarkConfig, bench, identify, testset
from tflconv.cli import main
from tflconv.data import Split
from tflconv.device.access import Cancellation
from tflconv.device.parallel import side_by_side
from tflconv.device.phone import FOLDER, Phone, find
from tflconv.model.interpreter import Interpreter
from tflconv.model.normalization import Normalization
from tflconv.results import BenchmarkRun

GOLDEN = Path(__file__).parents[1] / "golden" / "models"
INT8 = GOLDEN / "tiny_int8.tflite"
QUICK = BenchmarkConfig(
    num_runs=3, min_secs=0.0, warmup_min_secs=0.0, rate_hz=0.0, profile_runs=0, memory=True
)


def test_everything_is_measured_and_nothing_is_left(phone: Phone, tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    images = random.integers(0, 256, (64, 8, 8, 1), np.uint8)
    labels = random.integers(0, 3, 64)
    packed = testset.pack(
        tmp_path / "set",
        Split(images=images, labels=labels, ids=tuple(map(str, range(64)))),
        Normalization(),
        dataset="noise",
        classes=("0", "1", "2"),
    )
    run = bench(INT8, phone, QUICK, identity=identify(INT8), test_set=packed)
    predicted = Interpreter(INT8).predict(images).argmax(axis=1)
    assert run.accuracy is not None
    assert run.accuracy.where == "device"
    assert run.accuracy.correct == int((predicted == labels).sum())
    assert run.latency is not None
    assert len(run.latency.samples_ns) == 3
    assert run.memory is not None
    assert run.runtime is not None
    assert str(run.runtime.source).startswith("glibc bundle")
    assert run.instructions is None
    assert "perf_event_open: " in str(run.conditions.instructions_not_counted)
    assert run.conditions.granted == ("fixed performance", "stay awake")
    assert run.conditions.battery_percent == 85
    assert run.verdict in ("clean", "noisy", "throttled")
    left = phone.script('ls "$0"', FOLDER).split()
    assert not [name for name in left if name.endswith((".part", ".writable", "restore"))]
    assert phone.clean() > 5
    assert phone.shell(["ls", "-A", FOLDER]).stdout.split() == ["holder", "lock"]


def test_a_sustained_run_has_the_phones_heat_and_battery_beside_it(phone: Phone) -> None:
    run = bench(INT8, phone, replace(QUICK, sustained_secs=2.0), identity=identify(INT8))
    assert run.conditions.sustained
    assert run.conditions.trace
    first = run.conditions.trace[0]
    assert (first.at_s, first.battery_celsius, first.thermal_status) == (0.0, 31.0, 0)
    assert first.celsius == {"CPU0": 38.1, "skin": 33.5}
    assert (first.charge_uah, first.millivolts, first.charging) == (3_112_000, 4251, True)


@pytest.mark.skipif(profile.CPUS < 2, reason="one core only")
def test_a_phone_with_every_quirk_is_measured(start: Callable[..., phones.Phone]) -> None:
    """Its screen is off, it has one core left, denies and lacks what it can, and ends lines CR LF.

    The core asked for is not among those left, so another one is chosen.
    """
    machine = start(
        fixed_performance=profile.FIXED_DENIED,
        settings_denied=True,
        carriage_returns=True,
        wakefulness="Asleep",
        allowed="0",
        without=("sha256sum",),
    )
    config = replace(QUICK, cpu_mask="0x8000000000000000")
    run = bench(INT8, find(machine.serial), config, identity=identify(INT8))
    assert run.latency is not None
    assert run.conditions.cpu_mask == "0x1"
    assert run.conditions.cpus_allowed == "0"
    assert sorted(run.conditions.refused or {}) == ["fixed performance", "stay awake"]
    assert "are not available; these were used: 0" in run.warnings[0]
    assert run.verdict == "noisy"
    reasons = " ".join(run.reasons)
    assert "screen was off" in reasons
    assert "allowed only CPUs 0 of " in reasons


def test_two_phones_are_measured_in_the_time_of_one(start: Callable[..., phones.Phone]) -> None:
    slow = replace(QUICK, num_runs=20, run_delay=0.3)
    ready = [(find(start().serial), QUICK), (find(start().serial), slow)]
    times: list[float] = []

    def measure(one: tuple[Phone, BenchmarkConfig], _: Cancellation) -> BenchmarkRun:
        began = time.monotonic()
        run = bench(INT8, one[0], one[1], identity=identify(INT8))
        times.append(time.monotonic() - began)
        return run

    began = time.monotonic()
    runs = side_by_side(measure, ready)
    took = time.monotonic() - began
    assert all(isinstance(run, BenchmarkRun) and run.latency for run in runs)
    assert took <= 1.3 * max(times)


def test_two_phones_from_the_command_line(
    start: Callable[..., phones.Phone], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = start(), start(model="Redmi Note 8")
    results = tmp_path / "results.json"
    flags = ["--num-runs=2", "--min-secs=0", "--warmup-min-secs=0", "--rate-hz=0"]
    serials = ["-s", first.serial, "-s", second.serial, "-s", "missing"]
    with pytest.raises(SystemExit) as caught:
        main(["bench", str(INT8), *serials, *flags, "--export-json", str(results)])
    assert caught.value.code == 3
    assert "'missing' not found" in capsys.readouterr().err
    runs = json.loads(results.read_text())["runs"]
    names = {run["device"]["id"]: run["device"]["name"] for run in runs}
    assert names == {
        f"adb:{first.serial}": "Xiaomi Redmi Note 7",
        f"adb:{second.serial}": "Xiaomi Redmi Note 8",
    }
    with pytest.raises(SystemExit) as caught:
        main(["devices", "clean", "adb"])
    assert caught.value.code == 0
    for one in (first, second):
        assert find(one.serial).shell(["ls", "-A", FOLDER]).stdout.split() == ["holder", "lock"]
