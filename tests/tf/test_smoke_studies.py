"""The plans of the three studies run to their end, small, with all of their parts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tflconv import results
from tflconv.pipeline import planning
from tflconv.pipeline.planning import Parts
from tflconv.results import BenchmarkRun

STUDIES = Path(__file__).parents[2] / "studies"

RIGHT = {
    "small/mnist-0": 970,
    "int8-vit/vit_int8": 970,
    "full-mnist/vit": 970,
    "compact/compact100-0": 900,
    "resnet8": 500,
}
"""Pictures of 1000 that trained networks get right at least; the last had four epochs."""


@pytest.mark.parametrize("study", ["mobile-vit", "resnet-service", "ecommerce"])
def test_a_study_runs_quickly(study: str, tmp_path: Path) -> None:
    out, plan = tmp_path / "run", STUDIES / study / "plan.toml"
    command = [sys.executable, "-m", "tflconv", "study", plan, "--quick", "-o", out]
    done = subprocess.run(
        [*command, "--no-history"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    runs = results.load(out / "results.json").runs
    planned = planning.study(plan, quick=True)
    parts = planned.plans if isinstance(planned, Parts) else {"": planned}
    for name, part in parts.items():
        wanted = sum(len(part.recipes_of(model)) for model in part.models) * len(part.devices)
        assert len(results.load(out / name / "results.json").runs) == wanted
        assert part.name in (out / name / "report.html").read_text(encoding="utf-8")
    known = [run for run in runs if run.model.name in RIGHT]
    assert known
    for run in known:
        assert run.device.id == "arm64:cortex-a76"
        assert run.accuracy is not None
        assert run.accuracy.total == 1000
        assert run.accuracy.correct > RIGHT[run.model.name]
    for name in {run.model.name for run in known}:
        check_smaller(*(run for run in known if run.model.name == name))


def check_smaller(whole: BenchmarkRun, small: BenchmarkRun) -> None:
    """The INT8 file costs less than the float one."""
    assert (whole.model.recipe, small.model.recipe) == ("fp32", "static_wi8_ai8")
    assert whole.instructions is not None
    assert small.instructions is not None
    assert small.model.bytes < 0.4 * whole.model.bytes
    if "full-mnist" not in whole.model.name:  # a plain transformer gains nothing by full INT8
        assert small.instructions.total < 0.5 * whole.instructions.total
