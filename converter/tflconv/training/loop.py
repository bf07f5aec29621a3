"""From a dataset and the name of a model to a trained ``.keras`` file that tells its story.

One loop: each epoch draws its order and its augmentation from (seed, epoch), makes a step of AdamW
for each batch, moves a running average of the weights along (Polyak and Juditsky 1992), and asks
the validation pictures how good that average is. The average of the best epoch is kept. The test
pictures are never touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv import models
from tflconv.core.files import sha256_json
from tflconv.core.progress import Callback, Progress, silent
from tflconv.core.tensorflow import keras2
from tflconv.core.versions import versions
from tflconv.data import Dataset
from tflconv.model.card import ModelCard
from tflconv.model.normalization import NAMED
from tflconv.training.augmentation import Augmentation
from tflconv.training.config import TrainConfig
from tflconv.training.learner import Learner
from tflconv.training.saving import write_model
from tflconv.training.schedule import kept_share, learning_rate
from tflconv.training.state import Row, State, StateFile

NORMALIZATION = NAMED["-1..1"]
PACKAGES = ("tflconv", "tensorflow", "tf_keras", "numpy")


def train(
    dataset: Dataset,
    model: str,
    config: TrainConfig,
    output: Path,
    *,
    options: Mapping[str, Any] | None = None,
    progress: Callback = silent,
) -> ModelCard:
    """Train ``model`` with its ``options`` on ``dataset`` and write ``output``, a ``.keras`` file.

    An interrupted training goes on from its last whole epoch when it is called again with the same
    arguments. Raises ``UsageError`` for an unknown model, option or shape that does not fit, and
    ``TflconvError`` where ``output`` cannot be written, before the first step is made.
    """
    chosen = dict(options or {})
    keras2.utils.set_random_seed(config.seed)
    shape = dataset.train.images.shape[1:]
    network = models.build(model, shape, len(dataset.classes), **chosen)
    learner = Learner(network, config, NORMALIZATION)
    kept = StateFile.beside(output, key=_key(dataset, model, config, chosen))
    history = _fit(learner, dataset, config, kept, progress)
    best = _best(history)
    card = ModelCard(
        model=model,
        labels=dataset.classes,
        input_shape=shape,
        resize=dataset.view.resize,
        normalization=NORMALIZATION,
        options=chosen,
        dataset=dataset.name,
        dataset_digest=dataset.digest,
        subset=dataset.subset,
        seed=config.seed,
        training={**asdict(config), "history": history},
        metrics={key: best[key] for key in ("validation_accuracy", "validation_loss")},
        versions=versions(*PACKAGES),
    )
    write_model(output, learner.best_model(), card)
    kept.remove()
    return card


def _fit(
    learner: Learner, dataset: Dataset, config: TrainConfig, kept: StateFile, progress: Callback
) -> list[Row]:
    """Run all epochs that are still to be run and return the whole history."""
    found = kept.load()
    if found:
        learner.restore(found.values)
    else:
        kept.save(State(values=learner.values(), history=[]))
    history = list(found.history) if found else []
    while not _finished(history, config):
        history.append(_epoch(learner, dataset, config, len(history), progress))
        if _best(history) is history[-1]:
            learner.keep_best()
        kept.save(State(values=learner.values(), history=history))
        progress(_after(history[-1], config.epochs, _steps(dataset, config)))
    return history


def _epoch(
    learner: Learner, dataset: Dataset, config: TrainConfig, epoch: int, progress: Callback
) -> Row:
    losses = []
    steps = _steps(dataset, config)
    for step, (pixels, labels, maps) in enumerate(_batches(dataset, config, epoch)):
        done = epoch * steps + step
        rate = learning_rate(config, (done + 1) / (config.epochs * steps))
        losses.append(learner.step(pixels, labels, maps, rate, kept_share(config, done)))
        progress(Progress(stage="train", done=done + 1, total=config.epochs * steps))
    accuracy, loss = learner.evaluate(dataset.validation)
    return {
        "epoch": epoch + 1,
        "learning_rate": rate,
        "loss": float(np.mean(losses)),
        "validation_accuracy": accuracy,
        "validation_loss": loss,
    }


def _after(row: Row, epochs: int, steps: int) -> Progress:
    """What is told after an epoch."""
    message = (
        f"epoch {row['epoch']} of {epochs}: loss {row['loss']:.3f},"
        f" validation accuracy {row['validation_accuracy']:.2%}"
    )
    done = int(row["epoch"]) * steps
    return Progress(stage="train", done=done, total=epochs * steps, message=message)


def _steps(dataset: Dataset, config: TrainConfig) -> int:
    return max(1, len(dataset.train) // config.batch_size)


def _batches(
    dataset: Dataset, config: TrainConfig, epoch: int
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float32]]]:
    """Whole batches in a new order: pixels, labels, and the affine maps of their augmentation."""
    random = np.random.default_rng((config.seed, epoch))
    allowed = Augmentation.of(dataset.card.augmentation) if config.augment else Augmentation.none()
    images, labels = dataset.train.images, dataset.train.labels
    order = random.permutation(len(labels))
    for step in range(_steps(dataset, config)):
        chosen = order[step * config.batch_size : (step + 1) * config.batch_size]
        yield images[chosen], labels[chosen], allowed.maps(len(chosen), images.shape[1:3], random)


def _best(history: list[Row]) -> Row:
    """The epoch with the best validation accuracy; of equals, the last."""
    return max(reversed(history), key=lambda row: row["validation_accuracy"])


def _finished(history: list[Row], config: TrainConfig) -> bool:
    """Whether all epochs are run, or none of the last ``patience`` was better than before."""
    accuracies = [row["validation_accuracy"] for row in history]
    stale = len(history) - 1 - accuracies.index(max(accuracies)) if history else 0
    return len(history) >= config.epochs or stale >= config.patience > 0


def _key(dataset: Dataset, model: str, config: TrainConfig, options: Mapping[str, Any]) -> str:
    """A hash of everything that decides how the training ends."""
    return sha256_json(
        {
            "dataset": dataset.digest,
            "model": model,
            "options": dict(options),
            "config": asdict(config),
            "versions": versions(*PACKAGES),
        }
    )
