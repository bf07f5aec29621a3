"""``tflconv inspect``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tflconv.cli import commands, completing, options
from tflconv.cli.console import print_json, say, say_next, standard_output, working
from tflconv.errors import UsageError

if TYPE_CHECKING:
    from tflconv.compression.redundancy import LayerCost
    from tflconv.inspection.inspect import Inspection
    from tflconv.pipeline.inspecting import Target, TracedDifference
    from tflconv.results import BenchmarkRun

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
@click.option(
    "--calibration",
    metavar="SOURCE",
    shell_complete=completing.datasets,
    help=CALIBRATION_HELP,
)
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
    target: Target | None,
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
        raise UsageError(f"{model} is not a Keras file, so --custom-objects has no meaning.")
    from tflconv import pipeline

    with options.warnings_on_stderr(), working(f"reading {model.name}"):
        inspected = pipeline.inspect_files(
            model,
            other,
            runs=None if results_file is None else _runs(results_file),
            calibration=calibration,
            calibration_count=calibration_count,
            normalize=normalize,
            target=target,
        )
    _draw(inspected, drawn)
    if options.STDOUT not in drawn.values():
        (_print_json if as_json else _print_text)(inspected)
    say_next("tflconv", "bench", *(path for path in (model, other) if path is not None))


def _runs(results_file: Path) -> Sequence[BenchmarkRun]:
    from tflconv import results

    return results.load(results_file).runs


def _draw(inspected: Inspection | TracedDifference, targets: Mapping[str, Path | None]) -> None:
    """Write the pictures and overlays that were asked for."""
    from tflconv.pipeline import inspecting

    if (svg := targets["svg"]) is not None:
        from tflconv.inspection import drawing

        _write(svg, drawing.draw([each.model for each in inspecting.models_of(inspected)]))
    if (html := targets["html"]) is not None:
        _write(html, inspecting.page(inspected))
    if (folder := targets["model_explorer"]) is not None:
        for path, written in inspecting.overlays(inspected, folder):
            say(f"model-explorer {path} --node_data_paths={','.join(map(str, written))}", err=True)


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
    with options.warnings_on_stderr(), working(f"reading {model.name}"):
        from tflconv import pipeline

        redundancy = pipeline.inspect_keras(model, custom_objects=custom_objects)
    if as_json:
        print_json(redundancy.to_json())
        return
    options.print_rows([_row(layer) for layer in redundancy.layers], as_json=False)
    say(
        f"{redundancy.name}: {redundancy.parameters:,} parameters, {redundancy.macs / 1e6:,.1f} M"
        f" multiply-accumulates, {redundancy.flops / 1e6:,.1f} M FLOPs, {redundancy.values:,}"
        f" values between layers ({redundancy.values / 1e6:.1f} MB in int8,"
        f" {4 * redundancy.values / 1e6:.1f} MB in float)"
    )
    if sum(redundancy.scales):
        counts = " ".join(map(str, redundancy.scales))
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


def _print_json(inspected: Inspection | TracedDifference) -> None:
    from tflconv.pipeline import inspecting

    print_json(inspecting.as_json(inspected))


def _print_text(inspected: Inspection | TracedDifference) -> None:
    from tflconv.inspection import gpu, text
    from tflconv.inspection.inspect import Inspection
    from tflconv.pipeline import inspecting

    console = standard_output(width=200, highlight=False)
    if not isinstance(inspected, Inspection):
        text.print_difference(inspected, console)
        if inspected.errors is not None:
            from tflconv.report import error_text

            error_text.print_errors(inspected.errors, console)
    for each in inspecting.models_of(inspected):
        text.print_inspection(each, console)
        for line in () if each.gpu_refusals is None else gpu.summary(each.model):
            say(line)
        for run in each.measured:
            text.print_measured(run, console)
