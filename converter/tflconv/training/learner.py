"""The part of training that TensorFlow computes: one optimizer step, and evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv.core.nesting import leaves
from tflconv.core.tensorflow import keras2, tf
from tflconv.core.typing import Keras2Model, KerasOptimizer, Tensor, Variable
from tflconv.data import Split
from tflconv.model.normalization import Normalization
from tflconv.training import precision, strategy, teaching
from tflconv.training.config import DistillConfig, TrainConfig
from tflconv.training.features import Features
from tflconv.training.moving_statistics import MovingStatistics
from tflconv.training.seeing import seen, targets
from tflconv.training.thawing import TrainableLayers
from tflconv.training.views import Batch

NO_DECAY = ("bias", "gamma", "beta", "token", "positions")
"""Parts of the names of weights that weight decay leaves alone."""

EVALUATION_BATCH = 250


class Learner:
    """A model in training, its optimizer, and a copy that holds the EMA of its weights.

    Args:
        model: The Keras 2 model; it is changed in place.
        config: Settings of the training.
        normalization: How pixels become inputs.
        distill: How it learns from a teacher, where batches bring what that says.
        features: What it learns from inner layers of a teacher; by default nothing.
        layers: Which of its layers learn in which epoch; by default all in each.
        begins: Whether its weights are initial ones, and not those of a trained network.
    """

    def __init__(
        self,
        model: Keras2Model,
        config: TrainConfig,
        normalization: Normalization,
        distill: DistillConfig | None = None,
        *,
        features: Features | None = None,
        layers: TrainableLayers | None = None,
        begins: bool = True,
    ) -> None:
        self.model, self.features, self._layers = model, features, layers
        self._called = model if features is None else features.watched
        self._besides = [] if features is None else features.variables
        self._weights = list(model.weights)  # frozen layers would change their order
        self._statistics = MovingStatistics(model, begins=begins)
        self.averaged: Keras2Model = keras2.models.clone_model(model)
        self.averaged.set_weights(model.get_weights())
        self.config, self.distill = config, distill or DistillConfig()
        self.normalization = normalization
        self.optimizer: KerasOptimizer = keras2.optimizers.AdamW(
            weight_decay=config.weight_decay, beta_2=0.99
        )
        self.optimizer.exclude_from_weight_decay(var_names=list(NO_DECAY))
        self.optimizer.build(self._trained)
        self._best: list[NDArray[np.generic]] = [*self.averaged.get_weights()]
        self._strategy = tf.distribute.get_strategy()
        self._step = self._traced()
        self._logits = tf.function(self._predict, reduce_retracing=True)

    def enter(self, epoch: int) -> None:
        """Let those layers learn that do in this ``epoch``, which counts from 0."""
        if self._layers is not None and self._layers.enter(epoch):
            self._step = self._traced()

    def _traced(self) -> Callable[..., Any]:
        """Return the step, to be compiled for the layers that learn now."""
        step: Callable[..., Any] = tf.function(self._joint_step, reduce_retracing=True)
        return step

    def keep_best(self) -> None:
        """Remember the averaged weights of now as the best."""
        self._best = [*self.averaged.get_weights()]

    def best_model(self) -> Keras2Model:
        """Return the model with the averaged weights that ``keep_best`` remembered last."""
        self.averaged.set_weights(self._best)
        return self.averaged

    def values(self) -> list[NDArray[np.generic]]:
        """Return the values of all variables and the best weights, for ``restore``."""
        return [*(variable.numpy() for variable in self._variables), *self._best]

    def fits(self, values: Sequence[NDArray[np.generic]]) -> bool:
        """Return whether ``values`` have the shapes and types of what ``values`` returns."""
        return [_form(value) for value in values] == [_form(value) for value in self.values()]

    def restore(self, values: Sequence[NDArray[np.generic]]) -> None:
        """Set all variables and the best weights to what ``values`` returned."""
        for variable, value in zip(self._variables, values, strict=False):
            variable.assign(value)
        self._best = list(values[len(self._variables) :])

    @property
    def _variables(self) -> list[Variable]:
        averages, steps = self.averaged.weights, self.optimizer.variables
        return [*self._weights, *self._besides, *averages, *steps, self._statistics.left]

    @property
    def _trained(self) -> list[Variable]:
        return [*self.model.trainable_variables, *self._besides]

    def step(self, batch: Batch, learning_rate: float, ema_decay: float) -> float:
        """Make one optimizer step and move the averaged weights.

        Args:
            batch: Pictures and what is done to them.
            learning_rate: Learning rate of this step.
            ema_decay: Share of the averaged weights that this step keeps.

        Returns:
            The mean loss of the batch, before the step.
        """
        rate, decay = tf.constant(learning_rate), tf.constant(ema_decay)
        tensors = strategy.parts(self._strategy, batch.tensors())
        with precision.computing(self.config.precision):
            return float(self._step(tensors, rate, decay))

    def _joint_step(self, tensors: Mapping[str, Any], rate: Tensor, decay: Tensor) -> Tensor:
        """Make the step on all devices, each with its part of the batch."""
        self.optimizer.learning_rate.assign(rate)
        loss = self._strategy.run(self._train_step, args=(tensors,))
        self._statistics.advance()
        for average, weight in zip(self.averaged.weights, self._weights, strict=True):
            average.assign_add((1 - decay) * (self._statistics.unbiased(weight) - average))
        total: Tensor = self._strategy.reduce("SUM", loss, axis=None)
        return total

    def _train_step(self, tensors: Mapping[str, Any]) -> Tensor:
        batch = Batch(**tensors)
        inputs = self._normalized(seen(batch))
        with tf.GradientTape() as tape:
            logits, *shown = leaves(self._called(inputs, training=True))
            mean = self._loss(logits, batch)
            if self.features is not None:
                mean += self.features.loss(inputs, shown)
            loss: Tensor = mean / self._strategy.num_replicas_in_sync
        gradients = tape.gradient(loss, self._trained)
        self.optimizer.apply_gradients(zip(gradients, self._trained, strict=True))
        return loss

    def evaluate(self, split: Split) -> tuple[float, float]:
        """Return the top-1 accuracy (0 to 1) and mean cross-entropy of the averaged model."""
        chunks = range(0, len(split), EVALUATION_BATCH)
        logits = np.concatenate(
            [self._logits(split.images[n : n + EVALUATION_BATCH]).numpy() for n in chunks]
        )
        losses = keras2.losses.sparse_categorical_crossentropy(split.labels, logits, True)
        return float(np.mean(logits.argmax(-1) == split.labels)), float(np.mean(losses))

    def _predict(self, pixels: Tensor) -> Tensor:
        return self.averaged(self._normalized(tf.cast(pixels, tf.float32)), training=False)

    def _loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the mean cross-entropy, with what a teacher says where there is one."""
        wanted = targets(batch, logits.shape[-1], self.config.label_smoothing)
        labelled = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(wanted, logits))
        if batch.logits is None:
            return labelled
        taught = teaching.taught_loss(batch.logits, logits, self.distill)
        return teaching.loss(labelled, taught, self.distill)

    def _normalized(self, pixels: Tensor) -> Tensor:
        mean = np.array(self.normalization.mean, np.float32)
        return (pixels - mean) / np.array(self.normalization.std, np.float32)


def _form(value: NDArray[np.generic]) -> tuple[tuple[int, ...], str]:
    return value.shape, str(value.dtype)
