"""``tflconv study``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tflconv.cli import options
from tflconv.cli.console import say, showing, standard_output
from tflconv.core.text import file_name

if TYPE_CHECKING:
    from tflconv.pipeline.plan import Plan


@click.command(name="study")
@click.argument("plan", type=click.Path(path_type=Path))
@options.output("Folder for everything.  [default: name of the plan]")
@options.phone
@options.history
@click.option("--again", is_flag=True, help="Measure again what was measured before.")
def command(
    plan: Path,
    output: Path | None,
    adb: str | None,
    adb_servers: tuple[str, ...],
    runtime: Path | None,
    history: Path | None,
    again: bool,
) -> None:
    """Run a plan from data to report.

    What was done before and still fits is not done again. Leaves results.json, report.html,
    plots and the .tflite files in the output folder.

    \b
    Examples:
      tflconv study plan.toml -o run
      tflconv study plan.toml -o run --again
    """
    from tflconv.pipeline import plan as plans

    loaded = plans.load(plan)
    folder = output or Path(file_name(loaded.name))
    run(
        loaded,
        folder,
        adb=adb,
        adb_servers=adb_servers,
        runtime=runtime,
        history=history,
        again=again,
    )


def run(
    plan: Plan,
    folder: Path,
    *,
    adb: str | None = None,
    adb_servers: tuple[str, ...] = (),
    runtime: Path | None = None,
    history: Path | None = None,
    again: bool = False,
) -> None:
    """Run ``plan`` into ``folder``, print its table, and end as the gravest failure says."""
    from tflconv.pipeline import study
    from tflconv.report import tables

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
    if outcome.results.runs:
        tables.print_results(outcome.results, standard_output())
        say(f"Report: {folder / study.REPORT}", err=True)
    options.raise_gravest(outcome.failures)
