"""Two hundred measurements leave Python and the harness as large as they were."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from tflconv.benchmark import BenchmarkConfig, bench, harness
from tflconv.device.host import Host
from tflconv.results import MeasuredModel

TINY = Path(__file__).parents[1] / "golden" / "models" / "tiny_int8.tflite"
QUICK = BenchmarkConfig(
    num_runs=5, min_secs=0.0, warmup_min_secs=0.0, rate_secs=0.1, rate_hz=50.0, profile_runs=1
)
IDENTITY = MeasuredModel(slug="tiny", name="tiny", recipe="fp32", sha256="0" * 64, bytes=1)
WARMUP = 10
"""Measurements and reports after which caches are filled."""


def test_python_does_not_grow_over_measurements(
    count: Callable[[int], int], tell: Callable[[str, str], None]
) -> None:
    runs, device, sizes = count(200), Host(), []
    for _ in range(WARMUP + runs):
        bench(TINY, device, QUICK, identity=IDENTITY)
        sizes.append(resident(os.getpid()))
    grown = sizes[-1] - sizes[WARMUP]
    assert grown < 2 << 20
    tell(f"{runs} times `bench` on the host", f"{grown / 1024:+.0f} KiB")


def test_harness_does_not_grow_over_inferences(
    count: Callable[[int], int], tell: Callable[[str, str], None]
) -> None:
    seconds = WARMUP + count(200)
    argv = harness.install(Host()).argv(
        graph=TINY, num_runs=1, min_secs=seconds, max_secs=seconds, report_secs=1,
        run_frequency=2000,  # a report of equal size each second, however busy the computer
    )  # fmt: skip
    inferences, sizes = 0, []
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as run:
        for line in run.stdout or ():
            said = json.loads(line)
            if said["type"] == "run" and run.poll() is None:
                inferences += len(said["samples_ns"])
                sizes.append(resident(run.pid))
    assert run.returncode == 0
    assert len(sizes) >= seconds - 1
    grown = sizes[-1] - sizes[WARMUP - 1]
    assert grown < 256 << 10
    tell(f"{inferences} inferences in one process, {seconds} s", f"{grown / 1024:+.0f} KiB")


def resident(pid: int) -> int:
    """Resident set of a process in bytes."""
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
