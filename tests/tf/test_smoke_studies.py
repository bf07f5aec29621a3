"""Parts of the three studies run small: four that start from trained networks, one that trains."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tflconv import results
from tflconv.results import BenchmarkRun, Results

STUDIES = Path(__file__).parents[2] / "studies"
PARTS = (
    "mobile-vit/small",
    "mobile-vit/int8-vit",
    "mobile-vit/full-mnist",
    "resnet-service",
    "ecommerce/compact",
)
RIGHT = {
    "small/mnist-0": 970,
    "int8-vit/vit_int8": 970,
    "full-mnist/vit": 970,
    "resnet-service/resnet8": 500,
    "compact/compact100-0": 900,
}
"""Pictures of 1000 that are got right at least; the fourth network had four epochs."""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """What one study of all these parts leaves."""
    folder = tmp_path_factory.mktemp("smoke")
    parts = [str(STUDIES / part / "plan.toml") for part in PARTS]
    (folder / "smoke.toml").write_text(f'name = "smoke"\nparts = {parts}\n', encoding="utf-8")
    command = [sys.executable, "-m", "tflconv", "study", "smoke.toml", "--quick", "-o", "run"]
    done = subprocess.run(
        [*command, "--no-history"], capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr
    for part in PARTS:
        assert (folder / "run" / Path(part).name / "report.html").is_file()
    return results.load(folder / "run" / "results.json")


def test_every_part_ran(measured: Results) -> None:
    assert {run.model.name for run in measured.runs} == RIGHT.keys()


@pytest.mark.parametrize("name", RIGHT)
def test_a_part_runs_quickly(name: str, measured: Results) -> None:
    whole, small = (run for run in measured.runs if run.model.name == name)
    assert (whole.model.recipe, small.model.recipe) == ("fp32", "static_wi8_ai8")
    for run in (whole, small):
        assert run.device.id == "arm64:cortex-a76"
        assert run.accuracy is not None
        assert run.accuracy.total == 1000
        assert run.accuracy.correct > RIGHT[name]
    assert small.model.bytes < 0.4 * whole.model.bytes
    if name != "full-mnist/vit":  # full INT8 makes no plain transformer faster
        assert counted(small) < 0.5 * counted(whole)


def counted(run: BenchmarkRun) -> float:
    assert run.instructions is not None
    return run.instructions.total
