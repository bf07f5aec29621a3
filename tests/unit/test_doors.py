"""What one door can say, all can: the command line, the Python functions and a plan.

The bytes that come out of the three are compared in ``tests/tf/test_doors_bytes.py``.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import click
import numpy as np
import pytest
from PIL import Image

import tflconv
from tflconv import api, cli, results
from tflconv.cli import LazyGroup
from tflconv.compression import QatConfig
from tflconv.pipeline import plan, study
from tflconv.pipeline.requests import (
    BenchRequest,
    CompressionRequest,
    ConversionRequest,
    TrainingRequest,
    VerificationRequest,
)
from tflconv.training import DistillConfig

GOLDEN = Path(__file__).parents[1] / "golden" / "models"

OF_THE_DOOR = {
    "train": {"output", "as_json"},
    "compress": {"output", "as_json"},
    "convert": {"output", "as_json"},
    "verify": {"export_json", "as_json", "max_drop", "min_agreement", "app_log"},
    "bench": {"export_json", "export_csv", "export_markdown", "again", "as_json"},
}
"""Where results go, what is thought of them, and what an app said, which no study can know."""

CLI_TO_API = {
    "train": {"texts": "options"},
    "compress": {},
    "convert": {"no_card": "with_card", "output": "folder"},
    "verify": {"name": "dataset"},
    "bench": {"serials": "devices", "no_history": "history"},
}

CLI_TO_PLAN: Mapping[str, Mapping[str, str]] = {
    "train": {
        "model": "models.model",
        "texts": "models.options",
        "augment": "models.training.augment",
        "seed": "models.seed",
        **{
            name: f"models.training.{name}"
            for name in (
                "epochs", "batch_size", "learning_rate", "warmup_ratio", "weight_decay",
                "label_smoothing", "ema_decay", "patience", "mixup", "cutmix", "erasing",
                "strategy", "precision", "freeze_epochs", "unfreeze_epochs",
            )
        },
        **{
            name: f"models.{name}"
            for name in (
                "teacher", "teacher_normalize", "custom_objects", "weights", "weights_sha256",
            )
        },
        **{
            f"distill_{name}": f"models.distill.{name}"
            for name in (
                "targets", "temperature", "alpha", "views", "features", "feature_loss", "beta",
            )
        },
    },
    "compress": {
        "model": "models.model",
        "recipe": "models.recipes",
        "normalize": "models.normalize",
        "resize": "models.resize",
        "labels": "models.labels",
        "custom_objects": "models.custom_objects",
        "seed": "models.seed",
    },
    "convert": {
        "model": "models.model",
        "recipes": "models.recipes",
        "calibration": "calibration.source",
        "calibration_count": "calibration.count",
        "calibration_method": "calibration.method",
        "normalize": "models.normalize",
        "resize": "models.resize",
        "labels": "models.labels",
        "custom_objects": "models.custom_objects",
        "signature": "models.signature",
        "no_card": "with_card",
        "seed": "models.seed",
        **{
            f"qat_{name}": f"qat.{name}"
            for name in ("engine", "epochs", "batch_size", "learning_rate", "ema_decay", "bits")
        },
    },
    "verify": {
        "reference": "models.model",
        "target": "models.recipes",
        "name": "dataset",
        "pictures": "evaluation.pictures",
        "normalize": "models.normalize",
        "resize": "models.resize",
        "labels": "models.labels",
        "custom_objects": "models.custom_objects",
        "signature": "models.signature",
        "seed": "models.seed",
    },
    "bench": {
        "files": "models.model",
        "serials": "devices",
        "dataset": "evaluation.on_device",
        "pictures": "evaluation.pictures",
        "reference": "models.model",
        "normalize": "models.normalize",
        "resize": "models.resize",
        "labels": "models.labels",
        "use_gpu": "bench.accelerator",
        "adb": "--adb",
        "adb_servers": "--adb_servers",
        "history": "--history",
        "no_history": "--no_history",
        "runtime": "--runtime",
    },
}  # fmt: skip
"""Where a plan says what an option says; ``--`` are options of ``tflconv study``, for they are of
the machine and not of the study. An option that is not here has the same name in the plan, in
``bench`` for the settings of a measurement.
"""


AS_ONE_VALUE: Mapping[str, Any] = {"qat": QatConfig, "distill": DistillConfig}
"""Settings that Python takes as one value, and the command line as options of that prefix."""


def options_of(command: str) -> dict[str, click.Parameter]:
    """The parameters of a command by the names that its function takes."""
    found = LazyGroup().get_command(click.Context(cli.group), command)
    assert found is not None
    return {str(parameter.name): parameter for parameter in found.params}


def said_by_plans() -> set[str]:
    """Every key of a plan, as ``models.training.epochs``."""
    return set(_keys(plan.Plan, ""))


def _keys(kind: type, prefix: str) -> list[str]:
    hints, found = get_type_hints(kind), []
    for field in fields(kind):  # type: ignore[arg-type]
        hint = hints[field.name]
        inner = get_args(hint)[0] if get_origin(hint) is tuple else hint
        name = prefix + field.name
        found += [name, *(_keys(inner, f"{name}.") if is_dataclass(inner) else [])]
    return found


@pytest.mark.parametrize("command", OF_THE_DOOR)
def test_python_can_say_what_the_command_line_can(command: str) -> None:
    parameters = inspect.signature(getattr(api, command)).parameters
    for name in options_of(command).keys() - OF_THE_DOOR[command]:
        told = CLI_TO_API[command].get(name, name)
        if told not in parameters:  # settings of QAT and distillation come as one value each
            owner, _, setting = name.partition("_")
            assert owner in AS_ONE_VALUE, f"tflconv.{command} cannot say {name}"
            assert owner in parameters
            assert setting in {f.name for f in fields(AS_ONE_VALUE[owner])}


@pytest.mark.parametrize("command", OF_THE_DOOR)
def test_the_command_line_can_say_what_python_can(command: str) -> None:
    said = {CLI_TO_API[command].get(name, name) for name in options_of(command)}
    own = {"progress", "folder", "output", "record", "again", *AS_ONE_VALUE}
    silent = inspect.signature(getattr(api, command)).parameters.keys() - said - own
    assert not silent


@pytest.mark.parametrize("command", OF_THE_DOOR)
def test_a_plan_can_say_what_the_command_line_can(command: str) -> None:
    keys, on_the_command_line = said_by_plans(), options_of("study")
    for name in options_of(command).keys() - OF_THE_DOOR[command]:
        place = CLI_TO_PLAN[command].get(name, name)
        if place.startswith("--"):
            assert place[2:] in on_the_command_line
        else:
            assert {place, f"bench.{place}"} & keys, f"a plan cannot say {command} --{name}"


@pytest.mark.parametrize("command", OF_THE_DOOR)
def test_defaults_are_the_same_everywhere(command: str) -> None:
    parameters = inspect.signature(getattr(api, command)).parameters
    context = click.Context(cli.group)
    for name, option in options_of(command).items():
        told = CLI_TO_API[command].get(name, name)
        if name in OF_THE_DOOR[command] or told not in parameters or option.multiple:
            continue
        default, given = parameters[told].default, option.get_default(context)
        if isinstance(default, bool):
            assert bool(given) == (default if name != "no_card" else not default), name
        elif isinstance(default, (int, float)):
            assert given == default, name


@pytest.mark.parametrize(
    ("request_of", "function"),
    [
        (TrainingRequest, api.train),
        (CompressionRequest, api.compress),
        (ConversionRequest, api.convert),
        (VerificationRequest, api.verify),
        (BenchRequest, api.bench),
    ],
)
def test_every_part_of_a_request_can_be_said(
    request_of: type, function: Callable[..., object]
) -> None:
    parameters = set(inspect.signature(function).parameters)
    parts = {field.name for field in fields(request_of)} - {"config", "name"}  # type: ignore[arg-type]
    assert parts <= parameters


@pytest.mark.parametrize(
    "function", ["train", "compress", "convert", "verify", "bench", "serve", "write_report"]
)
def test_a_misspelt_parameter_gets_the_nearest_word(function: str) -> None:
    known = list(inspect.signature(getattr(tflconv, function)).parameters)[-1]
    with pytest.raises(TypeError, match=rf"tflconv\.{function}: unknown parameter '{known}x'"):
        getattr(tflconv, function)(**{f"{known}x": 1})


def test_epoch_is_epochs() -> None:
    with pytest.raises(TypeError, match=r"unknown parameter 'epoch'\.\nDid you mean epochs"):
        tflconv.train("vit", "mnist-sample", "x.keras", epoch=3)  # type: ignore[call-arg]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Pictures of the classes that the golden model tells apart."""
    draw = np.random.default_rng(0)
    folder = tmp_path / "shapes"
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for number in range(10):
            pixels = draw.integers(0, 256, (8, 8), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


CLASSES = ("one", "two", "zero")
QUICK: dict[str, Any] = {
    "num_runs": 3, "min_secs": 0.0, "warmup_min_secs": 0.0, "rate_secs": 0.2, "profile_runs": 1,
}  # fmt: skip
PLAN = """
name = "theirs"
dataset = "{pictures}"
recipes = ["fp32"]
evaluation = {{ on_device = true }}

[[models]]
model = "{model}"
labels = "{labels}"

[bench]
{settings}
"""


def test_a_measurement_has_the_same_settings_and_answers(pictures: Path, tmp_path: Path) -> None:
    source = GOLDEN / "tiny_float32.tflite"
    settings = "\n".join(f"{name} = {value}" for name, value in QUICK.items())
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(CLASSES))  # the model has another order, the folders have this
    text = PLAN.format(pictures=pictures, model=source, labels=labels, settings=settings)
    planned = plan.parse(text)
    outcome = study.run(planned, tmp_path / "run")
    assert not outcome.failures
    (studied,) = outcome.results.runs
    made = tmp_path / "run" / "models" / f"{studied.model.slug}.tflite"
    (python,) = tflconv.bench([made], dataset=str(pictures), **QUICK).runs
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in QUICK.items()]
    file = tmp_path / "results.json"
    with pytest.raises(SystemExit) as ended:
        cli.main(
            ["bench", str(made), *flags, "--dataset", str(pictures), "--export-json", str(file)]
        )
    assert ended.value.code == 0
    (command,) = results.load(file).runs
    assert studied.config == python.config == command.config
    assert json.loads(file.read_text())["runs"][0]["config"]["num_runs"] == 3
    seen = [run.accuracy for run in (studied, python, command)]
    assert len({(a.correct, a.total, a.where) for a in seen if a is not None}) == 1
    assert {run.conditions.pictures_digest for run in (studied, python, command)} != {None}
