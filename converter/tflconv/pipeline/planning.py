"""The plan that is run: that of a file, with its paths found, and what a call adds to it.

A file may name the plans of its parts instead; then each of them is read, and changed, like one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from tflconv.compression.technique import TECHNIQUES
from tflconv.core.text import file_name
from tflconv.data import names as dataset_names
from tflconv.errors import UsageError
from tflconv.pipeline import checking, known_models
from tflconv.pipeline import plan as plans
from tflconv.pipeline import quick as quick_runs
from tflconv.pipeline.plan import Plan
from tflconv.pipeline.plan_parts import ModelPlan
from tflconv.training.config import is_address

Find = Callable[[str], str]


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A study of several plans.

    Attributes:
        name: Title of the study.
        plans: Its parts by name, which is that of their folder in the output, too.
    """

    name: str
    plans: Mapping[str, Plan]


def study(path: Path, *, devices: Sequence[str] = (), quick: bool = False) -> Plan | Parts:
    """Read the study at ``path``, a plan or several, as ``changed`` for a call.

    Raises:
        UsageError: A plan has a mistake, or a part is none; the message has the file.
    """
    loaded = plans.load_study(path, partial(_check, folder=path.parent))
    if isinstance(loaded, Plan):
        return changed(_with_files(loaded, path), devices=devices, quick=quick)
    parts = dict[str, Plan]()
    for file in loaded.parts:
        part = path.parent / file
        name = file_name(part.stem if part.stem != "plan" else part.resolve().parent.name)
        if name in parts:
            raise UsageError(
                f"{path}: two parts are called '{name}'.",
                hint="A part is called like its file, or like its folder if that is plan.toml.",
            )
        parts[name] = changed(read(part), devices=devices, quick=quick)
    return Parts(name=f"{loaded.name}, quick" if quick else loaded.name, plans=parts)


def read(path: Path) -> Plan:
    """Read the plan at ``path``; a relative path in it is looked for beside it first.

    Raises:
        UsageError: The plan has a mistake; the message has file and line.
    """
    return _with_files(plans.load(path, partial(_check, folder=path.parent)), path)


def _check(plan: Plan, folder: Path) -> None:
    """Raise ``TflconvError`` for what ``plan`` names and is not there, or not in ``folder``."""
    checking.plan(beside(plan, folder))


def _with_files(plan: Plan, path: Path) -> Plan:
    """Return the plan of the file ``path`` with its own files found, and its quick run checked."""
    located = beside(plan, path.parent)
    try:
        quick_runs.of(located)
    except UsageError as error:
        raise UsageError(f"{path}: {error.message}", hint=error.hint) from error
    return located


def changed(plan: Plan, *, devices: Sequence[str] = (), quick: bool = False) -> Plan:
    """Return ``plan`` as a call asks for it.

    Args:
        plan: What a file says, or the demo.
        devices: Devices to measure on, too.
        quick: Whether to run it quickly, as its table ``quick`` says.

    Raises:
        UsageError: The table ``quick`` does not fit the plan.
    """
    chosen = quick_runs.of(plan) if quick else plan
    return replace(chosen, devices=tuple(dict.fromkeys((*chosen.devices, *devices))))


def beside(plan: Plan, folder: Path) -> Plan:
    """Return ``plan`` with each file that lies in ``folder``, its own, named from there.

    What is not there stays as it is written: a name, an absolute path, or a path from the folder
    that tflconv was started in.
    """

    def find(name: str) -> str:
        return str(folder / name) if name and (folder / name).exists() else name

    def find_pictures(name: str) -> str:
        return name if name in dataset_names() else find(name)

    titles = {model.title for model in plan.models}
    quick, calibration = plan.quick, plan.calibration
    return replace(
        plan,
        dataset=find_pictures(plan.dataset),
        models=tuple(_model(model, find, find_pictures, titles) for model in plan.models),
        calibration=replace(calibration, source=_if_any(find_pictures, calibration.source)),
        settings={name: _table(name, table, find) for name, table in plan.settings.items()},
        bench=replace(plan.bench, input_file=find(plan.bench.input_file)),
        quick=replace(quick, dataset=_if_any(find_pictures, quick.dataset)),
    )


def _model(model: ModelPlan, find: Find, pictures: Find, titles: set[str]) -> ModelPlan:
    return replace(
        model,
        model=find(model.model) if model.is_file else model.model,
        dataset=_if_any(pictures, model.dataset),
        teacher=model.teacher if model.teacher in titles else _if_any(find, model.teacher),
        weights=model.weights if model.weights in titles else _weights(model, find),
        custom_objects=_if_any(find, model.custom_objects),
        labels=_if_any(find, model.labels),
    )


def _weights(model: ModelPlan, find: Find) -> str | None:
    """The file that a model starts from, or the one of ``$TFLCONV_MODEL_DIR`` with its hash."""
    named = _if_any(find, model.weights)
    if named is None or model.weights_sha256 is None or Path(named).exists():
        return named
    known_file = None if is_address(named) else known_models.find(model.weights_sha256)
    return str(known_file or named)


def _table(technique: str, table: Mapping[str, Any], find: Find) -> Mapping[str, Any]:
    """Settings of a step, some of which are files."""
    files = TECHNIQUES[technique].config.FILES
    return {key: find(value) if key in files else value for key, value in table.items()}


def _if_any(find: Find, name: str | None) -> str | None:
    return None if name is None else find(name)
