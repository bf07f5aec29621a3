"""``tflconv list models``."""

from __future__ import annotations

import click

from tflconv import models
from tflconv.cli import commands, options
from tflconv.cli.console import say_next
from tflconv.errors import UsageError
from tflconv.models import registry


@commands.command(name="models")
@click.option(
    "--shape",
    nargs=3,
    type=click.IntRange(min=1),
    metavar="PIXELS PIXELS CHANNELS",
    default=(28, 28, 1),
    show_default=True,
    help="Height, width and channels of the pictures, in pixels, for parameters and cost.",
)
@click.option(
    "--classes",
    type=click.IntRange(min=2),
    metavar="CLASSES",
    default=10,
    show_default=True,
    help="Number of classes, for parameters and cost.",
)
@options.json_output
def command(shape: tuple[int, int, int], classes: int, as_json: bool) -> None:
    """List the models that can be trained, with their options and their cost per picture.

    MACs are multiply-accumulate operations; FLOPs count two per MAC plus all other operations.

    \b
    Examples:
      tflconv list models
      tflconv list models --shape 224 224 3 --classes 1000
    """
    options.print_rows([_row(name, shape, classes) for name in models.names()], as_json=as_json)
    say_next("tflconv", "train", models.names()[0], "--dataset", "mnist-sample")


def _row(name: str, shape: tuple[int, int, int], classes: int) -> dict[str, object]:
    cost = _cost(name, shape, classes)
    return {
        "model": name,
        "parameters": cost and cost.parameters,
        "MACs": cost and cost.macs,
        "FLOPs": cost and cost.flops,
        "options": " ".join(f"{o.name}={o.default}" for o in registry.options(name)),
        "what it is": registry.summary(name),
    }


def _cost(name: str, shape: tuple[int, int, int], classes: int) -> models.Cost | None:
    """Return the cost per picture, or None if the model's default options do not fit the shape."""
    try:
        return models.cost(name, shape, classes)
    except UsageError:
        return None
