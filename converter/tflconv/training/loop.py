"""The training loop: from a dataset and the name of a model to a ``.keras`` file with its card.

Each epoch sees one view of the pictures (``course``), makes one step of AdamW per batch (Loshchilov
and Hutter 2019), updates the exponential moving average (EMA) of the weights (Polyak and Juditsky
1992), and evaluates the averaged weights on the validation split. Those of the best epoch are kept.
The test split is never used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from tflconv import models
from tflconv.core.files import sha256_json
from tflconv.core.jsonvalue import JsonValue
from tflconv.core.progress import Callback, Progress, silent
from tflconv.core.tensorflow import keras2
from tflconv.core.typing import Keras2Model
from tflconv.core.versions import versions
from tflconv.data import Dataset
from tflconv.model.card import ModelCard
from tflconv.model.normalization import NAMED
from tflconv.models.registry import OptionValue
from tflconv.training import precision, strategy
from tflconv.training.config import TrainConfig
from tflconv.training.course import Course, StartingWeights, Teacher
from tflconv.training.learner import Learner
from tflconv.training.saving import write_model
from tflconv.training.schedule import ema_decay_at, learning_rate
from tflconv.training.starting import take_over
from tflconv.training.state import Row, State, StateFile
from tflconv.training.thawing import Thawing, TrainableLayers

NORMALIZATION = NAMED["-1..1"]
PACKAGES = ("tflconv", "tensorflow", "tf_keras", "numpy")

FEW_STEPS = 300
"""Below so many a user is told that they are few.

A rule of thumb: a MobileNetV2 that saw 291 digits was right on 39, 61 and 68 % of 31 others after
48, 108 and 216 steps (12 epochs, batches of 64, 32, 16), and on 84 % after 240 (60 epochs).
"""

_FIGURES = {"epoch", "learning_rate", "loss", "validation_accuracy", "validation_loss"}
"""What the history holds of an epoch."""


def train(
    dataset: Dataset,
    model: str,
    config: TrainConfig,
    output: Path,
    *,
    options: Mapping[str, OptionValue] | None = None,
    teacher: Teacher | None = None,
    start: StartingWeights | None = None,
    progress: Callback = silent,
) -> ModelCard:
    """Train a model on a dataset and write it as a ``.keras`` file.

    An interrupted training resumes after its last finished epoch when it is called again with the
    same arguments.

    Args:
        dataset: The pictures; the test split is not used.
        model: Name of a registered model.
        config: Settings of the training.
        output: The ``.keras`` file to write.
        options: Options of the model; by default those of its architecture.
        teacher: Who teaches the model besides the labels; by default nobody.
        start: The file whose weights it starts from; by default random ones.
        progress: Called after each step, and with a message after each epoch.

    Returns:
        The card that the file carries: labels, preprocessing, origin, history, validation accuracy.

    Raises:
        UsageError: The model or an option is unknown, or the pictures or the weights that it
            starts from do not fit the model.
        TflconvError: ``output`` cannot be written; this is known before the first step.

    Example:
        >>> import tempfile
        >>> from tflconv import data
        >>> config = TrainConfig(epochs=1, augment=False)
        >>> options = {"dim": 8, "depth": 1, "heads": 1}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     output = Path(folder) / "vit.keras"
        ...     card = train(data.load("mnist-sample"), "vit", config, output, options=options)
        >>> card.labels[:3]
        ('0', '1', '2')
    """
    devices = strategy.of(config.strategy)
    strategy.check_parts(devices, config.batch_size)
    config = replace(config, precision=precision.usable(config.precision))
    with devices.scope(), strategy.own_file(devices, output) as own_file:
        course = Course(dataset, config, teacher, start)
        return _train(course, model, own_file, dict(options or {}), progress)


def _train(
    course: Course,
    model: str,
    output: Path,
    chosen: Mapping[str, OptionValue],
    progress: Callback,
) -> ModelCard:
    dataset, config = course.dataset, course.config
    keras2.utils.set_random_seed(config.seed)
    shape = dataset.train.images.shape[1:]
    network = models.build(model, shape, len(dataset.classes), **chosen)
    learner = _learner(network, course)
    checkpoint = StateFile.beside(output, key=_key(course, model, chosen))
    history = _fit(learner, course, checkpoint, progress)
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
        training={**_training_facts(course, learner), "history": history},
        metrics={key: best[key] for key in ("validation_accuracy", "validation_loss")},
        versions=versions(*PACKAGES),
    )
    write_model(output, learner.best_model(), card)
    checkpoint.remove()
    return card


def _training_facts(course: Course, learner: Learner) -> dict[str, JsonValue]:
    """What the card says about the training: settings, and layers that were learned from."""
    facts = course.to_json()
    if course.teacher is not None and learner.features is not None:
        facts["distill"] = {**course.teacher.to_json(), "layers": learner.features.to_json()}
    return facts


def _learner(network: Keras2Model, course: Course) -> Learner:
    """The model that learns, with the weights that it starts from."""
    config, taught, start = course.config, course.teacher, course.start
    new = () if start is None else take_over(network, start, course.dataset.classes)
    thawing = Thawing(freeze_epochs=config.freeze_epochs, unfreeze_epochs=config.unfreeze_epochs)
    return Learner(
        network,
        config,
        NORMALIZATION,
        taught.config if taught else None,
        features=taught.show(network) if taught and taught.show else None,
        layers=TrainableLayers(network, thawing, new),
        begins=start is None,
    )


def _fit(learner: Learner, course: Course, checkpoint: StateFile, progress: Callback) -> list[Row]:
    """Run the epochs that are still to be run and return the whole history."""
    resumed = _resumed(checkpoint, learner)
    if resumed:
        learner.restore(resumed.values)
    else:
        checkpoint.save(State(values=learner.values(), history=[]))
        _warn_of_few_steps(course, progress)
    history = list(resumed.history) if resumed else []
    while not _finished(history, course.config):
        history.append(_epoch(learner, course, len(history), progress))
        if _best(history) is history[-1]:
            learner.keep_best()
        checkpoint.save(State(values=learner.values(), history=history))
        progress(_after(history[-1], course.config.epochs, course.steps))
    return history


def _warn_of_few_steps(course: Course, progress: Callback) -> None:
    steps = course.config.epochs * course.steps
    if steps < FEW_STEPS and course.start is None:
        message = (
            f"{steps} steps are few for a network that begins with random weights: it will learn"
            " more in more epochs, in smaller batches, or from the weights of a trained one"
        )
        progress(Progress(stage="train", state="note", message=message))


def _resumed(checkpoint: StateFile, learner: Learner) -> State | None:
    """Return the state of the training, unless there is none that belongs to it."""
    state = checkpoint.load()
    if state is None or not learner.fits(state.values):
        return None
    return state if all(set(row) == _FIGURES for row in state.history) else None


def _epoch(learner: Learner, course: Course, epoch: int, progress: Callback) -> Row:
    config, steps = course.config, course.steps
    losses, total = [], config.epochs * steps
    learner.enter(epoch)
    for step, batch in enumerate(course.batches(epoch), start=epoch * steps):
        rate = learning_rate(config, (step + 1) / total)
        losses.append(learner.step(batch, rate, ema_decay_at(config, step)))
        progress(Progress(stage="train", done=step + 1, total=total, unit="steps"))
    accuracy, loss = learner.evaluate(course.dataset.validation)
    return {
        "epoch": epoch + 1,
        "learning_rate": rate,
        "loss": float(np.mean(losses)),
        "validation_accuracy": accuracy,
        "validation_loss": loss,
    }


def _after(row: Row, epochs: int, steps: int) -> Progress:
    """Return the event that reports a finished epoch."""
    message = (
        f"epoch {row['epoch']} of {epochs}: loss {row['loss']:.3f},"
        f" validation accuracy {row['validation_accuracy']:.2%}"
    )
    done = int(row["epoch"]) * steps
    return Progress(stage="train", done=done, total=epochs * steps, unit="steps", message=message)


def _best(history: list[Row]) -> Row:
    """Return the epoch with the best validation accuracy; of equals, the last."""
    return max(reversed(history), key=lambda row: row["validation_accuracy"])


def _finished(history: list[Row], config: TrainConfig) -> bool:
    """Return whether all epochs are run, or the last ``patience`` epochs brought no better one."""
    accuracies = [row["validation_accuracy"] for row in history]
    stale = len(history) - 1 - accuracies.index(max(accuracies)) if history else 0
    return len(history) >= config.epochs or stale >= config.patience > 0


def _key(course: Course, model: str, options: Mapping[str, OptionValue]) -> str:
    """Return the hash of everything that decides the outcome of the training."""
    return sha256_json(
        {
            "dataset": course.dataset.digest,
            "model": model,
            "options": dict(options),
            "config": course.to_json(),
            "versions": versions(*PACKAGES),
        }
    )
