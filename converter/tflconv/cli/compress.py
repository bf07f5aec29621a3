"""``tflconv compress``."""

from __future__ import annotations

from pathlib import Path

import click

from tflconv import data, pipeline
from tflconv.cli import commands, completing, options
from tflconv.cli.console import say_next, showing
from tflconv.compression.settings import Settings
from tflconv.model.pictures import Resize


@commands.command(name="compress")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--recipe",
    metavar="STEPS",
    shell_complete=completing.recipes,
    required=True,
    help="Steps in their order, such as channels50 or distill_channels50; `tflconv list recipes`"
    " names them.",
)
@options.output("The .keras file to write.  [default: MODEL-STEPS.keras beside MODEL]")
@click.option(
    "--dataset",
    metavar="DATASET",
    shell_complete=completing.datasets,
    help="Labelled pictures that steps learn from.  [default: what MODEL was trained on]",
)
@options.preprocessing
@click.option(
    "--resolution",
    type=click.IntRange(4, 4096),
    metavar="PIXELS",
    help="Side of the pictures, for a MODEL that takes any.",
)
@options.step_settings
@options.custom_objects
@options.seed
@options.json_output
def command(
    model: Path,
    recipe: str,
    output: Path | None,
    dataset: str | None,
    normalize: str | None,
    resize: Resize | None,
    labels: Path | None,
    resolution: int | None,
    settings: Settings,
    custom_objects: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Make a smaller Keras model of MODEL, a .keras or .h5 file of Keras 2 or 3.

    The result is a Keras model of the same Keras, with the layers of MODEL in other sizes. Keras
    opens it without tflconv. The same steps stand before a scheme in `tflconv convert --recipe`. An
    interrupted command goes on when it is given again.

    \b
    Examples:
      tflconv compress vit.keras --recipe channels50 --dataset photos/
      tflconv compress mine.keras --recipe channels50 --setting channels.epochs=0 -o small.keras
    """
    request = pipeline.CompressionRequest(
        model=model,
        recipe=recipe,
        dataset=dataset,
        normalize=normalize,
        resize=resize,
        labels=None if labels is None else data.read_labels(labels),
        resolution=resolution,
        settings=settings,
        custom_objects=custom_objects,
        seed=seed,
    )
    try:
        with options.warnings_on_stderr(), showing() as progress:
            compressed = pipeline.compress(request, output, progress=progress)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("The same command goes on from what was finished.") from None
    row = {
        "file": str(compressed.artifact.path),
        "recipe": request.recipe,
        "bytes": compressed.artifact.bytes,
    }
    options.print_rows([row], as_json=as_json)
    say_next("tflconv", "convert", compressed.artifact.path, "--recipe", "int8")
