"""The plans of the three studies run to their end with all of their parts, small."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tflconv import results
from tflconv.pipeline import planning
from tflconv.pipeline.planning import Parts

STUDIES = Path(__file__).parents[2] / "studies"


@pytest.mark.timeout(0)
@pytest.mark.parametrize("study", ["mobile-vit", "resnet-service", "ecommerce"])
def test_a_study_runs_quickly(study: str, tmp_path: Path, tell: Callable[[str, str], None]) -> None:
    plan, out, before = STUDIES / study / "plan.toml", tmp_path / "run", cpu_seconds()
    command = [sys.executable, "-m", "tflconv", "study", plan, "--quick", "--no-history", "-o", out]
    fresh = os.environ | {"TFLCONV_DATA_DIR": str(tmp_path / "data")}  # nothing was fetched
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=fresh)
    assert done.returncode == 0, done.stderr
    spent = cpu_seconds() - before
    loaded = planning.study(plan, quick=True)
    plans = loaded.plans if isinstance(loaded, Parts) else {"": loaded}
    for name, part in plans.items():
        wanted = sum(len(part.recipes_of(model)) for model in part.models) * len(part.devices)
        assert len(results.load(out / name / "results.json").runs) == wanted
        assert part.name in (out / name / "report.html").read_text(encoding="utf-8")
    runs = len(results.load(out / "results.json").runs)
    parts = f"{len(plans)} {'plan' if len(plans) == 1 else 'plans'}"
    ran = f"`tflconv study {study}/plan.toml --quick`"
    tell(ran, f"{parts} to the end, {runs} runs, {spent:.0f} s of processor time")


def cpu_seconds() -> float:
    """What children that have ended used, with theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
