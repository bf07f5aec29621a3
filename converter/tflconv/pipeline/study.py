"""The straight line from a plan to results; it knows nothing of any stage's inside.

Models are trained, converted and verified in worker processes, side by side (``lane``).
Then each file is measured on each device, one at a time, with nothing else of ours running, and at
the end the report is drawn. What the store holds already is skipped, and results are written after
every run, so that a crash or a pulled cable costs one cell of the table.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tflconv import benchmark, device, results
from tflconv.benchmark import Laboratory
from tflconv.core.files import sha256_file, sha256_json, write_bytes, write_text
from tflconv.core.jsonvalue import JsonValue
from tflconv.core.store import Store
from tflconv.core.versions import versions
from tflconv.core.workers import Say, run_in_processes
from tflconv.device import Device
from tflconv.errors import TflconvError
from tflconv.pipeline.lane import Candidate, Lane, prepare
from tflconv.pipeline.plan import Plan
from tflconv.results import BenchmarkRun, Results

STORE = ".store"
RESULTS = "results.json"
REPORT = "report.html"
MODELS = "models"
PLOTS = "plots"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A cell of the table that is missing or not what was asked for, and why."""

    cell: str
    error: TflconvError


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """All runs that worked, what did not, and what the dataset is to be warned of."""

    results: Results
    failures: tuple[Failure, ...]
    warnings: tuple[str, ...] = ()


def run(plan: Plan, folder: Path, *, say: Say, again: bool = False) -> Outcome:
    """Run ``plan``; leave models, ``results.json``, plots and ``report.html`` in ``folder``.

    ``again`` measures what was measured before. A cell that fails is told in the outcome; only
    what concerns the whole study is raised.
    """
    store = Store(folder / STORE)
    candidates, failures, warnings = _prepared(plan, store, say)
    found, laboratory = Results(context=_context(plan, warnings)), Laboratory()
    for name in plan.devices:
        for candidate in candidates:
            _keep(candidate, folder / MODELS)
            try:
                place = device.find(name)
                run = _measured(candidate, place, laboratory, plan, store, say, again=again)
            except TflconvError as error:
                failures.append(Failure(cell=f"{candidate.model.slug} on {name}", error=error))
            else:
                found = found.with_run(run)
                found.save(folder / RESULTS)
    if found.runs:
        _report(found, folder, store)
    return Outcome(results=found, failures=tuple(failures), warnings=warnings)


def _prepared(
    plan: Plan, store: Store, say: Say
) -> tuple[list[Candidate], list[Failure], tuple[str, ...]]:
    lanes = [Lane(plan=plan, model=model, store=store) for model in plan.models]
    candidates, failures, warnings = list[Candidate](), list[Failure](), dict[str, None]()
    try:
        answers = run_in_processes(prepare, lanes, say=say)
    finally:
        store.sweep()
    for lane, answer in zip(lanes, answers, strict=True):
        if isinstance(answer, TflconvError):
            failures.append(Failure(cell=lane.model.title, error=answer))
            continue
        candidates += answer.candidates
        warnings |= dict.fromkeys(answer.warnings)
        failures += (Failure(cell=cell, error=error) for cell, error in answer.failures)
    return candidates, failures, tuple(warnings)


def _measured(
    candidate: Candidate,
    place: Device,
    laboratory: Laboratory,
    plan: Plan,
    store: Store,
    say: Say,
    *,
    again: bool,
) -> BenchmarkRun:
    """The run of ``candidate`` on ``place``, from the store if nothing of it has changed."""
    installed = laboratory.harness(place)
    inputs = {
        "model": asdict(candidate.model),
        "device": asdict(place.info()),
        "config": plan.bench.to_json(),
        "harness": installed.software.sha256,
        "runtime": installed.runtime.software.sha256,
    }

    def measure(target: Path) -> None:
        say(candidate.model.slug, f"measuring on {place.id}")
        identity = candidate.model
        run = benchmark.bench(
            candidate.path, place, plan.bench, identity=identity, laboratory=laboratory
        )
        Results(runs=(run,)).save(target / RESULTS)

    if again:
        store.discard("bench", inputs)
    entry = store.fetch("bench", inputs, measure)
    (run,) = results.load(entry.path / RESULTS).runs
    warnings = (*run.warnings, *candidate.warnings)
    return replace(run, accuracy=candidate.accuracy, warnings=warnings)


def _keep(candidate: Candidate, folder: Path) -> None:
    """Leave the model file under its slug, where a user looks for it."""
    target = folder / f"{candidate.model.slug}.tflite"
    if not target.exists() or sha256_file(target) != candidate.model.sha256:
        write_bytes(target, candidate.path.read_bytes())


def _report(found: Results, folder: Path, store: Store) -> None:
    """Draw the report, unless it was drawn of these very results."""

    def draw(target: Path) -> None:
        from tflconv.report import html, plots

        write_text(target / REPORT, html.to_html(found))
        plots.write(found, target / PLOTS)

    inputs = {"results": found.to_json(), "versions": versions("tflconv", "matplotlib")}
    drawn = store.fetch("report", {"of": sha256_json(inputs)}, draw).path
    shutil.copy(drawn / REPORT, folder / REPORT)
    shutil.copytree(drawn / PLOTS, folder / PLOTS, dirs_exist_ok=True)


def _context(plan: Plan, warnings: tuple[str, ...]) -> dict[str, JsonValue]:
    return {
        "title": plan.name,
        "plan": asdict(plan),
        "warnings": list(warnings),
        "versions": versions("tflconv", "tensorflow", "tf_keras", "ai-edge-quantizer"),
    }
