"""``tflconv study``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tflconv.cli.console import saying
from tflconv.files import write_text

if TYPE_CHECKING:
    from tflconv.plan import Plan
    from tflconv.results import Results


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
    from tflconv import plan as plans

    loaded = plans.load(plan)
    run(loaded, output or Path(loaded.name), again=again)


def run(plan: Plan, folder: Path, *, again: bool = False) -> None:
    """Run ``plan`` into ``folder``, print its table, and end with the code of the first failure."""
    from tflconv import study

    with saying() as say:
        outcome = study.run(plan, folder, say=say, again=again)
    if outcome.results.runs:
        _report(outcome.results, folder)
    for failure in outcome.failures:
        click.echo(f"Error: {failure.cell}: {failure.error}", err=True)
    if outcome.failures:
        click.get_current_context().exit(outcome.failures[0].error.exit_code)


def _report(results: Results, folder: Path) -> None:
    from rich.console import Console

    from tflconv.report import html, plots, tables

    write_text(folder / "report.html", html.to_html(results))
    plots.write(results, folder / "plots")
    tables.print_results(results, Console(width=None if sys.stdout.isatty() else 400))
    click.echo(f"Report: {folder / 'report.html'}", err=True)
