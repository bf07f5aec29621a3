"""``tflconv report``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from tflconv import results
from tflconv.cli import commands, options
from tflconv.cli.console import say, say_next, standard_output, working

FILE = options.OutputFile()


@commands.command(name="report")
@click.argument(
    "paths", metavar="RESULTS...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--html", type=FILE, help="Write one self-contained HTML file; - is stdout.")
@click.option(
    "--plots",
    metavar="FOLDER",
    type=options.OutputFolder(),
    help="Write plots into this folder, as PNG and SVG files.",
)
@click.option("--export-csv", type=FILE, help="Write figures as a CSV file; - is stdout.")
@click.option("--export-markdown", type=FILE, help="Write tables as a Markdown file; - is stdout.")
@options.export_json("Write merged results as a JSON file; - is stdout.")
@options.json_output
def command(
    paths: tuple[Path, ...],
    html: Path | None,
    plots: Path | None,
    export_csv: Path | None,
    export_markdown: Path | None,
    export_json: Path | None,
    as_json: bool,
) -> None:
    """Turn results into tables, plots and one HTML file.

    RESULTS are JSON files of `tflconv bench` or `tflconv study`. Several are merged; of two runs of
    the same model on the same device the later one is kept. Tables are printed unless another
    export goes to stdout.

    \b
    Examples:
      tflconv report results.json --html report.html
      tflconv report phone.json host.json --plots plots/ --export-markdown -
    """
    with working("reading results"):
        from tflconv.report import export, tables

        merged = results.merge(results.load(path) for path in paths)
    targets = (html, export_csv, export_markdown, export_json)
    _write(export_csv, export.to_csv, merged)
    _write(export_markdown, export.to_markdown, merged)
    _write(export_json, export.to_json, merged)
    if html:
        with working("drawing the report"):
            from tflconv.report.html import to_html

            text = to_html(merged)
        _write(html, lambda _: text, merged)
    if plots:
        with working("drawing the plots"):
            from tflconv.report import plots as drawing

            written = drawing.write(merged, plots)
        say(f"wrote {len(written)} plots into {plots}", err=True)
    if as_json:
        options.write_or_print(options.STDOUT, export.to_json(merged))
    elif options.STDOUT not in targets:
        tables.print_results(merged, standard_output())
    if not any(targets):
        say_next("tflconv", "report", *paths, "--html", "report.html")
    elif html not in (None, options.STDOUT):
        say_next("xdg-open", html)


def _write(
    target: Path | None, render: Callable[[results.Results], str], merged: results.Results
) -> None:
    if target is None:
        return
    options.write_or_print(target, render(merged))
    if target != options.STDOUT:
        say(f"wrote {target}", err=True)
