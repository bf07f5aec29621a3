"""Fine-tuning: train a Keras model further, whatever its Keras, as steps do after they cut.

The order of the pictures and their augmentation are drawn from (seed, epoch). Each batch makes one
step of AdamW with warmup and cosine decay. The state is written after each epoch, so that a killed
training goes on from there. What is learned may be changed: the loss, and what is done after each
step, such as to put masked weights back to zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tflconv.compression.config import TuningConfig
from tflconv.compression.examples import Examples
from tflconv.compression.kernels import keeping
from tflconv.compression.statistics import settle, statistics
from tflconv.core.files import sha256_json
from tflconv.core.nesting import leaves
from tflconv.core.progress import Callback, Progress, silent
from tflconv.core.tensorflow import any_names, keras2, tf
from tflconv.core.typing import KerasModel, Tensor, Variable
from tflconv.training import precision
from tflconv.training.augmentation import Augmentation
from tflconv.training.config import TrainConfig
from tflconv.training.learner import NO_DECAY
from tflconv.training.schedule import learning_rate
from tflconv.training.seeing import augmented
from tflconv.training.state import Row, State, StateFile
from tflconv.training.thawing import TrainableLayers

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Takes the inputs of a batch, the outputs of the model and the labels; returns the mean loss."""

_STATE = "tuning.state"
_EVALUATED = 250


def fine_tune(
    model: KerasModel,
    examples: Examples,
    config: TuningConfig,
    *,
    name: str = "finetune",
    loss: Loss | None = None,
    after_step: Callable[[int], object] | None = None,
    features: FeatureLesson | None = None,
    layers: TrainableLayers | None = None,
    unfinished: Path | None = None,
    progress: Callback = silent,
) -> None:
    """Train ``model`` in place; what was pruned and clustered in it stays so.

    Of the statistics of its BatchNorms those stay that suit the held-out pictures best: those of
    this training, those from before it, or those of plain pictures.

    Args:
        model: A Keras 2 or Keras 3 model that tells classes apart.
        examples: Labelled pictures.
        config: Epochs, learning rate and other settings.
        name: What the training is called in messages and in its state.
        loss: What is minimized; by default the cross-entropy with the labels.
        after_step: Called after each step with the number of those that are done.
        features: What is learned besides from the features of inner layers.
        layers: Which layers learn in which epoch; by default all in each.
        unfinished: Folder for the state after each epoch, from which an interrupted training goes
            on; by default none is kept.
        progress: Is told of each step, and by a message of loss and accuracy of each epoch.
    """
    config = replace(config, precision=precision.usable(config.precision))
    wanted = loss or cross_entropy(model, config.label_smoothing)
    keep, steps = keeping(model), examples.steps(config)

    def after(done: int) -> None:
        keep()
        if after_step is not None:
            after_step(done)
        progress(Progress(stage=name, done=done, total=steps, unit="steps"))

    before = statistics(model)
    tuner = _Tuner(model, config, wanted, after, features)
    enter = (lambda _: False) if layers is None else layers.enter
    key = sha256_json({"name": name, **asdict(config), "values": len(tuner.values())})
    file = None if unfinished is None else StateFile(path=unfinished / f"{name}-{_STATE}", key=key)
    state = None if file is None else file.load()
    history: list[Row] = (
        [] if state is None or not tuner.restore(state.values) else [*state.history]
    )
    while len(history) < config.epochs:
        if enter(len(history)):
            tuner.choose()
        row = tuner.epoch(examples, len(history))
        history.append(row)
        if file is not None:
            file.path.parent.mkdir(parents=True, exist_ok=True)
            file.save(State(values=tuner.values(), history=history))
        progress(_finished(name, row, config.epochs, steps))
    plain = config.augment and examples.augmentation != Augmentation.none()
    settled = settle(model, examples, before, accuracy=accuracy, plain=plain, seed=config.seed)
    if settled:
        message = f"{name}: {settled}"
        progress(Progress(stage=name, done=steps, total=steps, unit="steps", message=message))


def cross_entropy(model: KerasModel, smoothing: float = 0.0) -> Loss:
    """Return the cross-entropy by what ``model`` ends with: softmax, sigmoids or logits.

    Args:
        model: The model; one score speaks for the second of two classes.
        smoothing: Share of each label that is spread over all classes.
    """
    (output,) = leaves(model.outputs)
    classes, ends = int(output.shape[-1] or 0), last_activation(model)

    def loss(_: Tensor, scores: Tensor, labels: Tensor) -> Tensor:
        if classes == 1:
            wanted = tf.cast(labels, tf.float32)[:, None]
        else:
            wanted = tf.one_hot(labels, classes)
            wanted = wanted * (1 - smoothing) + smoothing / classes
        if classes == 1 or ends == "sigmoid":
            kind = keras2.losses.BinaryCrossentropy(from_logits=ends != "sigmoid")
        else:
            kind = keras2.losses.CategoricalCrossentropy(from_logits=ends != "softmax")
        result: Tensor = kind(wanted, scores)
        return result

    return loss


def last_activation(model: KerasModel) -> str:
    """Return the name of the function that ``model`` ends with; empty if it is none."""
    last: Any = model.layers[-1]
    if type(last).__name__ == "Softmax":
        return "softmax"
    if hasattr(last, "layers"):
        return last_activation(last)
    return str(getattr(getattr(last, "activation", None), "__name__", ""))


def accuracy(model: KerasModel, examples: Examples) -> float:
    """Return the share of ``examples`` that ``model`` classifies right, 0 to 1."""
    ends, right = last_activation(model), 0
    for start in range(0, len(examples), _EVALUATED):
        images = examples.images[start : start + _EVALUATED]
        (scores,) = leaves(model(tf.constant(examples.normalize(images)), training=False))
        answers = _classes(np.asarray(scores), ends)
        right += int(np.sum(answers == examples.labels[start : start + _EVALUATED]))
    return right / max(1, len(examples))


def variables_of(model: KerasModel, *, trainable: bool = False) -> list[Variable]:
    """Return the variables of ``model`` as those of TensorFlow, whichever Keras wraps them."""
    held: Sequence[Any] = model.trainable_variables if trainable else model.weights
    return [
        variable if callable(getattr(variable, "value", None)) else variable.value
        for variable in held
    ]


def _classes(scores: NDArray[np.float32], ends: str) -> NDArray[np.int64]:
    if scores.shape[-1] > 1:
        return np.asarray(scores.argmax(-1), np.int64)
    return np.asarray(scores[:, 0] > (0.5 if ends == "sigmoid" else 0.0), np.int64)


class FeatureLesson(Protocol):
    """What a model learns from the features of a teacher.

    Attributes:
        watched: The model, whose outputs are followed by its features.
    """

    watched: KerasModel

    @property
    def variables(self) -> list[Variable]:
        """What is trained besides the model."""
        ...

    def loss(self, inputs: Tensor, features: Sequence[Tensor]) -> Tensor:
        """Return the mean loss of ``features``, as large as it shall count."""
        ...


class _Tuner:
    """A model in training and its optimizer."""

    def __init__(
        self,
        model: KerasModel,
        config: TuningConfig,
        loss: Loss,
        after_step: Callable[[int], object],
        features: FeatureLesson | None = None,
    ) -> None:
        self.model, self.config, self.loss, self.after_step = model, config, loss, after_step
        self.features = features
        self.called = model if features is None else features.watched
        self.besides = [] if features is None else features.variables
        self.held = variables_of(model)  # frozen layers would change their order
        self.choose()
        self.optimizer = keras2.optimizers.AdamW(weight_decay=config.weight_decay, beta_2=0.99)
        self.optimizer.exclude_from_weight_decay(var_names=list(NO_DECAY))
        self.optimizer.build(self.trained)

    def choose(self) -> None:
        """Train the variables that can be trained now."""
        self.trained = [*variables_of(self.model, trainable=True), *self.besides]
        self.step = tf.function(self._step, reduce_retracing=True)

    @property
    def _variables(self) -> list[Variable]:
        return [*self.held, *self.besides, *self.optimizer.variables]

    def values(self) -> list[NDArray[np.generic]]:
        """The values of all variables."""
        return [variable.numpy() for variable in self._variables]

    def restore(self, values: Sequence[NDArray[np.generic]]) -> bool:
        """Set all variables to ``values``, if those have their shapes; whether they have."""
        held = self._variables
        if [value.shape for value in values] != [tuple(variable.shape) for variable in held]:
            return False
        for variable, value in zip(held, values, strict=True):
            variable.assign(value)
        return True

    def epoch(self, examples: Examples, epoch: int) -> Row:
        """Run one epoch and return its figures."""
        config, losses = self.config, []
        steps = examples.steps(config)
        random = np.random.default_rng((config.seed, epoch, 1))
        done = epoch * (steps // max(1, config.epochs))
        schedule = TrainConfig(learning_rate=config.learning_rate, warmup_ratio=config.warmup_ratio)
        for chosen in examples.order(config, epoch):
            done += 1
            pixels = examples.images[chosen]
            if config.augment:
                height, width = pixels.shape[1:3]
                maps = examples.augmentation.maps(len(chosen), (height, width), random)
                pixels = augmented(tf.constant(pixels, tf.float32), tf.constant(maps)).numpy()
            rate = learning_rate(schedule, min(1.0, done / steps))
            batch = (examples.normalize(pixels), examples.labels[chosen], rate)
            with precision.computing(config.precision):
                losses.append(float(self.step(*map(tf.constant, batch))))
            self.after_step(done)
        row = {"epoch": epoch + 1, "loss": float(np.mean(losses))}
        if examples.held_out is not None and len(examples.held_out):
            row["validation_accuracy"] = accuracy(self.model, examples.held_out)
        return row

    def _step(self, inputs: Tensor, labels: Tensor, rate: Tensor) -> Tensor:
        with tf.GradientTape() as tape, any_names():
            scores, *features = leaves(self.called(inputs, training=True))
            loss = self.loss(inputs, scores, labels)
            if self.features is not None:
                loss += self.features.loss(inputs, features)
        gradients = tape.gradient(loss, self.trained)
        self.optimizer.learning_rate.assign(rate)
        self.optimizer.apply_gradients(
            [(g, v) for g, v in zip(gradients, self.trained, strict=True) if g is not None]
        )
        return loss


def _finished(name: str, row: Row, epochs: int, steps: int) -> Progress:
    """The event that reports a finished epoch."""
    held_out = row.get("validation_accuracy")
    validation = "" if held_out is None else f", validation accuracy {held_out:.2%}"
    message = f"{name}: epoch {row['epoch']:.0f} of {epochs}, loss {row['loss']:.3f}{validation}"
    done = int(row["epoch"]) * steps // epochs
    return Progress(stage=name, done=done, total=steps, unit="steps", message=message)
