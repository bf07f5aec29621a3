"""Commands that Ctrl-C ends, and what must come of it, pressed once and then again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

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


STARTED = 0.05
"""CPU seconds after which Python runs our program: twice what the start of Python itself takes."""


def interrupted(stage: str, folder: Path, *, after: float) -> bool:
    """Press Ctrl-C twice; assert that the command ends as documented; whether it still ran."""
    run = subprocess.Popen(
        [sys.executable, "-m", "tflconv", *map(str, STAGES[stage])],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    time.sleep(after)
    while run.poll() is None and _cpu_seconds(run.pid) < STARTED:
        time.sleep(0.01)
    if run.poll() is not None:
        run.communicate()
        return False
    os.killpg(run.pid, signal.SIGINT)
    time.sleep(0.1)
    if run.poll() is None:
        os.killpg(run.pid, signal.SIGINT)
    _, stderr = run.communicate(timeout=120)
    assert "Traceback" not in stderr, stderr
    assert run.returncode in (0, 130), stderr
    assert [path for path in folder.rglob(".*") if path.name != ".store"] == []
    return True


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # not Linux
        return STARTED
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
