"""``tflconv inspect``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tflconv.cli import options
from tflconv.cli.console import print_json, say, standard_output
from tflconv.errors import UsageError

if TYPE_CHECKING:
    from tflconv.compression.redundancy import LayerCost
    from tflconv.inspection.inspect import Inspection
    from tflconv.results import BenchmarkRun

FILE = click.Path(path_type=Path)
KERAS = (".keras", ".h5", ".hdf5")
SVG_HELP = "Write a drawing of the graph, or of both graphs side by side, as an SVG file."
RESULTS_HELP = (
    "JSON file of `tflconv bench` with profiles; adds the measured time or instructions per"
    " operator."
)


@click.command(name="inspect")
@click.argument("model", metavar="FILE", type=FILE)
@click.argument("other", metavar="[OTHER.tflite]", type=FILE, required=False)
@click.option("--svg", metavar="FILE", type=options.OutputFile(), help=SVG_HELP)
@click.option("--results", "results_file", metavar="FILE", type=FILE, help=RESULTS_HELP)
@options.custom_objects
@options.json_output
def command(
    model: Path,
    other: Path | None,
    svg: Path | None,
    results_file: Path | None,
    custom_objects: Path | None,
    as_json: bool,
) -> None:
    """Show what is inside a .tflite file of any origin, or what a Keras model could do without.

    Operators with their parameters, multiply-accumulates and bytes; inputs and outputs with their
    quantization; which operators XNNPACK runs, and why not the others. With OTHER.tflite also what
    differs between the two: what was fused, folded, pruned or reordered.

    Of a .keras or .h5 file: parameters, multiply-accumulates and values of each layer, the
    effective rank of its kernel, and its BatchNormalization scales far below the others.

    \b
    Examples:
      tflconv inspect vit-static_wi8_ai8.tflite --results phone.json
      tflconv inspect vit-fp32.tflite vit-static_wi8_ai8.tflite --svg graphs.svg
      tflconv inspect vit.keras
    """
    if model.suffix in KERAS:
        _inspect_keras(model, other, svg, results_file, custom_objects, as_json=as_json)
        return
    if custom_objects is not None:
        raise UsageError(f"{model} is no Keras file, so --custom-objects has no meaning.")
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


def _inspect_keras(
    model: Path,
    other: Path | None,
    svg: Path | None,
    results_file: Path | None,
    custom_objects: Path | None,
    *,
    as_json: bool,
) -> None:
    if other is not None or svg is not None or results_file is not None:
        raise UsageError(
            f"{model} is a Keras file: it can be neither compared, drawn nor measured here.",
            hint="Convert it first: tflconv convert MODEL, then inspect its .tflite files.",
        )
    from tflconv.compression.redundancy import redundancy

    with options.warnings_on_stderr():
        found = redundancy(model, custom_objects=custom_objects)
    if as_json:
        print_json(found.to_json())
        return
    options.print_rows([_row(layer) for layer in found.layers], as_json=False)
    say(
        f"{found.name}: {found.parameters:,} parameters, {found.macs / 1e6:,.1f} M"
        f" multiply-accumulates, {found.flops / 1e6:,.1f} M FLOPs, {found.values:,} values between"
        f" layers ({found.values / 1e6:.1f} MB in int8, {4 * found.values / 1e6:.1f} MB in float)"
    )
    if sum(found.scales):
        counts = " ".join(map(str, found.scales))
        say(f"BatchNormalization scales by tenths of the largest of their layer: {counts}")


def _row(layer: LayerCost) -> dict[str, object]:
    def share(value: float | None) -> str:
        return "–" if value is None else f"{value:.0%}"

    return {
        "layer": layer.name,
        "kind": layer.kind,
        "parameters": layer.parameters,
        "MACs": layer.macs,
        "share": f"{layer.share:.1%}",
        "values": layer.values,
        "weak scales": share(layer.weak),
        "effective rank": share(layer.rank),
    }


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
