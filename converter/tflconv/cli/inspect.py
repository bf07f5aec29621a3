"""``tflconv inspect``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tflconv.cli import options
from tflconv.cli.console import print_json, say, standard_output

if TYPE_CHECKING:
    from tflconv.inspection.inspect import Inspection
    from tflconv.results import BenchmarkRun

FILE = click.Path(path_type=Path)
SVG_HELP = "Write a drawing of the graph, or of both graphs side by side, as an SVG file."
RESULTS_HELP = (
    "JSON file of `tflconv bench` with profiles; adds the measured time or instructions per"
    " operator."
)


@click.command(name="inspect")
@click.argument("model", metavar="FILE.tflite", type=FILE)
@click.argument("other", metavar="[OTHER.tflite]", type=FILE, required=False)
@click.option("--svg", metavar="FILE", type=options.OutputFile(), help=SVG_HELP)
@click.option("--results", "results_file", metavar="FILE", type=FILE, help=RESULTS_HELP)
@options.json_output
def command(
    model: Path, other: Path | None, svg: Path | None, results_file: Path | None, as_json: bool
) -> None:
    """Show what is inside a .tflite file of any origin.

    Operators with their parameters, multiply-accumulates and bytes; inputs and outputs with their
    quantization; which operators XNNPACK runs, and why not the others. With OTHER.tflite also what
    differs between the two: what was fused, folded, pruned or reordered.

    \b
    Examples:
      tflconv inspect vit-static_wi8_ai8.tflite --results phone.json
      tflconv inspect vit-fp32.tflite vit-static_wi8_ai8.tflite --svg graphs.svg
    """
    from tflconv import results
    from tflconv.inspection import drawing, op_costs
    from tflconv.inspection.inspect import inspect

    with options.warnings_on_stderr():
        inspections = [inspect(path, packed=True) for path in (model, other) if path is not None]
    runs = results.load(results_file).runs if results_file is not None else ()
    measured = {entry.sha256: op_costs.of_file(runs, entry.sha256) for entry in inspections}
    for entry in inspections:
        if results_file is not None and not measured[entry.sha256]:
            say(f"{results_file} has no measured graph of {entry.model.path.name}.", err=True)
    if svg is not None:
        options.write_or_print(svg, drawing.draw([entry.model for entry in inspections]))
    if svg == options.STDOUT:
        return
    if svg is not None:
        say(f"wrote {svg}", err=True)
    (_print_json if as_json else _print_text)(inspections, measured)


def _print_json(
    inspections: Sequence[Inspection], measured: Mapping[str, Sequence[BenchmarkRun]]
) -> None:
    from tflconv.inspection import diff, op_costs
    from tflconv.inspection.inspect import to_json

    models = [
        to_json(entry) | {"measured": [op_costs.to_json(run) for run in measured[entry.sha256]]}
        for entry in inspections
    ]
    if len(models) == 1:
        print_json(models[0])
        return
    pair = {"models": models, "difference": diff.to_json(diff.compare(*inspections))}
    print_json(pair)


def _print_text(
    inspections: Sequence[Inspection], measured: Mapping[str, Sequence[BenchmarkRun]]
) -> None:

    from tflconv.inspection import diff, text

    console = standard_output(width=200, highlight=False)
    for entry in inspections:
        text.print_inspection(entry, console)
        for run in measured[entry.sha256]:
            text.print_measured(run, console)
    if len(inspections) == 2:
        text.print_difference(diff.compare(*inspections), console)
