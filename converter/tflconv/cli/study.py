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
    from tflconv.pipeline.study import Outcome

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
    changed and run.

    What was done before and still fits is not done again. Leaves results.json, report.html,
    plots and the .tflite files in the output folder.

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
    from tflconv.pipeline import planning

    loaded = planning.changed(_loaded(plan), devices=devices, quick=quick)
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


def _loaded(plan: Path) -> Plan:
    from tflconv.pipeline import demonstration, planning

    if plan != Path(DEMO):
        if not plan.exists() and (near := difflib.get_close_matches(str(plan), [DEMO, INIT], n=1)):
            raise UsageError(f"there is no plan {plan}.", hint=f"Did you mean {near[0]}?")
        return planning.read(plan)
    obstacle = demonstration.obstacle()
    if obstacle is not None:
        say(f"Without arm64 instructions: {obstacle}", err=True)
    return demonstration.plan(counted=obstacle is None)


def run(
    plan: Plan,
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
    from tflconv.pipeline import study

    with options.warnings_on_stderr(), showing() as progress:
        outcome = study.run(
            plan,
            folder,
            adb=adb,
            adb_servers=adb_servers,
            runtime=runtime,
            history=history,
            again=again,
            progress=progress,
        )
    for warning in outcome.warnings:
        say(f"Warning: {plan.dataset}: {warning}", err=True)
    _print(outcome, folder, as_json=as_json)
    options.raise_gravest(outcome.failures)


def _print(outcome: Outcome, folder: Path, *, as_json: bool) -> None:
    from tflconv.pipeline import study
    from tflconv.report import export, tables

    if as_json:
        options.write_or_print(options.STDOUT, export.to_json(outcome.results))
        return
    if not outcome.results.runs:
        return
    tables.print_results(outcome.results, standard_output())
    say(f"Report: {folder / study.REPORT}", err=True)
    say_next("tflconv", "report", folder / study.RESULTS, "--export-markdown", "-")
