"""``tflconv convert``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tflconv import data, pipeline
from tflconv import recipe as recipe_module
from tflconv.cli import commands, completing, options
from tflconv.cli.console import say_next, showing
from tflconv.compression import QatConfig
from tflconv.compression.settings import Settings
from tflconv.conversion import REWRITES, Rewrite
from tflconv.conversion.clipping import METHODS, CalibrationMethod
from tflconv.model.golden import MOST_SAMPLES
from tflconv.model.pictures import Resize
from tflconv.pipeline.conversion import ConvertedFile
from tflconv.recipe import TensorType
from tflconv.verification import parse_drop, parse_share


@commands.command(name="convert")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--recipe",
    "recipes",
    metavar="RECIPE",
    shell_complete=completing.recipes,
    multiple=True,
    help="What to make of it, see `tflconv list recipes`; may be repeated.  [default: fp32, auto]",
)
@options.output("Folder for the files.  [default: that of MODEL]")
@click.option(
    "--calibration",
    metavar="DATASET",
    shell_complete=completing.datasets,
    help="Samples for static recipes: a dataset, a folder of pictures, a .npy file of pixels"
    " (uint8) or of model inputs (float), or an .npz file with x_train or with one array per input."
    "  [default: --dataset]",
)
@click.option(
    "--calibration-count",
    type=click.IntRange(1),
    metavar="SAMPLES",
    default=200,
    show_default=True,
    help="Number of samples drawn for calibration.",
)
@click.option(
    "--calibration-method",
    type=click.Choice(METHODS),
    default="min-max",
    show_default=True,
    help="Range of an int8 activation: all values of the samples, the ends of least mean squared"
    " error, or all but 0.01 % of the values at each end.",
)
@click.option(
    "--dataset",
    metavar="DATASET",
    shell_complete=completing.datasets,
    help="Labelled pictures that steps learn from and --max-drop is measured on.  [default: what"
    " MODEL was trained on]",
)
@click.option(
    "--io",
    type=click.Choice(["float32", "int8", "uint8"]),
    help="Type of inputs and outputs of static, selective and mixed recipes.  [default: what the"
    " recipe says]",
)
@options.preprocessing
@click.option(
    "--resolution",
    type=click.IntRange(4, 4096),
    metavar="PIXELS",
    help="Side of the pictures, for a MODEL that takes any.",
)
@click.option(
    "--rewrite",
    type=click.Choice(REWRITES),
    default="auto",
    show_default=True,
    help="Rewrite the operators first: optimized for XNNPACK's integer kernels (a last softmax is"
    " left out), or unfused (Keras models only) as a float baseline with nothing folded or fused;"
    " auto takes the graph as it came or rewritten, whichever is cheaper, and keeps what outputs"
    " mean.",
)
@click.option(
    "--logits",
    is_flag=True,
    help="Leave out a last softmax or sigmoid, so that outputs are logits.",
)
@options.qat
@options.step_settings
@click.option("--strip", is_flag=True, help="Leave out names and TFLite metadata; the card stays.")
@click.option(
    "--no-card", is_flag=True, help="Leave out the card: labels, preprocessing, origin, training."
)
@click.option(
    "--min-cosine",
    metavar="SHARE",
    callback=options.read_by(parse_share),
    help="Least cosine of a file's answers with those of the float model that is allowed, such as"
    " 0.99; ends with exit code 4 and writes nothing if one is below.",
)
@click.option(
    "--max-drop",
    metavar="POINTS",
    callback=options.read_by(parse_drop),
    help="Largest loss of top-1 accuracy against MODEL that is allowed, such as 0.5pt (percentage"
    " points), on at most 2000 validation pictures of --dataset; ends with exit code 4 as above."
    " auto and mixed recipes choose what keeps it.",
)
@click.option(
    "--golden",
    type=click.IntRange(1, MOST_SAMPLES),
    metavar="COUNT",
    help="Write NAME.golden.zip beside each file: COUNT test pictures, the exact input bytes, the"
    " expected outputs and the preprocessing, for an app to be checked with.",
)
@options.custom_objects
@options.signature
@options.seed
@options.json_output
def command(
    model: Path,
    recipes: tuple[str, ...],
    output: Path | None,
    calibration: str | None,
    calibration_count: int,
    calibration_method: CalibrationMethod,
    dataset: str | None,
    io: TensorType | None,
    normalize: str | None,
    resize: Resize | None,
    labels: Path | None,
    resolution: int | None,
    rewrite: Rewrite,
    logits: bool,
    qat: QatConfig,
    settings: Settings,
    strip: bool,
    no_card: bool,
    min_cosine: float | None,
    max_drop: float | None,
    golden: int | None,
    custom_objects: Path | None,
    signature: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Make .tflite files of MODEL.

    Without --recipe these are the float model and the cheapest file that is close to it.

    MODEL is a .keras or .h5 file of Keras 2 or 3, a SavedModel folder, or a float .tflite file.

    Each file is run beside the float model on 16 calibration samples, or on noise where there are
    none. The table tells the least cosine of their answers and how often both choose the same.

    \b
    Examples:
      tflconv convert vit.keras --recipe fp32 --recipe static_wi8_ai8
      tflconv convert mine.keras --recipe static_wi8_ai8 --calibration photos/ --normalize=-1..1
    """
    request = pipeline.ConversionRequest(
        model=model,
        recipes=tuple(recipe_module.get(name) for name in recipes),
        rewrite=rewrite,
        logits=logits,
        calibration=calibration,
        calibration_count=calibration_count,
        calibration_method=calibration_method,
        dataset=dataset,
        normalize=normalize,
        resize=resize,
        labels=None if labels is None else data.read_labels(labels),
        resolution=resolution,
        custom_objects=custom_objects,
        signature=signature,
        qat=qat,
        settings=settings,
        io=io,
        strip=strip,
        with_card=not no_card,
        min_cosine=min_cosine,
        max_drop=max_drop,
        golden=golden,
        seed=seed,
    )
    with options.warnings_on_stderr(), showing() as progress:
        files = pipeline.convert(request, output or model.parent, progress=progress)
    options.print_rows([_row(file) for file in files], as_json=as_json)
    dataset_option = [] if dataset is None else ["--dataset", dataset]
    say_next("tflconv", "verify", model, files[-1].artifact.path, *dataset_option)


def _row(file: ConvertedFile) -> dict[str, Any]:
    fidelity = file.fidelity
    return {
        "file": str(file.artifact.path),
        "recipe": file.recipe.name,
        "made as": str(file.choice),
        "bytes": file.artifact.bytes,
        "gzip": file.artifact.download_bytes,
        "cosine": None if fidelity.cosine is None else round(fidelity.cosine, 6),
        "agreement": None if fidelity.agreement is None else round(fidelity.agreement, 4),
        **({} if fidelity.drop is None else {"drop": round(fidelity.drop.share, 6)}),
        "compared on": f"{fidelity.samples} of {fidelity.source}",
    }
