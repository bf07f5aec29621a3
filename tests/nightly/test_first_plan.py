"""What ``tflconv study init`` prints is run as it was printed, to its end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tflconv import results
from tflconv.pipeline import plan as plans

TFLCONV = [sys.executable, "-m", "tflconv"]


def test_the_first_plan_runs_as_it_is_printed(
    tmp_path: Path, tell: Callable[[str, str], None]
) -> None:
    plan, folder = tmp_path / "plan.toml", tmp_path / "run"
    printed = subprocess.run(
        [*TFLCONV, "study", "init"], capture_output=True, text=True, check=True
    )
    plan.write_text(printed.stdout, encoding="utf-8")
    ran = subprocess.run(
        [*TFLCONV, "study", "plan.toml", "-o", "run"], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    wanted = plans.load(plan).recipes
    measured = results.load(folder / "results.json").runs
    assert [run.model.recipe for run in measured] == list(wanted)
    assert all(run.accuracy and run.latency for run in measured)
    assert (folder / "report.html").is_file()
    files = len(list((folder / "models").glob("*.tflite")))
    best = max(run.accuracy.top1 for run in measured if run.accuracy)
    tell("`tflconv study init > plan.toml`, and that plan", f"{files} files, {best:.1%} right")
