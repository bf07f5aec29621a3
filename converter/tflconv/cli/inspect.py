"""``tflconv inspect``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from tflconv.cli import options

FILE = click.Path(path_type=Path)


@click.command(name="inspect")
@click.argument("model", metavar="FILE.tflite", type=FILE)
@click.argument("other", metavar="[OTHER.tflite]", type=FILE, required=False)
@click.option("--svg", type=FILE, help="Draw the graph, or both graphs side by side.")
@click.option("--results", "measured", type=FILE, help="Add the measured cost of every operator.")
@options.json_output
def command(
    model: Path, other: Path | None, svg: Path | None, measured: Path | None, as_json: bool
) -> None:
    """Show what is inside a .tflite file, whoever made it.

    Operators with their parameters, multiply-accumulates and bytes; inputs and outputs with their
    quantization; which operators XNNPACK will run and why not the others. With OTHER.tflite also
    what differs between the two: what was fused, folded, pruned or reordered.
    """
    from tflconv import results
    from tflconv.core.files import write_text
    from tflconv.inspection import diff, drawing, text
    from tflconv.inspection import op_costs as costs
    from tflconv.inspection.inspect import inspect, to_json

    found = [inspect(path) for path in (model, other) if path is not None]
    runs = results.load(measured).runs if measured is not None else ()
    beside = {each.sha256: costs.of_file(runs, each.sha256) for each in found}
    for each in found:
        if measured is not None and not beside[each.sha256]:
            click.echo(f"{measured} has no measured graph of {each.model.path.name}.", err=True)
    if svg is not None:
        write_text(svg, drawing.draw([each.model for each in found]))
        click.echo(f"wrote {svg}", err=True)
    if as_json:
        value = [
            to_json(each) | {"measured": [costs.to_json(run) for run in beside[each.sha256]]}
            for each in found
        ]
        whole = (
            value[0]
            if other is None
            else {
                "models": value,
                "difference": diff.to_json(diff.compare(*found)),
            }
        )
        click.echo(json.dumps(whole, indent=1, ensure_ascii=False))
        return
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    for each in found:
        text.print_inspection(each, console)
        for run in beside[each.sha256]:
            text.print_measured(run, console)
    if other is not None:
        text.print_difference(diff.compare(*found), console)
