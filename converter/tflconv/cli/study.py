"""``tflconv study``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tflconv.cli.console import saying

if TYPE_CHECKING:
    from tflconv.pipeline.plan import Plan


@click.command(name="study")
@click.argument("plan", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Folder.  [default: name of the plan]"
)
@click.option("--again", is_flag=True, help="Measure again what was measured before.")
def command(plan: Path, output: Path | None, again: bool) -> None:
    """Run a plan from data to report.

    What was done before and still fits is not done again. Leaves results.json, report.html,
    plots and the .tflite files in the output folder.
    """
    from tflconv.pipeline import plan as plans

    loaded = plans.load(plan)
    run(loaded, output or Path(loaded.name), again=again)


def run(plan: Plan, folder: Path, *, again: bool = False) -> None:
    """Run ``plan`` into ``folder``, print its table, and end with the code of the first failure."""
    from rich.console import Console

    from tflconv.pipeline import study
    from tflconv.report import tables

    with saying() as say:
        outcome = study.run(plan, folder, say=say, again=again)
    for warning in outcome.warnings:
        click.echo(f"Warning: {plan.dataset}: {warning}", err=True)
    if outcome.results.runs:
        console = Console(width=None if sys.stdout.isatty() else 400)
        tables.print_results(outcome.results, console)
        click.echo(f"Report: {folder / study.REPORT}", err=True)
    for failure in outcome.failures:
        click.echo(f"Error: {failure.cell}: {failure.error}", err=True)
    if outcome.failures:
        click.get_current_context().exit(outcome.failures[0].error.exit_code)
