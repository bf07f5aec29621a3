"""The plans of the three studies run to their end, small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tflconv import results

STUDIES = Path(__file__).parents[2] / "studies"

RIGHT = {"mobile-vit": 970, "resnet-service": 500, "ecommerce": 900}
"""Pictures of 1000 that are got right at least; the second network had four epochs."""

FILES = {
    "mobile-vit": {"mnist-0-mnist-sample-fp32", "mnist-0-mnist-sample-static_wi8_ai8"},
    "resnet-service": {"resnet8-mnist-sample-fp32", "resnet8-mnist-sample-static_wi8_ai8"},
    "ecommerce": {
        "compact100-0-fashion-mnist-sample-fp32",
        "compact100-0-fashion-mnist-sample-static_wi8_ai8",
    },
}


@pytest.mark.parametrize("study", FILES)
def test_a_study_runs_quickly(study: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    plan = STUDIES / study / "plan.toml"
    command = [sys.executable, "-m", "tflconv", "study", plan, "--quick", "-o", out]
    done = subprocess.run(
        [*command, "--no-history"], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    runs = {run.model.slug: run for run in results.load(out / "results.json").runs}
    assert set(runs) == FILES[study]
    whole, small = (runs[slug] for slug in sorted(FILES[study]))
    for run in (whole, small):
        assert run.device.id == "arm64:cortex-a76"
        assert run.accuracy is not None
        assert run.accuracy.total == 1000
        assert run.accuracy.correct > RIGHT[study]
    assert whole.instructions is not None
    assert small.instructions is not None
    assert small.instructions.total < 0.5 * whole.instructions.total
    assert small.model.bytes < 0.4 * whole.model.bytes
    assert f"{study}, quick" in (out / "report.html").read_text(encoding="utf-8")
