"""The files of the INT8 ViT study still do what its README says: accuracy, partitions, counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tflconv import data, results
from tflconv.benchmark import BenchmarkConfig, bench
from tflconv.device import emulator
from tflconv.model.artifact import ModelArtifact
from tflconv.model.card import read_card, require_card
from tflconv.model.interpreter import Interpreter
from tflconv.pipeline import plan
from tflconv.results import MeasuredModel

STUDY = Path(__file__).parents[2] / "studies" / "mobile-vit" / "int8-vit"
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


def test_no_more_instructions_than_mobilenet_at_no_lower_accuracy() -> None:
    others = {run.model.slug: run for run in results.load(STUDY / "others.json").runs}
    mobilenet = others["mobilenet_v2-mnist-static_wi8_ai8"]
    assert mobilenet.instructions is not None
    assert mobilenet.accuracy is not None
    assert instructions(NATIVE) <= 1.5 * mobilenet.instructions.total
    assert RECORDED[NATIVE]["accuracy"]["correct"] >= mobilenet.accuracy.correct


def test_int8_costs_no_seed_more_than_a_third_of_a_point() -> None:
    correct = {
        run.model.slug: run.accuracy.correct
        for run in results.load(STUDY / "seeds.json").runs
        if run.accuracy
    }
    for seed in (1, 2, 3):
        name = f"vit_int8_seed{seed}-mnist"
        assert correct[f"{name}-fp32"] - correct[f"{name}-static_wi8_ai8"] <= 30
    for seed in (1, 2):
        name = f"vit_seed{seed}-mnist"
        assert correct[f"{name}-fp32"] - correct[f"{name}-selective_wi8_ai8"] <= 20


def test_training_with_rounding_won_back_most_of_what_four_bits_lost() -> None:
    correct = json.loads((STUDY / "asl.json").read_text())["correct"]
    lost = correct["8 bits"] - correct["4 bits"]
    assert lost > 0.01 * 4062
    assert correct["4 bits, trained"] - correct["4 bits"] > lost / 2


def test_the_plan_makes_the_networks_that_were_recorded() -> None:
    planned = plan.load(STUDY / "training.toml")
    assert planned.rewrite == "optimized"
    made = [
        f"{model.title}-mnist-{(model.recipes or planned.recipes)[-1]}" for model in planned.models
    ]
    assert sorted(made) == sorted(FILES)
    for model, slug in zip(planned.models, made, strict=True):
        card = require_card(FILES[slug])
        learned = {key: value for key, value in model.options.items() if key != "patch_dropout"}
        assert learned == card.options
        for name in ("batch_size", "learning_rate", "weight_decay"):
            assert getattr(model.training, name) == card.training[name]
        assert model.training.label_smoothing == card.training["smoothing"]  # as it was called


def test_the_text_says_what_new_weights_came_to() -> None:
    readme = (STUDY / "README.md").read_text(encoding="utf-8")
    right = {}
    for run in results.load(STUDY / "training.json").runs:
        assert run.accuracy is not None
        assert run.instructions is not None
        right[run.model.slug] = run.accuracy.correct
        cells = f"{run.model.bytes:,}".replace(",", " "), f"{run.accuracy.correct / 100:.2f} %"
        counted = f"{run.instructions.total / 1e6:.{2 + (run.model.slug == NATIVE)}f} M"
        rewritten = ", rewritten" if run.model.slug == "vit-mnist-fp32" else ""
        names = f"| `{run.model.name}` | `{run.model.recipe}`{rewritten} |"
        assert f"{names} {cells[0]} | {cells[1]} | {counted} |" in readme
    assert right[NATIVE] >= right["vit_int8-mnist-fp32"]
    assert right[SELECTIVE] >= right["vit-mnist-fp32"]
    for slug, words in ((NATIVE, "{:.2f} points below the"), (SELECTIVE, "and {:.2f} below the")):
        behind = (RECORDED[slug]["accuracy"]["correct"] - right[slug]) / 100
        assert words.format(behind) in " ".join(readme.split())


def test_the_curves_are_those_of_the_files() -> None:
    curves = json.loads((STUDY / "curves.json").read_text())
    for path in FILES.values():
        card = require_card(path)
        assert curves[card.model] == [row["val"] for row in card.training["history"]]


def test_int8_native_vit_runs_in_one_partition() -> None:
    assert Interpreter(FILES[NATIVE]).partitions == 1


@pytest.mark.parametrize(("slug", "accuracy"), [(NATIVE, 0.98), (SELECTIVE, 0.97)])
def test_accuracy_on_the_bundled_pictures(slug: str, accuracy: float) -> None:
    card = read_card(FILES[slug])
    assert card is not None
    sample = data.load("mnist-sample", resolution=32, channels=3)
    logits = Interpreter(FILES[slug]).predict(sample.test.images)
    assert card.labels == sample.classes
    assert (logits.argmax(1) == sample.test.labels).mean() >= accuracy


@pytest.mark.parametrize("slug", [NATIVE, SELECTIVE])
def test_instructions_are_counted_again(slug: str, arm64: None) -> None:
    path = FILES[slug]
    name, _, recipe = slug.split("-")
    identity = MeasuredModel(
        slug=slug,
        name=name,
        recipe=recipe,
        sha256=ModelArtifact.of(path).sha256,
        bytes=path.stat().st_size,
    )
    run = bench(
        path,
        emulator.find("cortex-a76"),
        BenchmarkConfig(num_runs=1, min_secs=0, profile_runs=1),
        identity=identity,
    )
    assert run.instructions is not None
    assert run.instructions.total == pytest.approx(instructions(slug), rel=0.02)
    assert run.graph is not None
    assert run.graph.partitions == RECORDED[slug]["graph"]["partitions"]
