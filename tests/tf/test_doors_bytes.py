"""The command line, the Python functions and a study give equal bytes for equal settings.

``tests/unit/test_doors.py`` holds that all of them can say the same.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tflconv
from tflconv import cli, conversion, recipe
from tflconv.compression import QatConfig
from tflconv.conversion import Rewrite, tracing
from tflconv.core.progress import silent
from tflconv.core.store import Store
from tflconv.network import passes
from tflconv.network.keras import opened
from tflconv.pipeline import plan
from tflconv.pipeline.meaning import RecipeOptions
from tflconv.pipeline.plan import Plan
from tflconv.pipeline.plan_parts import CalibrationPlan
from tflconv.pipeline.prepared import Prepared
from tflconv.pipeline.stages import prepare
from tflconv.pipeline.study_model import StudyModel

SEED = 3
OPTIONS = {"width": 16, "blocks": 1}
TRAINING = {"epochs": 1, "batch_size": 16, "warmup_ratio": 0.2, "label_smoothing": 0.05}
QAT = {"epochs": 1, "batch_size": 16}
PLAN = """
name = "doors"
dataset = "{pictures}"
recipes = ["fp32"]
seed = 3

[[models]]
model = "resnet"
options = {{ width = 16, blocks = 1 }}
training = {{ epochs = 1, batch_size = 16, warmup_ratio = 0.2, label_smoothing = 0.05 }}
"""


@pytest.fixture(scope="module")
def planned(pictures: Path) -> Plan:
    return plan.parse(PLAN.format(pictures=pictures))


def command(*arguments: object) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([*map(str, arguments)])
    assert ended.value.code == 0


def studied(planned: Plan, store: Path) -> Prepared:
    """What a study makes of its first model, before anything is measured."""
    made = prepare(StudyModel(plan=planned, model=planned.models[0], store=Store(store)), silent)
    assert not made.failures, made.failures
    return made


@pytest.fixture(scope="module")
def store(planned: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which the model of the plan is trained."""
    folder = tmp_path_factory.mktemp("store")
    studied(planned, folder)
    return folder


@pytest.fixture(scope="module")
def trained(store: Path) -> Path:
    (path,) = store.glob("train/*/model.keras")
    return path


def test_a_training_of_a_seed_is_one_file(trained: Path, pictures: Path, tmp_path: Path) -> None:
    by_python, by_command = tmp_path / "python.keras", tmp_path / "command.keras"
    tflconv.train("resnet", str(pictures), by_python, options=OPTIONS, seed=SEED, **TRAINING)
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in TRAINING.items()]
    flags += [f"--option={name}={value}" for name, value in OPTIONS.items()]
    command("train", "resnet", "--dataset", pictures, "-o", by_command, "--seed", SEED, *flags)
    assert by_python.read_bytes() == by_command.read_bytes() == trained.read_bytes()


MODES: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
    ("as-is", ("fp32", "fp16", "dynamic_wi8_afp32", "selective_wi8_ai8", "static_wi8_ai16"), {}),
    ("as-is", ("static_wi8_ai8", "static_wi4_ai8"), {"io": "uint8", "strip": True}),
    ("optimized", ("fp32", "static_wi8_ai8", "selective_wi8_ai8"), {}),
    ("optimized", ("static_wi8_ai8_tensorwise",), {"with_card": False}),
    ("unfused", ("fp32",), {}),
    ("auto", ("auto", "static_wi8_ai8"), {}),
    ("as-is", ("qat_static_wi8_ai8", "unfused_fp32"), {}),
    ("optimized", ("qat_selective_wi8_ai8",), {}),
]


@pytest.mark.parametrize(
    ("rewrite", "recipes", "settings"), MODES, ids=lambda v: "-".join(v) if v else "plain"
)
def test_each_file_is_the_same_by_every_door(
    rewrite: Any,
    recipes: tuple[str, ...],
    settings: dict[str, Any],
    trained: Path,
    planned: Plan,
    store: Path,
    tmp_path: Path,
) -> None:
    wanted = RecipeOptions(calibration_count=8, qat=QatConfig(epochs=1, batch_size=16))
    used = wanted.used_by(list(map(recipe.get, recipes)))
    by_python = tflconv.convert(
        trained,
        recipes,
        tmp_path / "python",
        rewrite=rewrite,
        calibration_count=used.calibration_count,
        dataset=planned.dataset,
        qat=used.qat,
        seed=SEED,
        **settings,
    )
    flags = [f"--recipe={name}" for name in recipes]
    flags += [f"--io={settings['io']}"] if "io" in settings else []
    flags += ["--strip"] if settings.get("strip") else []
    flags += ["--no-card"] if settings.get("with_card") is False else []
    if used.qat != QatConfig():
        flags += [f"--qat-{name.replace('_', '-')}={value}" for name, value in QAT.items()]
    flags += [f"--calibration-count={used.calibration_count}"]
    flags += ["--rewrite", rewrite, "--seed", str(SEED)]
    command("convert", trained, "-o", tmp_path / "command", "--dataset", planned.dataset, *flags)
    calibration = CalibrationPlan(count=used.calibration_count)
    said = {"calibration": calibration, "qat": used.qat, **settings}
    own = replace(planned, recipes=recipes, rewrite=rewrite, **said)
    candidates = studied(own, store).candidates
    for python, candidate in zip(by_python, candidates, strict=True):
        content = python.read_bytes()
        assert content == (tmp_path / "command" / python.name).read_bytes(), python.name
        assert content == candidate.path.read_bytes(), python.name


def test_what_was_opened_before_changes_no_byte(pictures: Path, tmp_path: Path) -> None:
    """An attention has a softmax without a name, which Keras numbers through the process."""
    source = tmp_path / "vit.keras"
    small = {"patch": 4, "dim": 8, "depth": 1, "heads": 2}
    tflconv.train("vit", str(pictures), source, options=small, epochs=1, batch_size=16)
    program = "import sys, tflconv; tflconv.convert(sys.argv[1], ['fp16'], sys.argv[2])"
    subprocess.run([sys.executable, "-c", program, source, tmp_path / "alone"], check=True)
    for turn in range(2):
        (made,) = tflconv.convert(source, ["fp16"], tmp_path / str(turn))
        assert made.read_bytes() == (tmp_path / "alone" / made.name).read_bytes()


def test_what_recipes_share_is_made_once(
    trained: Path, planned: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Counted by calls of the functions themselves, which go on to do their work."""
    calls: list[str] = []
    for module, name in (
        (opened, "open_model"),
        (passes, "optimize"),
        (tracing, "lower"),
        (conversion.preparation, "measure_with_answers"),
    ):
        monkeypatch.setattr(module, name, counted(getattr(module, name), name, calls))
    recipes = ("fp32", "fp16", "dynamic_wi8_afp32", "static_wi8_ai8", "static_wi8_ai16")

    def made(rewrite: Rewrite, *more: str) -> list[str]:
        calls.clear()
        folder = tmp_path / rewrite
        names = [*recipes, *more]
        tflconv.convert(trained, names, folder, dataset=planned.dataset, rewrite=rewrite)
        return sorted(calls)

    assert made("as-is") == ["lower", "measure_with_answers", "open_model"]
    assert made("auto") == ["lower", "measure_with_answers", "open_model", "optimize"], (
        "no pass changes it"
    )
    expected = ["lower", "lower", "lower", "measure_with_answers", "open_model", "optimize"]
    assert made("optimized", "unfused_fp32") == expected, "and the unfused one"


def test_a_study_makes_it_once_too(
    planned: Plan, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    for module, name in ((opened, "open_model"), (passes, "optimize"), (tracing, "lower")):
        monkeypatch.setattr(module, name, counted(getattr(module, name), name, calls))
    five = ("fp16", "dynamic_wi8_afp32", "weight_only_wi8_afp32", "static_wi8_ai8", "fp32")
    studied(replace(planned, recipes=five, rewrite="optimized", io="float32", seed=4), store)
    assert sorted(calls) == ["lower", "lower", "open_model", "optimize"]


def counted(function: Callable[..., Any], name: str, calls: list[str]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        calls.append(name)
        return function(*args, **kwargs)

    return call
