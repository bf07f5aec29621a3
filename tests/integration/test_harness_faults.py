"""What may come between the harness and tflconv: each caused from outside, each one clear message.

The genuine harness runs under a command that ends it, cuts what it says, or changes its clock, as
a launcher would (``Runtime.launcher``); nothing of tflconv is patched.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tflconv.benchmark import BenchmarkConfig, bench, identify
from tflconv.device import compiler
from tflconv.device.host import Host
from tflconv.device.interface import Runtime
from tflconv.errors import DeviceError, TflconvError
from tflconv.results import BenchmarkRun

TINY = Path(__file__).parents[1] / "golden" / "models" / "tiny_int8.tflite"
SET_BACK = Path(__file__).parents[1] / "fakes" / "set_back.c"
QUICK = BenchmarkConfig(
    num_runs=20, min_secs=0, warmup_min_secs=0, rate_hz=0, profile_runs=0, memory=False
)


class Launching(Host):
    """This computer, with programs started by ``command``; "$@" in it is the program's."""

    def __init__(self, command: str) -> None:
        super().__init__()
        object.__setattr__(self, "launcher", ("sh", "-c", command, "launcher"))

    def runtime(self) -> Runtime:
        return replace(super().runtime(), launcher=self.__dict__["launcher"])


def measured(command: str, config: BenchmarkConfig = QUICK) -> BenchmarkRun:
    return bench(TINY, Launching(command), config, identity=identify(TINY))


@pytest.mark.parametrize("kept", [250, 700])
def test_output_that_is_cut_in_the_middle_of_a_line(kept: int) -> None:
    with pytest.raises(DeviceError, match="is cut in the middle of a line") as caught:
        measured(f'"$@" | head -c {kept}')
    assert caught.value.exit_code == 3
    assert "Measure again" in str(caught.value)


def test_output_that_ends_between_two_lines() -> None:
    with pytest.raises(DeviceError, match="stopped early"):
        measured('"$@" | head -n 2')


def test_no_output_at_all() -> None:
    with pytest.raises(DeviceError, match="did not start: cannot execute"):
        measured('echo "cannot execute" >&2')


def test_carriage_returns_and_a_greeting_do_not_matter() -> None:
    run = measured(r"""echo "Welcome to {this} phone"; "$@" | sed 's/$/\r/'""")
    assert run.latency is not None
    assert len(run.latency.samples_ns) == 20


@pytest.mark.parametrize(("name", "exit_code"), [("KILL", 1), ("SEGV", 1), ("TERM", 3)])
def test_a_harness_that_a_signal_ends(name: str, exit_code: int) -> None:
    slow = replace(QUICK, num_runs=1_000_000_000, max_secs=60)
    with pytest.raises(TflconvError, match=f"was ended by SIG{name}") as caught:
        measured(f'"$@" & sleep 0.5; kill -{name} $!; wait $!', slow)
    assert caught.value.exit_code == exit_code


ENDLESS = """
import sys
from pathlib import Path
from tflconv.benchmark import BenchmarkConfig, harness
from tflconv.benchmark.session import Session
from tflconv.device import find
model, device = Path(sys.argv[1]), find(sys.argv[2])
session = Session(harness.install(device), model, device.push(model), BenchmarkConfig())
session.run(num_runs=10**9, max_secs=100)
"""


@pytest.mark.parametrize("device", ["host", "arm64:cortex-a76"])
def test_a_harness_ends_when_tflconv_is_killed(
    device: str, spawn: Callable[..., subprocess.Popen[str]], request: pytest.FixtureRequest
) -> None:
    if device != "host":
        request.getfixturevalue("arm64")
    run = spawn([sys.executable, "-c", ENDLESS, TINY, device])
    assert soon(lambda: children(run.pid))
    (harness,) = children(run.pid)
    run.kill()
    run.wait(30)
    assert soon(lambda: not Path(f"/proc/{harness}/maps").exists())


def children(pid: int) -> list[int]:
    """Harnesses that the process ``pid`` has started."""
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(word) for file in listed for word in file.read_text().split()]
    return [one for one in found if b"--graph=" in Path(f"/proc/{one}/cmdline").read_bytes()]


def soon(question: Callable[[], object]) -> bool:
    end = time.monotonic() + 60
    while not question():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def test_a_harness_that_hangs_is_given_up() -> None:
    impatient = replace(QUICK, timeout=1, max_secs=0.5)
    with pytest.raises(TflconvError, match=r"tiny.* did not end within 1\.5 s") as caught:
        measured('exec "$@" --protocol=1 --num_runs=1000000000 --max_secs=9', impatient)
    assert (caught.value.exit_code, "--timeout" in (caught.value.hint or "")) == (1, True)


def test_a_harness_of_another_version() -> None:
    with pytest.raises(DeviceError, match="speaks protocol 7, this tflconv speaks 1") as caught:
        measured("""echo '{"type":"hello","protocol":7,"abi":"x86_64-linux"}'; exit 2""")
    assert "devices clean" in str(caught.value)


def test_a_harness_that_is_asked_by_another_version() -> None:
    with pytest.raises(DeviceError, match="protocol"):
        measured('exec "$@" --protocol=7')


@pytest.mark.parametrize("mask", ["0x8000000000000000", "big"])
def test_cores_that_are_offline_are_chosen_again(mask: str) -> None:
    """The last of 64 cores is not there; ``big`` always is."""
    run = measured('exec "$@"', replace(QUICK, cpu_mask=mask))
    chosen = {core for core in range(64) if int(str(run.conditions.cpu_mask), 16) >> core & 1}
    assert chosen <= os.sched_getaffinity(0)
    told = [text for text in run.warnings if "are not available; these were used: " in text]
    assert len(told) == (mask != "big")


def test_cores_that_may_not_be_used_are_chosen_again() -> None:
    """A restricted cpuset: the process may use one core only, and is asked for another."""
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) < 2:
        pytest.skip("one core only")
    run = measured(f'exec taskset -c {mine[0]} "$@"', replace(QUICK, cpu_mask=hex(1 << mine[1])))
    assert run.conditions.cpu_mask == hex(1 << mine[0])
    assert f"these were used: {mine[0]}" in run.warnings[0]


def test_a_clock_that_is_set_back(
    tmp_path: Path, require: Callable[[str, bool, str], None]
) -> None:
    """The harness measures by the clock that cannot be set."""
    command = compiler.find()
    require("cc", command is not None, "no C compiler")
    library, moment = tmp_path / "set_back.so", tmp_path / "moment"
    build = [*(command or ()), "-shared", "-fPIC", "-o", library, SET_BACK]
    subprocess.run(build, check=True, timeout=120)
    trick = f'export LD_PRELOAD={library} SET_BACK={moment}; (sleep 0.3; touch {moment}) & "$@"'
    run = measured(trick, replace(QUICK, min_secs=1, run_delay=0.005))
    assert moment.exists()
    assert run.latency is not None
    assert min(run.latency.samples_ns) > 0
    assert max(run.latency.samples_ns) < 10**9
    assert run.cpu is not None
    assert 0 < run.cpu.percent_closed_loop <= 100
