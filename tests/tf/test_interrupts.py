"""Ctrl-C in any stage, and then again: exit code 130, one word, nothing half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"
TINY = GOLDEN / "models" / "tiny_float32.tflite"
RESULTS = GOLDEN / "report" / "results.json"

STAGES = {
    "train": ["train", "vit", "--dataset", "mnist-sample", "--epochs", "99", "-o", "out/vit.keras"],
    "convert": ["convert", TINY, "-o", "out"],
    "bench": ["bench", TINY, "--min-secs", "60", "--export-json", "out/results.json"],
    "report": ["report", RESULTS, "--html", "out/report.html", "--plots", "out/plots"],
    "demo": ["study", "demo", "-o", "out"],
}


SOON = {"convert": (0.2, 0.4, 0.6), "report": (0.5, 1.0, 2.0)}
"""Seconds after which a stage is interrupted that does not last 10."""

CASES = [(stage, seconds) for stage in STAGES for seconds in SOON.get(stage, (1.0, 4.0, 10.0))]


@pytest.mark.parametrize(("stage", "seconds"), CASES)
def test_interrupted_twice(stage: str, seconds: float, tmp_path: Path) -> None:
    run = subprocess.Popen(
        [sys.executable, "-m", "tflconv", *map(str, STAGES[stage])],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    time.sleep(seconds)
    if run.poll() is not None:
        run.communicate()
        pytest.skip(f"{stage} is done within {seconds} s")
    os.killpg(run.pid, signal.SIGINT)
    time.sleep(0.1)
    if run.poll() is None:
        os.killpg(run.pid, signal.SIGINT)
    _, stderr = run.communicate(timeout=60)
    assert "Traceback" not in stderr
    assert run.returncode in (0, 130), stderr
    halves = [path for path in tmp_path.rglob(".*") if path.name != ".store"]
    assert halves == []
