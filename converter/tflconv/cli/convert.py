"""``tflconv convert``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from tflconv import data
from tflconv import recipe as recipe_module
from tflconv.cli import options
from tflconv.compression import QatConfig
from tflconv.model.pictures import Resize
from tflconv.recipe import Recipe, TensorType

if TYPE_CHECKING:
    from tflconv.network.passes import PassOutcome


@click.command(name="convert")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--recipe",
    "recipes",
    multiple=True,
    default=("fp32",),
    show_default=True,
    help="What to make of it (tflconv recipes lists them); several are cheap.",
)
@options.output("Folder for the files; by default where MODEL is.")
@click.option(
    "--calibration",
    metavar="DATASET|DIR|FILE",
    help="Samples for static recipes; by default the dataset the model was trained on."
    " A folder may hold loose pictures; a .npy file holds pixels (uint8) or model inputs (float),"
    " .npz one array per input.",
)
@click.option(
    "--dataset",
    metavar="DATASET|DIR",
    help="Labelled pictures that qat recipes learn from, and --calibration unless that is said.",
)
@click.option("--calibration-count", default=200, show_default=True, help="How many pictures.")
@click.option(
    "--io",
    type=click.Choice(["float32", "int8", "uint8"]),
    help="Type of inputs and outputs of static int8 recipes.",
)
@options.preprocessing
@click.option(
    "--resolution", type=click.IntRange(4, 4096), help="Side of pictures, if MODEL takes any."
)
@click.option(
    "--rewrite",
    type=click.Choice(["as-is", "optimized", "unfused"]),
    default="as-is",
    show_default=True,
    help="Rewrite the graph first: norms folded, attention cut into products; unfused: nothing"
    " folded or fused, a float baseline (Keras models).",
)
@options.qat
@click.option("--strip", is_flag=True, help="Leave out names and TFLite metadata; the card stays.")
@click.option(
    "--no-card", is_flag=True, help="Leave out the card: labels, preprocessing, origin, training."
)
@options.custom_objects
@options.seed
@options.json_output
def command(
    model: Path,
    recipes: tuple[str, ...],
    output: Path | None,
    calibration: str | None,
    dataset: str | None,
    calibration_count: int,
    io: str | None,
    normalize: str | None,
    resize: Resize | None,
    resolution: int | None,
    rewrite: str,
    qat: QatConfig,
    labels: Path | None,
    strip: bool,
    no_card: bool,
    custom_objects: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Make .tflite files of MODEL.

    MODEL is a .keras or .h5 file of Keras 2 or 3, a SavedModel folder, or a float .tflite file.
    """
    from tflconv import conversion
    from tflconv.conversion import description, optimized, unfused
    from tflconv.pipeline import retraining

    chosen = [_recipe(name, io) for name in recipes]
    if rewrite == "unfused":
        chosen = [unfused.named(recipe) for recipe in chosen]
    ready: conversion.FloatModel
    with options.warnings_on_stderr():
        if rewrite == "optimized":
            ready = optimized.prepare(model, custom_objects=custom_objects)
            _tell(ready.outcomes)
        elif rewrite == "unfused":
            ready = unfused.prepare(model, custom_objects=custom_objects)
        else:
            ready = conversion.prepare(model, custom_objects=custom_objects, resolution=resolution)
        names = None if labels is None else data.read_labels(labels)
        card = description.describe(ready, normalize=normalize, resize=resize, labels=names)
        samples = None
        text = calibration or dataset or (card.dataset if card else None)
        if text is not None and any(recipe.needs_calibration for recipe in chosen):
            samples = description.calibration(text, ready, card, count=calibration_count, seed=seed)
        ready = retraining.for_recipes(
            ready,
            chosen,
            model,
            dataset,
            card,
            replace(qat, seed=seed),
            optimize=rewrite == "optimized",
            custom_objects=custom_objects,
            told=options.tell_epoch,
        )
        made = conversion.convert(
            ready,
            chosen,
            output or model.parent,
            calibration=samples,
            card=card,
            strip=strip,
            with_card=not no_card,
        )
    options.print_rows(
        [
            {"file": str(file.path), "recipe": recipe.name, "bytes": file.bytes}
            for file, recipe in zip(made, chosen, strict=True)
        ],
        as_json=as_json,
    )


def _tell(outcomes: Iterable[PassOutcome]) -> None:
    """Say on stderr what each graph pass did, or why it did nothing."""
    for each in outcomes:
        done = f"does not apply: {each.skipped}" if each.skipped else _change(each)
        click.echo(f"{each.name}: {done}", err=True)


def _change(outcome: PassOutcome) -> str:
    if outcome.before == outcome.after:
        return f"{outcome.after} operations, changed"
    return f"{outcome.before} operations become {outcome.after}"


def _recipe(name: str, io: str | None) -> Recipe:
    found = recipe_module.get(name)
    return found if io is None or found.compute != "static" else found.with_io(cast(TensorType, io))
