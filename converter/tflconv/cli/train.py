"""``tflconv train``."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from tflconv import models, pipeline
from tflconv.cli import commands, completing, options
from tflconv.cli.console import print_json, say, say_next, showing
from tflconv.model.card import to_json
from tflconv.training import DistillConfig, TrainConfig
from tflconv.training.config import Precision, Strategy

_DEFAULTS = TrainConfig()


@commands.command(name="train")
@click.argument("model", shell_complete=completing.models)
@click.option(
    "--dataset",
    metavar="DATASET",
    shell_complete=completing.datasets,
    required=True,
    help="Name of a dataset, or a folder.",
)
@options.output("The .keras file to write.  [default: MODEL-DATASET.keras]")
@click.option(
    "--option",
    "texts",
    multiple=True,
    metavar="NAME=VALUE",
    help="Option of the model, see `tflconv list models`; may be repeated.",
)
@click.option(
    "--resolution",
    type=click.IntRange(min=8),
    metavar="PIXELS",
    help="Side of the pictures.  [default: as the dataset says]",
)
@click.option(
    "--channels",
    type=click.Choice(["1", "3"]),
    help="Grey (1) or colour (3).  [default: as the dataset says]",
)
@options.settings(
    TrainConfig,
    {
        "epochs": "Number of passes over the training pictures.",
        "batch_size": "Number of pictures per step.",
        "learning_rate": "Highest learning rate.",
        "warmup_ratio": "Share of all steps in which the learning rate rises from 0.",
        "weight_decay": "Weight decay of AdamW.",
        "label_smoothing": "Share of each label that is spread over all classes.",
        "ema_decay": "Decay of the exponential moving average of the weights; 0: none.",
        "patience": "Epochs without a better validation accuracy that end training; 0: never.",
        "mixup": "Beta parameter by which pictures are mixed with others; 0: none, 0.2 is usual.",
        "cutmix": "Beta parameter by which rectangles of others replace a part; 1 is usual.",
        "erasing": "Probability with which a rectangle of a picture is erased.",
        "freeze_epochs": "Number of epochs at first in which only the head learns.",
        "unfreeze_epochs": "Number of epochs after those in which the other layers join, from the"
        " head backwards; 0: all at once.",
    },
)
@click.option(
    "--weights",
    metavar="FILE",
    shell_complete=completing.files,
    help="A .keras or .h5 file of the same network, or its https address: training starts from its"
    " weights, with a new head where the classes are others.",
)
@click.option(
    "--weights-sha256",
    metavar="HEX",
    help="Hash of the file of weights; an address needs it.",
)
@click.option(
    "--augment/--no-augment",
    default=_DEFAULTS.augment,
    show_default=True,
    help="Shift, rotate, zoom and mirror pictures as far as the dataset allows.",
)
@click.option(
    "--strategy",
    type=click.Choice(get_args(Strategy)),
    default=_DEFAULTS.strategy,
    show_default=True,
    help="Where it computes: on one device (single), on all of this computer (mirrored), or on all"
    " workers that TF_CONFIG names, each started with the same command (multiworker).",
)
@click.option(
    "--precision",
    type=click.Choice(get_args(Precision)),
    default=_DEFAULTS.precision,
    show_default=True,
    help="Arithmetic of its steps: bfloat16, in convolutions and matrix products, is faster for"
    " some networks on some processors. Weights are float32 in either.",
)
@click.option(
    "--teacher",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Model that teaches this one: a .keras, .h5 or .tflite file or a SavedModel; or a .npy"
    " file of logits of the pictures as they are.",
)
@click.option(
    "--teacher-normalize",
    metavar="SCALE",
    help="How pixels become inputs of a teacher that does not say it, as in `tflconv convert`.",
)
@options.settings(
    DistillConfig,
    {
        "targets": "What the teacher tells: its probabilities (soft) or its choice (hard).",
        "temperature": "What logits are divided by before they become soft targets.",
        "alpha": "Share of the teacher in the loss; the rest is that of the labels.",
        "views": "Number of different views of the pictures, each shown to the teacher once.",
        "features": "Layers that learn from layers of the teacher: TEACHER=STUDENT,... or auto.",
        "feature_loss": "What is compared: the features (fitnets), or where they are large"
        " (attention).",
        "beta": "What the loss on features is multiplied by.",
    },
    prefix="distill_",
    name="distill",
)
@options.custom_objects
@options.seed
@options.json_output
def command(
    model: str,
    dataset: str,
    output: Path | None,
    texts: tuple[str, ...],
    resolution: int | None,
    channels: str | None,
    config: TrainConfig,
    weights: str | None,
    weights_sha256: str | None,
    teacher: Path | None,
    teacher_normalize: str | None,
    custom_objects: Path | None,
    distill: DistillConfig,
    as_json: bool,
) -> None:
    """Train MODEL on a dataset and write a .keras file.

    Choices are made on the validation split; the test split is not read. An interrupted training
    goes on when the same command is given again.

    \b
    Examples:
      tflconv train mobilenet_v2 --dataset mnist-sample
      tflconv train vit --dataset photos/ --resolution 64 --option patch=8 --epochs 20
      tflconv train mobilenet_v2 --dataset photos/ --teacher large.keras --mixup 0.2
      tflconv train resnet --dataset photos/ --weights cifar.keras --freeze-epochs 2
    """
    request = pipeline.TrainingRequest(
        model=model,
        dataset=dataset,
        options=models.parse_options(model, texts),
        resolution=resolution,
        channels=None if channels is None else int(channels),
        config=config,
        teacher=teacher,
        teacher_normalize=teacher_normalize,
        custom_objects=custom_objects,
        distill=distill,
        weights=weights,
        weights_sha256=weights_sha256,
    )
    try:
        with options.warnings_on_stderr(), showing() as progress:
            trained = pipeline.train(request, output, progress=progress)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("The same command goes on from the last whole epoch.") from None
    if as_json:
        print_json({"file": str(trained.path), **to_json(trained.card)})
        return
    accuracy = trained.card.metrics["validation_accuracy"]
    say(f"{trained.path}: validation accuracy {accuracy:.2%}")
    say_next("tflconv", "convert", trained.path)
