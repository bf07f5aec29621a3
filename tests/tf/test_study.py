"""A study computes exactly what depends on what has changed, and nothing else."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tflconv import results
from tflconv.errors import UsageError, VerificationFailed
from tflconv.inspection import inspect
from tflconv.model.card import require_card
from tflconv.pipeline import plan, study
from tflconv.pipeline.plan import Amount, Plan
from tflconv.pipeline.plan_parts import CalibrationPlan
from tflconv.results import mistakes

PLAN = """
name = "tiny"
dataset = "{pictures}"
resolution = 8
recipes = ["fp32", "static_wi8_ai8"]
rewrite = "as-is"

[calibration]
count = 8

[bench]
num_runs = 3
min_secs = 0
warmup_min_secs = 0
rate_secs = 0.2
profile_runs = 1

[[models]]
model = "vit"
options = {{ patch = 4, dim = 8, depth = 1, heads = 2 }}
training = {{ epochs = {epochs}, batch_size = 16 }}
"""

PER_FILE = ("convert", "verify", "fidelity", "bench")
ALL = {"train": 1, "reference": 1, **dict.fromkeys(PER_FILE, 2), "report": 1}


@pytest.fixture(scope="module")
def first(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Path]:
    """The plan and the folder in which it ran once."""
    folder = tmp_path_factory.mktemp("study")
    planned = plan.parse(PLAN.format(pictures=pictures, epochs=2))
    assert run(planned, folder) == ALL
    return planned, folder


@pytest.fixture
def done(first: tuple[Plan, Path], tmp_path: Path) -> Iterator[tuple[Plan, Path]]:
    """The plan and a copy of the folder in which it ran once."""
    planned, folder = first
    shutil.copytree(folder, tmp_path / "study")
    return planned, tmp_path / "study"


def run(planned: Plan, folder: Path) -> dict[str, int]:
    """Run the study; return how many entries of each stage were built."""
    before = entries(folder)
    outcome = study.run(planned, folder)
    assert not outcome.failures, outcome.failures
    built = [key.parent.name for key, when in entries(folder).items() if before.get(key) != when]
    return {stage: built.count(stage) for stage in dict.fromkeys(built)}


def entries(folder: Path) -> dict[Path, int]:
    manifests = (folder / study.STORE).glob("*/*/manifest.json")
    return {file.parent: file.stat().st_mtime_ns for file in manifests}


def test_it_leaves_models_results_plots_and_report(done: tuple[Plan, Path]) -> None:
    planned, folder = done
    found = results.load(folder / "results.json")
    assert [run.model.recipe for run in found.runs] == list(planned.recipes)
    for run_ in found.runs:
        assert run_.model.sha256 == _sha256(folder / "models" / f"{run_.model.slug}.tflite")
        assert run_.latency is not None
        assert len(run_.latency.samples_ns) >= 3
        assert run_.accuracy is not None
        assert run_.accuracy.total > 0
        wrong = run_.accuracy.total - run_.accuracy.correct
        assert mistakes.pictures(run_.accuracy.confusions) == wrong
    curves: Any = found.context["training"]
    assert [row["epoch"] for row in curves["vit"]] == [1, 2]
    assert "<html" in (folder / "report.html").read_text()
    assert list((folder / "plots").glob("*.png"))


def test_a_second_run_computes_nothing(done: tuple[Plan, Path]) -> None:
    assert run(*done) == {}


def test_another_seed_computes_everything(done: tuple[Plan, Path]) -> None:
    planned, folder = done
    assert run(replace(planned, seed=1), folder) == ALL


def test_a_model_has_its_own_seed_and_recipes_and_a_graph_is_rewritten(
    done: tuple[Plan, Path],
) -> None:
    planned, folder = done
    (path,) = (folder / "models").glob("*-fp32.tflite")
    before = inspect.inspect(path)
    (model,) = planned.models
    own = replace(model, seed=5, recipes=("fp32",))
    grey = replace(
        planned,
        channels=1,
        rewrite="optimized",
        models=(own,),
        calibration=CalibrationPlan(),
    )
    assert run(grey, folder) == ALL | dict.fromkeys(PER_FILE, 1) | {"graph": 1}
    card, after = require_card(path), inspect.inspect(path)
    assert (card.seed, card.input_shape) == (5, (8, 8, 1))
    assert sum(row.count for row in after.ops) < sum(row.count for row in before.ops)


def test_what_was_chosen_once_is_not_chosen_again(done: tuple[Plan, Path]) -> None:
    planned, folder = done
    chosen = replace(planned, rewrite="auto", recipes=("fp32", "auto"))
    built = run(chosen, folder)
    assert (built["choice"], built["facts"]) == (2, 1)
    assert "train" not in built
    assert run(chosen, folder) == {}


def test_another_measurement_only_measures(done: tuple[Plan, Path]) -> None:
    planned, folder = done
    longer = replace(planned, bench=replace(planned.bench, num_runs=4))
    assert run(longer, folder) == {"bench": 2, "report": 1}


def test_another_calibration_only_makes_the_static_recipe_again(done: tuple[Plan, Path]) -> None:
    planned, folder = done
    fewer = replace(planned, calibration=replace(planned.calibration, count=4))
    again = {"convert": 1, "verify": 1, "fidelity": 2, "bench": 1, "report": 1}
    assert run(fewer, folder) == again, "both files are compared on the new samples"


def test_a_further_recipe_leaves_the_others_alone(done: tuple[Plan, Path]) -> None:
    planned, folder = done
    more = replace(planned, recipes=(*planned.recipes, "fp16"))
    assert run(more, folder) == dict.fromkeys((*PER_FILE, "report"), 1)


def test_one_changed_picture_computes_everything(
    done: tuple[Plan, Path], pictures: Path, tmp_path: Path
) -> None:
    planned, folder = done
    copy = shutil.copytree(pictures, tmp_path / pictures.name)
    moved = replace(planned, dataset=str(copy))
    assert run(moved, folder) == {"report": 1}, "it tells where the same pictures lie now"
    Image.fromarray(np.full((8, 8, 3), 61, np.uint8)).save(copy / "dark" / "00.png")
    changed = run(moved, folder)
    assert changed["train"] == 1
    assert changed["verify"] == 2


@pytest.mark.parametrize(
    ("file", "again"),
    [
        ("convert/*/*-static_wi8_ai8.tflite", {"convert": 1}),
        ("bench/*/results.json", {"bench": 1, "report": 1}),
        ("verify/*/verification.json", {"verify": 1}),
        ("reference/*/logits.npy", {"reference": 1}),
    ],
)
def test_one_changed_byte_makes_that_entry_again(
    done: tuple[Plan, Path], file: str, again: dict[str, int]
) -> None:
    planned, folder = done
    damaged = sorted((folder / study.STORE).glob(file))[0]
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    assert run(planned, folder) == again


def test_a_missed_threshold_is_told_and_measured_all_the_same(done: tuple[Plan, Path]) -> None:
    planned, folder = done
    outcome = study.run(replace(planned, min_cosine=Amount("100%")), folder)
    assert len(outcome.results.runs) == len(planned.recipes)
    assert {type(failure.error) for failure in outcome.failures} == {VerificationFailed}
    for failure in outcome.failures:
        assert any(failure.error.message in run.warnings for run in outcome.results.runs)


def test_a_lost_device_costs_its_cells_only(done: tuple[Plan, Path]) -> None:
    planned, folder = done
    two = replace(planned, devices=("adb:no-such-phone", "host"))
    outcome = study.run(two, folder)
    assert [run.device.id for run in outcome.results.runs] == ["host", "host"]
    assert [failure.error.exit_code for failure in outcome.failures] == [3, 3]


def test_an_unknown_model_is_told_before_anything_is_done(done: tuple[Plan, Path]) -> None:
    planned, folder = done
    broken = replace(planned, models=(replace(planned.models[0], model="vitt"), *planned.models))
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with pytest.raises(UsageError, match="Did you mean vit"):
        study.run(broken, folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_an_interrupted_training_goes_on(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(PLAN.format(pictures=pictures, epochs=400))
    command = [sys.executable, "-m", "tflconv", "study", tmp_path / "plan.toml", "-o"]
    study_run = subprocess.Popen(
        [*command, tmp_path / "out"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert study_run.stderr is not None
    for line in study_run.stderr:
        if "epoch 3 " in line:
            break
    os.killpg(study_run.pid, signal.SIGINT)
    time.sleep(0.05)
    os.killpg(study_run.pid, signal.SIGINT)
    _, rest = study_run.communicate(timeout=60)
    assert study_run.returncode == 130
    assert "Traceback" not in rest
    assert list((tmp_path / "out" / study.STORE / "unfinished").glob("*/*.state"))
    assert not list((tmp_path / "out" / study.STORE).glob("train/*"))
    again = subprocess.Popen(
        [*command, tmp_path / "out"], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert again.stderr is not None
    first_epoch = next(line for line in again.stderr if "epoch" in line)
    os.killpg(again.pid, signal.SIGINT)
    again.communicate(timeout=60)
    assert "epoch 1 " not in first_epoch


def _sha256(path: Path) -> str:
    from tflconv.core.files import sha256_file

    return sha256_file(path)
