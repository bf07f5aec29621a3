"""Phones that are there and yet cannot measure, or not well: each says so in one message."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import phone as phones
from tflconv.benchmark import runner
from tflconv.benchmark.config import BenchmarkConfig
from tflconv.benchmark.laboratory import Laboratory
from tflconv.device import adb
from tflconv.device.phone import FOLDER, find
from tflconv.errors import DeviceError

TINY = Path(__file__).parents[1] / "golden" / "models" / "tiny_int8.tflite"
QUICK = ("--num-runs=2", "--min-secs=0", "--warmup-min-secs=0", "--rate-hz=0", "--profile-runs=0")
EMPTY_BATTERY = """\
  AC powered: false
  USB powered: false
  status: 3
  present: true
  level: 6
  scale: 100
"""
Start = Callable[..., phones.Phone]
Done = subprocess.CompletedProcess[str]


def bench(*machines: phones.Phone, options: tuple[str, ...] = ()) -> Done:
    devices = [f"--device=adb:{machine.serial}" for machine in machines]
    command = [sys.executable, "-m", "tflconv", "bench", str(TINY), *devices, *QUICK, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert "Traceback" not in done.stderr
    return done


def left(machine: phones.Phone) -> list[str]:
    """Files of tflconv on the phone, but the lock."""
    connection = adb.Connection(program=adb.program(), serial=machine.serial)
    names = connection.shell(["ls", "-A", FOLDER]).stdout.split()
    return [name for name in names if name not in ("lock", "holder")]


def told(machine: phones.Phone, said: str) -> str:
    """The only error of a call, which names the phone."""
    (message,) = [line for line in said.splitlines() if line.startswith("Error: ")]
    assert machine.serial in message
    return message


def test_a_folder_where_nothing_may_be_run_is_told_before_anything_is_sent(start: Start) -> None:
    machine = start(data_options="size=256m,noexec")
    done = bench(machine)
    assert done.returncode == 3
    assert f"programs in {FOLDER} may not be run" in told(machine, done.stderr)
    assert "noexec" in done.stderr
    assert "SELinux" in done.stderr
    assert machine.received < 1_000_000
    assert left(machine) == []


@pytest.mark.parametrize(
    ("quirk", "reason"),
    [
        ({"files_added": {"tmp/settings.global.low_power": "1\n"}}, "the battery saver is on"),
        ({"files_added": {"etc/battery": EMPTY_BATTERY}}, "the battery is at 6 %"),
        ({"wakefulness": "Dozing"}, "the screen was off, so Android may not use the big cores"),
        ({"thermal_status": 3}, "Android reported thermal status 3 (severe)"),
    ],
)
def test_what_holds_a_phone_back_is_the_reason_of_a_verdict(
    start: Start, quirk: dict[str, object], reason: str, tmp_path: Path
) -> None:
    machine, results = start(**quirk), tmp_path / "results.json"
    done = bench(machine, options=(f"--export-json={results}",))
    assert done.returncode == 0
    (line,) = [line for line in done.stdout.splitlines() if reason in line]
    assert "Close other programs" not in line
    assert f"(adb:{machine.serial})" in done.stdout
    (run,) = json.loads(results.read_text())["runs"]
    assert any(reason in each for each in run["reasons"])
    assert run["verdict"] in ("noisy", "throttled")


def test_a_phone_that_grows_hot_in_the_middle_is_throttled(start: Start) -> None:
    machine = start()
    hot = "sed -i 's/^Thermal Status: 0/Thermal Status: 4/' /etc/thermal"
    with find(machine.serial).conditions() as watch:
        machine_shell(machine, hot)
    assert watch.conditions.thermal_status == (0, 4)


def machine_shell(machine: phones.Phone, text: str) -> None:
    done = adb.Connection(program=adb.program(), serial=machine.serial).shell(["sh", "-c", text])
    assert done.returncode == 0, done.stderr


def test_a_disk_that_is_full_while_it_is_measured_is_told(start: Start, tmp_path: Path) -> None:
    machine = start(data_options="size=60m")
    assert bench(machine).returncode == 0
    machine_shell(machine, f"dd if=/dev/zero of={FOLDER}/full bs=1M count=99 2>/dev/null; true")
    done = bench(machine)
    assert done.returncode == 3
    assert "No space left on device" in told(machine, done.stderr)
    assert "devices clean" in done.stderr
    assert left(machine).count("full") == 1


def test_a_disk_that_fills_in_the_middle_is_told(start: Start) -> None:
    machine = start(data_options="size=60m")
    config = BenchmarkConfig(num_runs=2, min_secs=0, warmup_min_secs=0)
    session = runner.ready(TINY, find(machine.serial), config, Laboratory())
    session.latency()
    before = left(machine)
    machine_shell(machine, f"dd if=/dev/zero of={FOLDER}/full bs=1M count=99 2>/dev/null; true")
    with pytest.raises(DeviceError, match="No space left on device") as caught:
        session.outputs()
    assert machine.serial in caught.value.message
    assert "devices clean" in str(caught.value.hint)
    assert sorted(left(machine)) == sorted([*before, "full"])


def test_a_file_that_the_phone_refuses_is_no_lost_phone(start: Start, tmp_path: Path) -> None:
    connection = find(start().serial).connection
    with pytest.raises(DeviceError, match=r"refused the file: .*No such file") as caught:
        connection.push(TINY, "/proc/none")
    assert "phone-setup" in str(caught.value.hint)
    with pytest.raises(DeviceError, match=r"refused the file: .*No such file"):
        connection.pull("/data/local/tmp/none", tmp_path / "none")
    with pytest.raises(DeviceError, match="adb on this computer: cannot"):
        connection.pull("/proc/version", tmp_path / "no folder" / "version")
    assert connection.shell(["echo", "here"]).stdout.strip() == "here"


def test_two_phones_of_one_model_are_told_apart(start: Start, tmp_path: Path) -> None:
    machines, results = (start(), start()), tmp_path / "results.json"
    done = bench(*machines, options=(f"--export-json={results}",))
    assert done.returncode == 0, done.stderr
    runs = json.loads(results.read_text())["runs"]
    measured = [run["device"]["id"] for run in runs]  # whichever ended first
    assert sorted(measured) == sorted(f"adb:{each.serial}" for each in machines)
    assert all(f"(adb:{machine.serial})" in done.stdout for machine in machines)
    page = tmp_path / "report.html"
    made = subprocess.run(
        [sys.executable, "-m", "tflconv", "report", str(results), f"--html={page}"],
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert all(f"adb:{machine.serial}" in page.read_text() for machine in machines)
