"""A study of several plans: each is run into a folder of its own, and all runs stand in one file.

Everything in all plans is checked before the first of them runs. What ends one of them does not end
the others, and a second run does again what is missing, as with one plan.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from tflconv.core import outputs
from tflconv.core.progress import Callback, Progress, silent
from tflconv.errors import TflconvError
from tflconv.pipeline import study
from tflconv.pipeline.measuring import Failure
from tflconv.pipeline.plan import Plan
from tflconv.pipeline.planning import Parts
from tflconv.pipeline.study import RESULTS, StudyOutcome
from tflconv.results import BenchmarkRun, Results


def run(
    chosen: Plan | Parts,
    folder: Path,
    *,
    adb: str | None = None,
    adb_servers: tuple[str, ...] = (),
    runtime: Path | None = None,
    history: Path | None = None,
    again: bool = False,
    progress: Callback = silent,
) -> StudyOutcome:
    """Run a plan into ``folder``, or each part of a study into a folder in there.

    Args:
        chosen: What to run.
        folder: Where everything goes; ``results.json`` in it has the runs of all parts.
        adb: As for ``study.run``, which the other arguments are handed to, too.
        adb_servers: adb servers as ``HOST:PORT``.
        runtime: LiteRT for a phone.
        history: A history that each finished run is kept in.
        again: Whether to measure again what was measured before.
        progress: Is told what each model is at, and in which part.

    Returns:
        The results; models of a part, and its failures, are called ``PART/NAME``.

    Raises:
        TflconvError: Something concerns the whole study; known before anything is trained.
    """
    run_plan = functools.partial(
        study.run,
        adb=adb,
        adb_servers=adb_servers,
        runtime=runtime,
        history=history,
        again=again,
    )
    if isinstance(chosen, Plan):
        return run_plan(chosen, folder, progress=progress)
    outputs.try_folder(folder, RESULTS)
    for name, plan in chosen.plans.items():
        study.check(plan, folder / name, history)
    outcomes = dict[str, StudyOutcome]()
    for number, (name, plan) in enumerate(chosen.plans.items(), start=1):
        progress(Progress(stage="part", message=f"part {number} of {len(chosen.plans)}: {name}"))
        outcome = _outcome(run_plan, plan, folder / name, _within(name, progress))
        progress(Progress(stage="part", state="failed" if outcome.failures else "done"))
        outcomes[name] = outcome
        _joined(chosen, outcomes).results.save(folder / RESULTS)
    return _joined(chosen, outcomes)


def _outcome(
    run_plan: Callable[..., StudyOutcome], plan: Plan, folder: Path, progress: Callback
) -> StudyOutcome:
    """Run one part; what ends it is its only failure, that of no cell."""
    try:
        return run_plan(plan, folder, progress=progress)
    except TflconvError as error:
        return StudyOutcome(results=Results(), failures=(Failure(cell="", error=error),))


def _within(part: str, progress: Callback) -> Callback:
    """Return a callback that says of each event which part it is about."""

    def hear(event: Progress) -> None:
        progress(replace(event, subject=_inside(part, event.subject)))

    return hear


def _inside(part: str, name: str) -> str:
    return f"{part}/{name}" if name else part


def _joined(chosen: Parts, outcomes: Mapping[str, StudyOutcome]) -> StudyOutcome:
    """All outcomes as one."""
    warnings = dict.fromkeys(
        f"{chosen.plans[part].dataset}: {warning}"
        for part, outcome in outcomes.items()
        for warning in outcome.warnings
    )
    context = {"title": chosen.name, "parts": list(chosen.plans), "warnings": list(warnings)}
    return StudyOutcome(
        results=Results(
            runs=tuple(
                _named(part, run)
                for part, outcome in outcomes.items()
                for run in outcome.results.runs
            ),
            context=context,
        ),
        failures=tuple(
            replace(failure, cell=_inside(part, failure.cell))
            for part, outcome in outcomes.items()
            for failure in outcome.failures
        ),
        warnings=tuple(warnings),
    )


def _named(part: str, run: BenchmarkRun) -> BenchmarkRun:
    """The run under names that no other part has."""
    model = replace(
        run.model,
        slug=f"{part}/{run.model.slug}",
        name=f"{part}/{run.model.name}",
        baseline=run.model.baseline and f"{part}/{run.model.baseline}",
    )
    return replace(run, model=model)
