"""``tflconv study``."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tflconv.cli import commands, options
from tflconv.cli.console import say, say_next, showing, standard_output
from tflconv.core.text import file_name
from tflconv.errors import UsageError

if TYPE_CHECKING:
    from tflconv.pipeline.plan import Plan
    from tflconv.pipeline.planning import Parts
    from tflconv.pipeline.study import StudyOutcome

DEMO, INIT = "demo", "init"


@commands.command(name="study")
@click.argument("plan", metavar="PLAN|demo|init", type=click.Path(path_type=Path))
@options.output("Folder for everything.  [default: name of the plan]")
@click.option(
    "--quick",
    is_flag=True,
    help="Run it small: as the table [quick] of the plan says, and one epoch of what is trained.",
)
@options.devices("those of the plan, to which these are added")
@options.phone
@options.history
@click.option("--again", is_flag=True, help="Measure again what was measured before.")
@options.json_output
def command(
    plan: Path,
    output: Path | None,
    quick: bool,
    devices: tuple[str, ...],
    adb: str | None,
    adb_servers: tuple[str, ...],
    runtime: Path | None,
    history: Path | None,
    again: bool,
    as_json: bool,
) -> None:
    """Run a plan from data to report.

    PLAN is a TOML file. `demo` is the plan that comes with tflconv: MobileNetV2, a plain ViT and
    one built for integers on bundled digits, measured on this computer in some minutes; where qemu
    is installed, arm64 instructions are counted, too. `init` prints a plan with comments, to be
    changed and run. A file may also name the plans of several parts: parts = ["a.toml", "b.toml"].

    What was done before and still fits is not done again. Leaves results.json, report.html,
    plots and the .tflite files in the output folder, or in a folder of it for each part.

    \b
    Examples:
      tflconv study demo
      tflconv study init > plan.toml
      tflconv study plan.toml -o run
      tflconv study plan.toml --quick
      tflconv study plan.toml -o run -s SERIAL
    """
    from tflconv.core import resources

    if plan == Path(INIT):
        if output is not None:
            raise UsageError(
                "a plan to begin with is printed.", hint="Say: tflconv study init > plan.toml"
            )
        click.echo(resources.first_plan().read_text(encoding="utf-8"), nl=False)
        say_next("tflconv", "study", "plan.toml", "-o", "run")
        return
    loaded = _loaded(plan, devices, quick=quick)
    folder = output or Path(file_name(loaded.name))
    run(
        loaded,
        folder,
        adb=adb,
        adb_servers=adb_servers,
        runtime=runtime,
        history=history,
        again=again,
        as_json=as_json,
    )


def _loaded(plan: Path, devices: tuple[str, ...], *, quick: bool) -> Plan | Parts:
    from tflconv.pipeline import demonstration, planning

    if plan != Path(DEMO):
        if not plan.exists() and (near := difflib.get_close_matches(str(plan), [DEMO, INIT], n=1)):
            raise UsageError(f"there is no plan {plan}.", hint=f"Did you mean {near[0]}?")
        return planning.study(plan, devices=devices, quick=quick)
    obstacle = demonstration.obstacle()
    if obstacle is not None:
        say(f"Without arm64 instructions: {obstacle}", err=True)
    bundled = demonstration.plan(counted=obstacle is None)
    return planning.changed(bundled, devices=devices, quick=quick)


def run(
    plan: Plan | Parts,
    folder: Path,
    *,
    adb: str | None = None,
    adb_servers: tuple[str, ...] = (),
    runtime: Path | None = None,
    history: Path | None = None,
    again: bool = False,
    as_json: bool = False,
) -> None:
    """Run ``plan`` into ``folder``, print its table, and end as the gravest failure says."""
    from tflconv.pipeline import parts
    from tflconv.pipeline.plan import Plan

    with options.warnings_on_stderr(), showing() as progress:
        outcome = parts.run(
            plan,
            folder,
            adb=adb,
            adb_servers=adb_servers,
            runtime=runtime,
            history=history,
            again=again,
            progress=progress,
        )
    dataset = f"{plan.dataset}: " if isinstance(plan, Plan) else ""
    for warning in outcome.warnings:
        say(f"Warning: {dataset}{warning}", err=True)
    if as_json:
        _print_json(outcome)
    elif isinstance(plan, Plan):
        _print(outcome, folder)
    else:
        _print_parts(plan, outcome, folder)
    options.raise_gravest(outcome.failures)


def _print_json(outcome: StudyOutcome) -> None:
    from tflconv.report import export

    options.write_or_print(options.STDOUT, export.to_json(outcome.results))


def _print(outcome: StudyOutcome, folder: Path) -> None:
    from tflconv.pipeline import study
    from tflconv.report import tables

    if not outcome.results.runs:
        return
    tables.print_results(outcome.results, standard_output())
    say(f"Report: {folder / study.REPORT}", err=True)
    say_next("tflconv", "report", folder / study.RESULTS, "--export-markdown", "-")


def _print_parts(study: Parts, outcome: StudyOutcome, folder: Path) -> None:
    from tflconv.pipeline.study import REPORT, RESULTS

    rows = [_row(name, folder / name / REPORT, outcome) for name in study.plans]
    options.print_rows(rows, as_json=False)
    if outcome.results.runs:
        say_next("tflconv", "report", folder / RESULTS)


def _row(part: str, report: Path, outcome: StudyOutcome) -> dict[str, object]:
    """What became of a part, whose models and failures begin with its name."""
    inside = f"{part}/"
    runs = sum(run.model.slug.startswith(inside) for run in outcome.results.runs)
    failed = sum(f"{failure.cell}/".startswith(inside) for failure in outcome.failures)
    return {
        "part": part,
        "measured": runs,
        "failed": failed,
        "report": str(report) if runs else None,
    }
