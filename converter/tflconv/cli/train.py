"""``tflconv train``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

from tflconv import data, models, training
from tflconv.cli import options
from tflconv.training import TrainConfig

if TYPE_CHECKING:
    from tflconv.training.loop import Progress

_DEFAULTS = TrainConfig()


@click.command(name="train")
@click.argument("model")
@click.option("--dataset", required=True, help="Name of a dataset, or a folder of pictures.")
@options.output("The .keras file to write; default: MODEL-DATASET.keras.")
@click.option(
    "--epochs", default=_DEFAULTS.epochs, show_default=True, help="Looks at all pictures."
)
@click.option(
    "--batch-size", default=_DEFAULTS.batch_size, show_default=True, help="Pictures a step."
)
@click.option(
    "--learning-rate", default=_DEFAULTS.learning_rate, show_default=True, help="Its highest value."
)
@click.option("--weight-decay", default=_DEFAULTS.weight_decay, show_default=True, help="Of AdamW.")
@click.option(
    "--ema-decay",
    default=_DEFAULTS.ema_decay,
    show_default=True,
    help="Share of the average of weights that a step keeps.",
)
@click.option(
    "--patience",
    default=_DEFAULTS.patience,
    show_default=True,
    help="Epochs without progress that end the training; 0: never.",
)
@click.option("--augment/--no-augment", default=True, help="Move pictures a little at each look.")
@click.option("--resolution", type=click.IntRange(min=8), help="Side of the pictures in pixels.")
@click.option(
    "--channels", type=click.Choice(["1", "3"]), help="Grey or colour, by default as the dataset."
)
@click.option(
    "--option",
    "texts",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the model, see `tflconv models`; may be repeated.",
)
@options.seed
def command(
    model: str,
    dataset: str,
    output: Path | None,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
    ema_decay: float,
    patience: int,
    augment: bool,
    resolution: int | None,
    channels: str | None,
    texts: tuple[str, ...],
    seed: int,
) -> None:
    """Train MODEL on a dataset and write a .keras file.

    Choices are made on the validation split; the test split is not read. An interrupted training
    goes on when the same command is given again.
    """
    config = TrainConfig(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        ema_decay=ema_decay,
        patience=patience,
        augment=augment,
        seed=seed,
    )
    chosen = models.parse_options(model, texts)
    pictures = data.load(
        dataset, resolution=resolution, channels=None if channels is None else int(channels)
    )
    with options.warnings_on_stderr():
        pictures.warn()
    path = output or Path(f"{model}-{pictures.name}.keras")
    models.cost(model, pictures.train.images.shape[1:], len(pictures.classes), **chosen)
    with _shown() as progress:
        card = training.train(pictures, model, config, path, options=chosen, progress=progress)
    click.echo(f"{path}: validation accuracy {card.metrics['validation_accuracy']:.2%}")


@contextmanager
def _shown() -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal, else a line an epoch; an interrupt says how to go on."""
    bar = ProgressBar(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
    task = bar.add_task("")

    def show(progress: Progress) -> None:
        total = progress.epochs * progress.steps
        done = (progress.epoch - 1) * progress.steps + progress.step
        bar.update(task, total=total, completed=done, description=_sentence(progress))
        if bar.disable and progress.step == progress.steps:
            click.echo(_sentence(progress), err=True)

    try:
        with bar:
            yield show
    except KeyboardInterrupt:
        raise KeyboardInterrupt("The same command goes on from the last whole epoch.") from None


def _sentence(progress: Progress) -> str:
    accuracy = "" if progress.accuracy is None else f", validation {progress.accuracy:.2%}"
    return f"epoch {progress.epoch}/{progress.epochs}, loss {progress.loss:.3f}{accuracy}"
