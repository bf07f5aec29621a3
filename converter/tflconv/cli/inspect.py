"""``tflconv inspect``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tflconv.cli import commands, options
from tflconv.cli.console import print_json, say, say_next, standard_output, working
from tflconv.errors import UsageError

if TYPE_CHECKING:
    from tflconv.compression.redundancy import LayerCost
    from tflconv.inspection.diff import Difference
    from tflconv.inspection.inspect import Inspection
    from tflconv.results import BenchmarkRun
    from tflconv.verification.per_operator import ErrorTrace

FILE = click.Path(path_type=Path)
KERAS = (".keras", ".h5", ".hdf5")
SVG_HELP = "Write a drawing of the graph, or of both graphs side by side, as an SVG file."
HTML_HELP = (
    "Write the graph, or both and what differs, as an HTML page: blocks fold, operators are"
    " coloured by cost, bytes, scale, delegation, difference or error."
)
EXPLORER_HELP = (
    "Write overlays for Model Explorer into this folder: instructions, bytes, delegation, changes"
    " and error per operator."
)
CALIBRATION_HELP = (
    "Hold the values between the operators of both files against each other, FILE being right, on"
    " samples of a dataset, a folder of pictures, or a .npy or .npz file."
)
RESULTS_HELP = (
    "JSON file of `tflconv bench` with profiles; adds the measured time or instructions per"
    " operator."
)


@commands.command(name="inspect")
@click.argument("model", metavar="FILE", type=FILE)
@click.argument("other", metavar="[OTHER.tflite]", type=FILE, required=False)
@click.option("--svg", metavar="FILE", type=options.OutputFile(), help=SVG_HELP)
@click.option("--html", metavar="FILE", type=options.OutputFile(), help=HTML_HELP)
@click.option("--model-explorer", metavar="FOLDER", type=options.OutputFolder(), help=EXPLORER_HELP)
@click.option("--results", "results_file", metavar="FILE", type=FILE, help=RESULTS_HELP)
@click.option("--calibration", metavar="SOURCE", help=CALIBRATION_HELP)
@click.option(
    "--calibration-count",
    metavar="COUNT",
    type=click.IntRange(1),
    default=32,
    show_default=True,
    help="Number of samples for --calibration.",
)
@options.normalize
@click.option(
    "--for",
    "target",
    type=click.Choice(["gpu"]),
    help="Also name the operators that the GPU delegate refuses. NPUs are out of scope.",
)
@options.custom_objects
@options.json_output
def command(
    model: Path,
    other: Path | None,
    svg: Path | None,
    html: Path | None,
    model_explorer: Path | None,
    results_file: Path | None,
    calibration: str | None,
    calibration_count: int,
    normalize: str | None,
    target: str | None,
    custom_objects: Path | None,
    as_json: bool,
) -> None:
    """Show what is inside a .tflite file of any origin, or what a Keras model could do without.

    Operators with their parameters, multiply-accumulates and bytes; inputs and outputs with their
    quantization; which operators XNNPACK runs, and why not the others. With OTHER.tflite first what
    differs between the two: what was fused, folded, pruned or reordered.

    With --calibration also the error of each operator of OTHER.tflite against FILE: signal-to-noise
    ratio, cosine, the worst token and channel, what is clipped, and where the error starts. Make
    both files with the same --rewrite.

    Of a .keras or .h5 file: parameters, multiply-accumulates and values of each layer, the
    effective rank of its kernel, and its BatchNormalization scales far below the others.

    \b
    Examples:
      tflconv inspect vit-static_wi8_ai8.tflite --results phone.json
      tflconv inspect vit-fp32.tflite vit-static_wi8_ai8.tflite --html graphs.html
      tflconv inspect vit-fp32.tflite vit-static_wi8_ai8.tflite --calibration mnist
      tflconv inspect vit.keras
    """
    drawn = {"svg": svg, "html": html, "model_explorer": model_explorer}
    if model.suffix in KERAS:
        refused = {
            **drawn,
            "other": other,
            "results": results_file,
            "calibration": calibration,
            "for": target,
        }
        _inspect_keras(model, refused, custom_objects, as_json=as_json)
        return
    if custom_objects is not None:
        raise UsageError(f"{model} is no Keras file, so --custom-objects has no meaning.")
    with options.warnings_on_stderr(), working(f"reading {model.name}"):
        errors = _errors(model, other, calibration, calibration_count, normalize)
        seen = replace(_seen(model, other, errors, results_file), gpu=target == "gpu")
    _draw(seen, drawn)
    if options.STDOUT not in drawn.values():
        (_print_json if as_json else _print_text)(seen)
    say_next("tflconv", "bench", *(path for path in (model, other) if path is not None))


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """Everything that was found out about one or two files."""

    inspections: Sequence[Inspection]
    difference: Difference | None
    errors: ErrorTrace | None
    measured: Mapping[str, Sequence[BenchmarkRun]]
    gpu: bool = False


def _seen(
    model: Path, other: Path | None, errors: ErrorTrace | None, results_file: Path | None
) -> _Seen:
    from tflconv.inspection import diff
    from tflconv.inspection.inspect import inspect

    inspections = [inspect(path, packed=True) for path in (model, other) if path is not None]
    return _Seen(
        inspections=inspections,
        difference=diff.compare(*inspections) if len(inspections) == 2 else None,
        errors=errors,
        measured=_measured(inspections, results_file),
    )


def _errors(
    model: Path, other: Path | None, calibration: str | None, count: int, normalize: str | None
) -> ErrorTrace | None:
    if calibration is None:
        return None
    if other is None:
        raise UsageError(
            "--calibration holds two files against each other, and there is one.",
            hint="tflconv inspect FLOAT.tflite QUANTIZED.tflite --calibration SOURCE",
        )
    from tflconv import pipeline

    return pipeline.trace_errors(model, other, calibration, count=count, normalize=normalize)


def _measured(
    inspections: Sequence[Inspection], results_file: Path | None
) -> dict[str, list[BenchmarkRun]]:
    from tflconv import results
    from tflconv.inspection import op_costs

    runs = results.load(results_file).runs if results_file is not None else ()
    measured = {entry.sha256: op_costs.of_file(runs, entry.sha256) for entry in inspections}
    for entry in inspections:
        if results_file is not None and not measured[entry.sha256]:
            say(f"{results_file} has no measured graph of {entry.model.path.name}.", err=True)
    return measured


def _draw(seen: _Seen, targets: Mapping[str, Path | None]) -> None:
    """Write the pictures and overlays that were asked for."""
    if (svg := targets["svg"]) is not None:
        from tflconv.inspection import drawing

        _write(svg, drawing.draw([entry.model for entry in seen.inspections]))
    if (html := targets["html"]) is not None:
        from tflconv.report import graph_page

        _write(html, graph_page.to_html(seen.inspections, seen.difference, seen.errors))
    if (folder := targets["model_explorer"]) is not None:
        from tflconv.report import model_explorer

        for place, entry in enumerate(seen.inspections):
            last = entry is seen.inspections[-1]
            written = model_explorer.write(
                entry,
                folder,
                difference=seen.difference,
                second=place == 1,
                errors=seen.errors if last else None,
            )
            paths = ",".join(map(str, written))
            say(f"model-explorer {entry.model.path} --node_data_paths={paths}", err=True)


def _write(target: Path, text: str) -> None:
    options.write_or_print(target, text)
    if target != options.STDOUT:
        say(f"wrote {target}", err=True)


def _inspect_keras(
    model: Path,
    refused: Mapping[str, object],
    custom_objects: Path | None,
    *,
    as_json: bool,
) -> None:
    if any(value is not None for value in refused.values()):
        raise UsageError(
            f"{model} is a Keras file: it can be neither compared, drawn nor measured here.",
            hint="Convert it first: tflconv convert MODEL, then inspect its .tflite files.",
        )
    from tflconv.compression.redundancy import redundancy

    with options.warnings_on_stderr(), working(f"reading {model.name}"):
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
    say_next("tflconv", "convert", model)


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


def _print_json(seen: _Seen) -> None:
    from tflconv.inspection import diff, gpu, op_costs
    from tflconv.inspection.inspect import to_json

    models = [
        to_json(entry)
        | {"measured": [op_costs.to_json(run) for run in seen.measured[entry.sha256]]}
        | ({"gpu_refusals": gpu.to_json(entry.model)} if seen.gpu else {})
        for entry in seen.inspections
    ]
    if seen.difference is None:
        print_json(models[0])
        return
    errors = {} if seen.errors is None else {"errors": seen.errors.to_json()}
    print_json({"difference": diff.to_json(seen.difference), **errors, "models": models})


def _print_text(seen: _Seen) -> None:
    from tflconv.inspection import gpu, text

    console = standard_output(width=200, highlight=False)
    if seen.difference is not None:
        text.print_difference(seen.difference, console)
    if seen.errors is not None:
        from tflconv.report import error_text

        error_text.print_errors(seen.errors, console)
    for entry in seen.inspections:
        text.print_inspection(entry, console)
        for line in gpu.summary(entry.model) if seen.gpu else ():
            say(line)
        for run in seen.measured[entry.sha256]:
            text.print_measured(run, console)
