"""The step ``finetune``: a Keras model trained further as it is, on pictures of one's own."""

from __future__ import annotations

from pathlib import Path

from tflconv.compression.config import FinetuneConfig
from tflconv.compression.examples import Examples
from tflconv.compression.fine_tuning import fine_tune
from tflconv.compression.head import renewed
from tflconv.compression.kernels import copied
from tflconv.compression.technique import Subject
from tflconv.core import telling
from tflconv.core.progress import Callback
from tflconv.core.text import clean
from tflconv.core.typing import KerasModel
from tflconv.errors import UsageError
from tflconv.model.weights import by_layer
from tflconv.training.thawing import Thawing, TrainableLayers, weighted


def compress(
    subject: Subject[FinetuneConfig],
    examples: Examples | None,
    unfinished: Path,
    progress: Callback,
) -> KerasModel:
    """Train the model of ``subject`` on ``examples``.

    Raises:
        UsageError: It is no Keras model, no layer of it fits the weights to begin with, or it has
            no head that could be made new.
    """
    assert examples is not None  # this technique always needs pictures
    config = subject.config
    if config.head == "new":
        model = renewed(subject.model, examples.classes, config.seed)
    else:
        model = copied(subject.model)
    for path in config.files.values():
        _begin_with(path, model)
    thawing = Thawing(freeze_epochs=config.freeze_epochs, unfreeze_epochs=config.unfreeze_epochs)
    layers = TrainableLayers(model, thawing)
    fine_tune(model, examples, config, layers=layers, unfinished=unfinished, progress=progress)
    layers.leave()
    return model


def _begin_with(path: Path, model: KerasModel) -> None:
    """Set the weights of the layers of ``model`` that fit those in the file at ``path``."""
    layers, unfit = list(weighted(model)), []
    with by_layer(path) as stored:
        for layer in layers:
            values = stored.get(layer.name, [])
            if [value.shape for value in values] == [tuple(each.shape) for each in layer.weights]:
                layer.set_weights([value[()] for value in values])
            else:
                unfit.append(layer.name)
        if len(unfit) == len(layers):
            raise UsageError(
                f"{path} does not fit: it has no layer with the name and the shapes of one of"
                f" {model.name}.",
                hint=f"It has layers such as {clean(', '.join(sorted(stored)[:5]), 120)}.",
            )
    if unfit:
        telling.warn(
            f"{path} does not fit {len(unfit)} of {len(layers)} layers, which begin with the"
            f" weights of the model: {', '.join(unfit[:5])}{' ...' if len(unfit) > 5 else ''}."
        )
