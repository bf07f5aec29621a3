"""``tflconv report``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click

from tflconv import results
from tflconv.core.files import write_text

FILE = click.Path(path_type=Path, dir_okay=False, allow_dash=True)


@click.command(name="report")
@click.argument(
    "paths", metavar="RESULTS...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--html", type=FILE, help="Write one self-contained HTML file; - is stdout.")
@click.option("--plots", type=click.Path(path_type=Path), help="Write PNG and SVG plots here.")
@click.option("--export-csv", type=FILE, help="Write numbers as CSV; - is stdout.")
@click.option("--export-markdown", type=FILE, help="Write tables as Markdown; - is stdout.")
@click.option("--export-json", type=FILE, help="Write merged results as JSON; - is stdout.")
def command(
    paths: tuple[Path, ...],
    html: Path | None,
    plots: Path | None,
    export_csv: Path | None,
    export_markdown: Path | None,
    export_json: Path | None,
) -> None:
    """Turn results into tables, plots and one HTML file.

    Several RESULTS are merged; a later run of the same model on the same device wins.
    """
    from rich.console import Console

    from tflconv.report import export, tables

    found = results.merge(results.load(path) for path in paths)
    targets = (html, export_csv, export_markdown, export_json)
    _write(export_csv, export.to_csv, found)
    _write(export_markdown, export.to_markdown, found)
    _write(export_json, export.to_json, found)
    if html:
        from tflconv.report.html import to_html

        _write(html, to_html, found)
    if plots:
        from tflconv.report import plots as drawing

        click.echo(f"wrote {len(drawing.write(found, plots))} plots into {plots}", err=True)
    if Path("-") not in targets:
        tables.print_results(found, Console(width=None if sys.stdout.isatty() else 400))


def _write(
    target: Path | None, text: Callable[[results.Results], str], found: results.Results
) -> None:
    if target is None:
        return
    if target == Path("-"):
        click.echo(text(found), nl=False)
        return
    write_text(target, text(found))
    click.echo(f"wrote {target}", err=True)
