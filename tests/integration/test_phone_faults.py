"""What goes wrong with phones, caused from outside: one clear message, exit code 3, nothing broken.

adbd is killed, connections are cut, the phone is full, read-only or frozen, the adb server is
restarted, the harness is killed. Afterwards everything works again without a helping hand.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import phone as phones
from tflconv.device import adb
from tflconv.device.phone import FOLDER, find
from tflconv.errors import DeviceError
from tflconv.history import History

GOLDEN = Path(__file__).parent.parent / "golden" / "models"
SET_BACK = GOLDEN.parents[1] / "fakes" / "set_back.c"
TINY = GOLDEN / "tiny_int8.tflite"
OTHER = GOLDEN / "tiny_float32.tflite"
QUICK = ("--num-runs=2", "--min-secs=0", "--warmup-min-secs=0", "--rate-hz=0", "--profile-runs=0")
ENDLESS = ("--num-runs=1000000000", "--max-secs=60")
HARNESS = re.compile(r"qemu\S* \S+/ld-linux.* --graph=")
Start = Callable[..., phones.Phone]
Run = subprocess.Popen[str]
Bench = Callable[..., Run]
SECONDS = 60


@pytest.fixture
def big(tmp_path: Path) -> Path:
    target = tmp_path / "big.bin"
    target.write_bytes(os.urandom(1 << 20) * 100)
    return target


@pytest.fixture
def bench(spawn: Callable[..., Run]) -> Bench:
    """``bench(machine, ...)`` starts ``tflconv bench`` on the phone."""

    def start_one(machine: phones.Phone, *arguments: object) -> Run:
        command = ["-m", "tflconv", "bench", "--device", f"adb:{machine.serial}", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return spawn([sys.executable, *command], **pipes)

    return start_one


def ended(run: Run, code: int) -> str:
    """What it said on stderr, when it has ended with ``code`` and without a traceback."""
    _, stderr = run.communicate(timeout=120)
    assert run.returncode == code, stderr
    assert "Traceback" not in stderr
    return stderr


def wait(condition: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"it did not come to that in {SECONDS} s")
        time.sleep(0.05)


def shell(machine: phones.Phone) -> adb.Connection:
    """A connection that leaves the phone as it is."""
    return adb.Connection(program=adb.program(), serial=machine.serial)


def processes(machine: phones.Phone) -> list[str]:
    """What runs on the phone, as far as adb knows the phone already."""
    try:
        return shell(machine).shell(["ps", "-o", "pid,args"]).stdout.splitlines()
    except DeviceError:
        return []


def harnesses(machine: phones.Phone) -> list[str]:
    """Process ids of the harnesses that are at work on the phone."""
    return [line.split()[0] for line in processes(machine) if HARNESS.search(line)]


def left(machine: phones.Phone) -> list[str]:
    """Files of tflconv on the phone, but the one that is locked while it is measured on."""
    names = shell(machine).shell(["ls", FOLDER]).stdout.split()
    return [name for name in names if name not in ("lock", "holder")]


def during(
    work: Callable[[], object], moment: Callable[[], object], fault: Callable[[], object]
) -> None:
    """Cause ``fault`` at the ``moment`` in the middle of ``work``."""
    start = threading.Event()

    def cause() -> None:
        start.wait()
        wait(moment)
        fault()

    thread = threading.Thread(target=cause)
    thread.start()
    start.set()
    try:
        work()
    finally:
        thread.join()


def test_adbd_killed_during_a_push(start: Start, big: Path) -> None:
    machine = start()
    one, before = find(machine.serial), machine.received
    with pytest.raises(DeviceError, match="was lost") as caught:
        during(
            lambda: one.push(big),
            lambda: machine.received > before + 10_000_000,
            lambda: machine.tell("kill"),
        )
    assert caught.value.exit_code == 3
    assert "Reconnect" in str(caught.value)
    machine.tell("start")
    again = find(machine.serial)
    assert not [name for name in left(machine) if name.endswith(".bin")]
    remote = again.push(big)
    assert again.script('stat -c %s "$0"', remote).strip() == str(big.stat().st_size)


def test_a_connection_cut_during_a_push_leaves_no_part(start: Start, big: Path) -> None:
    machine = start()
    one, before = find(machine.serial), machine.received
    with pytest.raises(DeviceError, match="was lost"):
        during(
            lambda: one.push(big),
            lambda: machine.received > before + 10_000_000,
            lambda: machine.tell("cut"),
        )
    assert find(machine.serial).push(big)
    assert [name for name in left(machine) if name.endswith(".bin")]


def test_adbd_killed_during_a_pull(start: Start, tmp_path: Path) -> None:
    machine = start()
    one = find(machine.serial)
    one.script('dd if=/dev/zero of="$0/big" bs=1M count=200 2>/dev/null', FOLDER)
    before = machine.sent
    with pytest.raises(DeviceError, match="was lost"):
        during(
            lambda: one.pull(f"{FOLDER}/big", tmp_path / "big"),
            lambda: machine.sent > before + 10_000_000,
            lambda: machine.tell("kill"),
        )
    assert list(tmp_path.iterdir()) == []


def test_no_space_left(start: Start, big: Path) -> None:
    machine = start(data_options="size=20m")
    one = find(machine.serial)
    with pytest.raises(DeviceError, match="no space left on device") as caught:
        one.push(big)
    assert "devices clean" in str(caught.value)
    assert left(machine) == []


def test_a_folder_that_cannot_be_written(start: Start) -> None:
    machine = start(data_options="size=20m,ro")
    with pytest.raises(DeviceError, match="cannot write /data/local/tmp/tflconv") as caught:
        find(machine.serial)
    assert "phone-setup" in str(caught.value)


def test_a_frozen_phone(start: Start) -> None:
    machine = start()
    one = find(machine.serial)
    machine.tell("freeze")
    with pytest.raises(DeviceError, match="did not answer 'adb shell' in 2 s"):
        one.shell(["true"], timeout=2)
    machine.tell("thaw")
    assert find(machine.serial).shell(["echo", "awake"]).stdout == "awake\n"


def test_a_bench_that_loses_the_phone_keeps_what_it_has(
    machine: phones.Phone, bench: Bench, tmp_path: Path
) -> None:
    results = tmp_path / "results.json"
    finished = bench(machine, OTHER, *QUICK, "--export-json", results)
    ended(finished, 0)
    size = results.stat().st_size
    run = bench(machine, TINY, *QUICK, *ENDLESS, "--export-json", tmp_path / "lost.json")
    wait(lambda: harnesses(machine))
    machine.tell("kill")
    said = ended(run, 3)
    assert "was lost" in said
    assert "Reconnect" in said
    assert not (tmp_path / "lost.json").exists()
    assert results.stat().st_size == size
    machine.tell("start")
    ended(bench(machine, TINY, *QUICK, "--export-json", results), 0)
    (run_again,) = json.loads(results.read_text())["runs"]
    assert run_again["model"]["slug"] == TINY.stem
    assert shell(machine).shell(["cat", "/tmp/fixed-performance"]).stdout == "false\n"


def test_a_rerun_measures_only_what_is_missing(
    machine: phones.Phone, bench: Bench, tmp_path: Path
) -> None:
    results = tmp_path / "results.json"
    command = (OTHER, TINY, *QUICK, "--blocks=1", "--min-secs=2", "--export-json", results)
    run = bench(machine, *command)
    wait(results.exists)
    machine.tell("kill")
    assert "was lost" in ended(run, 3)
    (before,) = json.loads(results.read_text())["runs"]
    assert before["model"]["slug"] == OTHER.stem
    machine.tell("start")
    said = ended(bench(machine, *command), 0)
    assert f"{OTHER.name} on adb:{machine.serial} measured before" in said
    assert f"{TINY.name} on adb:{machine.serial} ..." in said
    kept, measured = json.loads(results.read_text())["runs"]
    assert kept == before
    assert measured["model"]["slug"] == TINY.stem
    assert measured["latency"]["samples_ns"]


def test_a_phone_lost_in_the_middle_of_a_block_leaves_no_half_run(
    machine: phones.Phone, bench: Bench, tmp_path: Path
) -> None:
    history = tmp_path / "history.sqlite"
    kept = ("--blocks=2", "--history", history)
    run = bench(machine, OTHER, TINY, *QUICK, *kept, "--min-secs=5")
    wait(lambda: harnesses(machine))
    machine.tell("kill")
    assert "was lost" in ended(run, 3)
    assert History(history).runs() == []
    machine.tell("start")
    ended(bench(machine, OTHER, TINY, *QUICK, *kept), 0)
    found = [each.run.schedule for each in History(history).runs()]
    assert [each and len(each.blocks) for each in found] == [2, 2]


def test_a_harness_that_is_killed(machine: phones.Phone, bench: Bench) -> None:
    run = bench(machine, TINY, *QUICK, *ENDLESS)
    wait(lambda: harnesses(machine))
    shell(machine).shell(["kill", "-9", *harnesses(machine)])
    assert "SIGKILL" in ended(run, 1)  # the phone itself is not lost


def test_the_adb_server_is_restarted(machine: phones.Phone, bench: Bench) -> None:
    run = bench(machine, TINY, *QUICK, *ENDLESS)
    wait(lambda: harnesses(machine))
    phones.adb("kill-server")
    assert "was lost" in ended(run, 3)
    ended(bench(machine, TINY, *QUICK), 0)


def test_an_interrupt_tidies_up(machine: phones.Phone, bench: Bench) -> None:
    run = bench(machine, TINY, *QUICK, *ENDLESS)
    wait(lambda: harnesses(machine))
    run.send_signal(signal.SIGINT)
    assert "Interrupted" in ended(run, 130)
    assert harnesses(machine) == []
    assert "restore" not in left(machine)
    assert not [name for name in left(machine) if name.endswith(".part")]
    assert shell(machine).shell(["cat", "/tmp/fixed-performance"]).stdout == "false\n"


CLOCK_PROGRAM = """
import sys, time
from tflconv.device.phone import find
began = time.time()
print(find(sys.argv[1]).shell(["sh", "-c", "echo begun; sleep 4; echo ended"], timeout=60).stdout)
print("back" if time.time() < began else "as it was")
"""


def test_the_clock_is_set_back(
    machine: phones.Phone,
    spawn: Callable[..., Run],
    tmp_path: Path,
    require: Callable[[str, bool, str], None],
) -> None:
    """Waiting and measuring go by the clock that cannot be set; only a date is taken from it."""
    compiler = shutil.which("cc")
    require("cc", compiler is not None, "no C compiler")
    library, moment = tmp_path / "set_back.so", tmp_path / "moment"
    build = [str(compiler), "-shared", "-fPIC", "-o", library, SET_BACK]
    subprocess.run(build, check=True, timeout=SECONDS)
    run = spawn(
        [sys.executable, "-c", CLOCK_PROGRAM, machine.serial],
        env=os.environ | {"LD_PRELOAD": str(library), "SET_BACK": str(moment)},
        stdout=subprocess.PIPE,
    )
    wait(lambda: any("sleep 4" in line for line in processes(machine)))
    moment.touch()
    said, _ = run.communicate(timeout=SECONDS)
    assert said.split() == ["begun", "ended", "back"]


@pytest.fixture
def two(start: Start) -> tuple[phones.Phone, phones.Phone]:
    return start(), start(model="Redmi Note 8")


def test_one_phone_is_lost_and_the_other_goes_on(
    two: tuple[phones.Phone, phones.Phone],
) -> None:
    from tflconv.device.parallel import side_by_side

    first, second = two
    devices = [find(first.serial), find(second.serial)]
    first.tell("kill")
    lost, fine = side_by_side(lambda one, _: one.shell(["echo", "here"]).stdout, devices)
    assert isinstance(lost, DeviceError)
    assert fine == "here\n"


def test_two_phones_take_as_long_as_the_slower_one(
    two: tuple[phones.Phone, phones.Phone],
) -> None:
    from tflconv.device.parallel import side_by_side

    work = [(find(two[0].serial), 3.0), (find(two[1].serial), 6.0)]
    times: list[float] = []

    def sleep(item: tuple[object, float], _: object) -> None:
        started = time.monotonic()
        item[0].shell(["sleep", str(item[1])])
        times.append(time.monotonic() - started)

    started = time.monotonic()
    side_by_side(sleep, work)
    assert time.monotonic() - started <= 1.3 * max(times)
