"""The files of the INT8 ViT study still do what its README says: accuracy, partitions, counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tflconv import data, model_card
from tflconv.artifact import ModelArtifact
from tflconv.benchmark import BenchmarkConfig, bench
from tflconv.device import emulator
from tflconv.interpreter import Interpreter
from tflconv.results import Model

STUDY = Path(__file__).parents[2] / "studies" / "int8-vit"
FILES = {path.stem: path for path in sorted((STUDY / "models").glob("*.tflite"))}
RECORDED = {
    run["model"]["slug"]: run for run in json.loads((STUDY / "arm64.json").read_text())["runs"]
}
NATIVE = "vit_int8-mnist-static_wi8_ai8"
SELECTIVE = "vit-mnist-selective_wi8_ai8"


def instructions(slug: str) -> int:
    return int(RECORDED[slug]["instructions"]["total"])


def test_files_are_those_that_were_measured() -> None:
    assert set(FILES) == {NATIVE, SELECTIVE}
    for slug, path in FILES.items():
        assert ModelArtifact.of(path).sha256 == RECORDED[slug]["model"]["sha256"]
        assert path.stat().st_size < 1_000_000


def test_recorded_figures_reach_the_goals() -> None:
    assert instructions(NATIVE) <= 1_000_000
    assert FILES[NATIVE].stat().st_size <= 380_000
    assert instructions("vit_int8-mnist-fp32") / instructions(NATIVE) >= 3.0
    assert instructions("vit-mnist-fp32") / instructions(NATIVE) >= 10
    assert instructions("vit-mnist-fp32") / instructions(SELECTIVE) >= 1.9


def test_int8_native_vit_runs_in_one_partition() -> None:
    assert Interpreter(FILES[NATIVE]).partitions == 1


@pytest.mark.parametrize(("slug", "accuracy"), [(NATIVE, 0.98), (SELECTIVE, 0.97)])
def test_accuracy_on_the_bundled_pictures(slug: str, accuracy: float) -> None:
    card = model_card.read(FILES[slug])
    assert card is not None
    sample = data.load("mnist-sample", resolution=32, channels=3)
    logits = Interpreter(FILES[slug]).predict(sample.test.images)
    assert card.labels == sample.classes
    assert (logits.argmax(1) == sample.test.labels).mean() >= accuracy


def test_instructions_are_counted_again(arm64: None) -> None:
    path = FILES[NATIVE]
    identity = Model(
        slug=NATIVE,
        name="vit_int8",
        recipe="static_wi8_ai8",
        sha256=ModelArtifact.of(path).sha256,
        bytes=path.stat().st_size,
    )
    run = bench(
        path,
        emulator.find("cortex-a76"),
        BenchmarkConfig(num_runs=1, min_secs=0, profile_runs=0),
        identity=identity,
    )
    assert run.instructions is not None
    assert run.instructions.total == pytest.approx(instructions(NATIVE), rel=0.02)
