"""Networks trained side by side on the same views, with labels or a teacher's answers as targets.

The teacher answers for the very view that its students see, inside the training step (Beyer et al.
2022, "Knowledge distillation: a good teacher is patient and consistent",
https://arxiv.org/abs/2106.05237). Networks of one group share views, their order and the teacher's
answers, so that two networks that differ in their target differ in nothing else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import jax_layers
import keras
import numpy as np
import optax
import views
from jax.flatten_util import ravel_pytree
from plans import Network, Settings

from tflconv.models import architecture

keras.config.disable_flash_attention()  # its kernels take no odd number of tokens

Weights = dict[str, np.ndarray]
Shape = tuple[int, ...]


class State(NamedTuple):
    """What changes of a network in a step; weights are one vector, which makes steps cheap."""

    weights: jax.Array
    statistics: list[jax.Array]
    optimizer: Any
    average: jax.Array


class Learner:
    """A network with its training state."""

    def __init__(self, network: Network, settings: Settings, shape: Shape, classes: int) -> None:
        keras.utils.set_random_seed(network.seed)
        self.network = network
        self.keras = made(network, shape, classes)
        variables = [jnp.asarray(v.value) for v in self.keras.trainable_variables]
        weights, self.unravel = ravel_pytree(variables)
        decayed = [jnp.full(v.shape, float(v.ndim > 1)) for v in variables]
        self.decay = settings.weight_decay * ravel_pytree(decayed)[0]
        self.sgd = settings.optimizer == "sgd"
        self.optimizer = (
            optax.trace(decay=0.9, nesterov=True) if self.sgd else optax.scale_by_adam()
        )
        statistics = [jnp.asarray(v.value) for v in self.keras.non_trainable_variables]
        average = jnp.array(weights)
        self.state = State(weights, statistics, self.optimizer.init(weights), average)

    def logits(
        self, weights: jax.Array, statistics: list[jax.Array], view: jax.Array, training: bool
    ) -> tuple[jax.Array, list[jax.Array]]:
        """Return the logits of a view and the new statistics of BatchNorm."""
        trained = self.unravel(weights)
        out, after = self.keras.stateless_call(trained, statistics, view, training=training)
        return out.astype(jnp.float32), after

    def update(
        self, state: State, view: jax.Array, targets: Targets, rate: jax.Array, decay: jax.Array
    ) -> tuple[State, jax.Array]:
        """Make one step and return the new state and the loss."""

        def loss(weights: jax.Array) -> tuple[jax.Array, list[jax.Array]]:
            logits, statistics = self.logits(weights, state.statistics, view, True)
            return self._loss(logits, targets), statistics

        (value, statistics), gradient = jax.value_and_grad(loss, has_aux=True)(state.weights)
        if self.sgd:
            gradient = gradient + self.decay * state.weights
        step, optimizer = self.optimizer.update(gradient, state.optimizer)
        if not self.sgd:
            step = step + self.decay * state.weights
        weights = state.weights - rate * step
        average = decay * state.average + (1 - decay) * weights
        return State(weights, statistics, optimizer, average), value

    def _loss(self, logits: jax.Array, targets: Targets) -> jax.Array:
        network, classes = self.network, logits.shape[-1]
        smooth = targets.labels * (1 - network.smoothing) + network.smoothing / classes
        by_labels = optax.softmax_cross_entropy(logits, smooth).mean()
        if network.target == "labels" or targets.teacher is None:
            return by_labels
        if network.target == "hard":
            answer = jax.nn.one_hot(targets.teacher.argmax(-1), classes)
            return optax.softmax_cross_entropy(logits, answer).mean()
        heat = network.temperature
        answer = jax.nn.softmax(targets.teacher / heat)
        by_teacher = heat**2 * optax.softmax_cross_entropy(logits / heat, answer).mean()
        return network.label_share * by_labels + (1 - network.label_share) * by_teacher

    def weights(self, averaged: bool) -> Weights:
        """Return the weights by layer: of the moving average, or of the last step."""
        chosen = self.state.average if averaged else self.state.weights
        for variable, value in zip(
            self.keras.trainable_variables, self.unravel(chosen), strict=True
        ):
            variable.assign(value)
        for variable, value in zip(
            self.keras.non_trainable_variables, self.state.statistics, strict=True
        ):
            variable.assign(value)
        return by_layer(self.keras)


class Targets(NamedTuple):
    """One-hot labels of a batch, and the teacher's logits if there is one."""

    labels: jax.Array
    teacher: jax.Array | None


def made(network: Network, shape: Shape, classes: int) -> keras.Model:
    """Make the network of a plan, of the registry or of a file, with its initial weights."""
    if not network.model.endswith(".npz"):
        return build(network.model, network.options, shape, classes)
    with np.load(network.model) as found:
        weights = {name: found[name] for name in found.files}
    model = keras.Model.from_config(_for_keras_3(json.loads(str(weights["config"]))))
    model = keras.models.clone_model(model, clone_function=_own)
    if not network.fresh:
        set_by_layer(model, weights)
    return model


def _for_keras_3(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a Keras 2 model for Keras 3, in today's precision."""
    for layer in config["layers"]:
        options = layer["config"]
        options.pop("groups", None)
        if layer["class_name"] == "BatchNormalization":
            (options["axis"],) = options["axis"]
        if layer["class_name"] != "InputLayer":
            options["dtype"] = keras.config.dtype_policy().name
    return config


def _own(layer: keras.Layer) -> keras.Layer:
    """The same layer by our class of that name, if there is one."""
    kind = getattr(jax_layers, type(layer).__name__, type(layer))
    return kind.from_config(layer.get_config())


def build(
    model: str, options: Mapping[str, int | float], shape: Shape, classes: int
) -> keras.Model:
    """Build a network of the registry with Keras 3, for pictures ``(height, width, channels)``."""
    pixels = keras.Input(shape, name="pixels")
    return keras.Model(pixels, architecture(model, **options)(jax_layers, pixels, classes))


def by_layer(model: keras.Model) -> Weights:
    """Return a model's weights by ``LAYER/NUMBER``, the order within a layer being Keras's."""
    return {
        f"{layer.name}/{number}": np.asarray(value, np.float32)
        for layer in model.layers
        for number, value in enumerate(layer.get_weights())
    }


def set_by_layer(model: keras.Model, weights: Mapping[str, np.ndarray]) -> None:
    """Set a model's weights from ``by_layer``; the names must be the same."""
    for layer in model.layers:
        count = len(layer.get_weights())
        layer.set_weights([weights[f"{layer.name}/{number}"] for number in range(count)])


class Teacher:
    """A trained network that answers for the views of its students."""

    def __init__(self, weights: Mapping[str, Any], shape: Shape, classes: int) -> None:
        options = json.loads(str(weights["options"]))
        self.keras = build(str(weights["model"]), options, shape, classes)
        set_by_layer(self.keras, weights)

    def values(self) -> tuple[list[jax.Array], list[jax.Array]]:
        """Return trained values and statistics."""
        trained, rest = self.keras.trainable_variables, self.keras.non_trainable_variables
        return [jnp.asarray(v.value) for v in trained], [jnp.asarray(v.value) for v in rest]

    def answer(self, values: tuple[list[jax.Array], list[jax.Array]], view: jax.Array) -> jax.Array:
        """Return the logits of a view."""
        logits, _ = self.keras.stateless_call(*values, view, training=False)
        return logits.astype(jnp.float32)


class Lesson(NamedTuple):
    """What an epoch learns from: padded pictures, labels, and the teacher's values."""

    padded: jax.Array
    labels: jax.Array
    teacher: Any


class Classroom:
    """Learners side by side, on the same views and before the same teacher."""

    def __init__(
        self, learners: Sequence[Learner], settings: Settings, teacher: Teacher | None, classes: int
    ) -> None:
        self.learners, self.settings = learners, settings
        self.teacher, self.classes = teacher, classes
        self.epoch = jax.jit(self._epoch, donate_argnums=0)

    def _epoch(
        self,
        states: tuple[State, ...],
        lesson: Lesson,
        key: jax.Array,
        made: jax.Array,
        begin: float,
        end: float,
    ) -> tuple[tuple[State, ...], jax.Array]:
        """Train from one share of the schedule to another, after ``made`` steps.

        Returns:
            The new states and the mean loss of each learner.
        """
        size, total = self.settings.batch_size, len(lesson.labels)
        steps = total // size
        key, order_key = jax.random.split(key)
        order = jax.random.permutation(order_key, total)[: steps * size].reshape(steps, size)
        progress = begin + (end - begin) * jnp.arange(steps) / steps
        batches = (order, progress, jax.random.split(key, steps), made + jnp.arange(steps))

        def step(carry: tuple[State, ...], batch: Any) -> tuple[tuple[State, ...], jax.Array]:
            return self._step(carry, lesson, *batch)

        states, losses = jax.lax.scan(step, states, batches)
        return states, losses.mean(0)

    def _step(
        self,
        states: tuple[State, ...],
        lesson: Lesson,
        chosen: jax.Array,
        progress: jax.Array,
        key: jax.Array,
        made: jax.Array,
    ) -> tuple[tuple[State, ...], jax.Array]:
        settings = self.settings
        view_key, mix_key = jax.random.split(key)
        view = views.draw(view_key, lesson.padded, chosen, settings)
        labels = jax.nn.one_hot(lesson.labels[chosen], self.classes)
        view, labels = views.mix(mix_key, view, labels, settings.mixup)
        answer = self.teacher.answer(lesson.teacher, view) if self.teacher else None
        rate = settings.learning_rate * _schedule(progress, settings.warmup)
        decay = jnp.minimum(settings.ema_decay, (1 + made) / (10 + made))
        pairs = [
            learner.update(state, view, Targets(labels, answer), rate, decay)
            for learner, state in zip(self.learners, states, strict=True)
        ]
        return tuple(state for state, _ in pairs), jnp.stack([loss for _, loss in pairs])


class Examination:
    """Counts the validation pictures that a learner gets right."""

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self._right = jax.jit(self._count)

    def __call__(self, inputs: jax.Array, labels: jax.Array, batch: int = 1000) -> tuple[int, int]:
        """Return the pictures that the weights of the last step get right, and their average."""
        counts = [
            self._right(self.learner.state, inputs[i : i + batch], labels[i : i + batch])
            for i in range(0, len(labels), batch)
        ]
        last, average = sum(np.asarray(count) for count in counts)
        return int(last), int(average)

    def _count(self, state: State, pixels: jax.Array, labels: jax.Array) -> jax.Array:
        def right(weights: jax.Array) -> jax.Array:
            inputs = views.normalized(pixels)
            logits, _ = self.learner.logits(weights, state.statistics, inputs, False)
            return (logits.argmax(-1) == labels).sum()

        return jnp.stack([right(state.weights), right(state.average)])


def described(network: Network, settings: Settings) -> dict[str, Any]:
    """Return what a network was trained with, for the record."""
    return {"network": asdict(network), "settings": asdict(settings)}


def _schedule(progress: jax.Array, warmup: float) -> jax.Array:
    """Return the share of the learning rate: linear warmup, then half a cosine to 0."""
    fallen = 0.5 * (1 + jnp.cos(jnp.pi * (progress - warmup) / (1 - warmup)))
    return jnp.where(progress < warmup, progress / warmup, fallen)
