"""The part of training that TensorFlow computes: one optimizer step, and evaluation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tflconv.core.tensorflow import keras2, tf
from tflconv.core.typing import Keras2Model, KerasOptimizer, Tensor, Variable
from tflconv.data import Split
from tflconv.model.normalization import Normalization
from tflconv.training.config import TrainConfig

NO_DECAY = ("bias", "gamma", "beta", "token", "positions")
"""Parts of the names of weights that weight decay leaves alone."""

EVALUATION_BATCH = 250


class Learner:
    """A model in training, its optimizer, and a copy that holds the EMA of its weights.

    Args:
        model: The Keras 2 model; it is changed in place.
        config: Settings of the training.
        normalization: How pixels become inputs.
    """

    def __init__(
        self, model: Keras2Model, config: TrainConfig, normalization: Normalization
    ) -> None:
        self.model = model
        self.averaged: Keras2Model = keras2.models.clone_model(model)
        self.averaged.set_weights(model.get_weights())
        self.config = config
        self.normalization = normalization
        self.optimizer: KerasOptimizer = keras2.optimizers.AdamW(
            weight_decay=config.weight_decay, beta_2=0.99
        )
        self.optimizer.exclude_from_weight_decay(var_names=list(NO_DECAY))
        self.optimizer.build(model.trainable_variables)
        self._best: list[NDArray[np.generic]] = [*self.averaged.get_weights()]
        self._step = tf.function(self._train_step, reduce_retracing=True)
        self._logits = tf.function(self._predict, reduce_retracing=True)

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
        return [*self.model.weights, *self.averaged.weights, *self.optimizer.variables]

    def step(
        self,
        pixels: NDArray[np.uint8],
        labels: NDArray[np.int64],
        maps: NDArray[np.float32],
        learning_rate: float,
        ema_decay: float,
    ) -> float:
        """Make one optimizer step and move the averaged weights.

        Args:
            pixels: uint8 ``[n, height, width, channels]``.
            labels: int64 ``[n]``.
            maps: float32 ``[n, 8]``, the augmentation as ``Augmentation.maps`` draws it.
            learning_rate: Learning rate of this step.
            ema_decay: Share of the averaged weights that this step keeps.

        Returns:
            The mean loss of the batch, before the step.
        """
        rate, decay = tf.constant(learning_rate), tf.constant(ema_decay)
        return float(self._step(pixels, labels, maps, rate, decay))

    def _train_step(
        self, pixels: Tensor, labels: Tensor, maps: Tensor, rate: Tensor, decay: Tensor
    ) -> Tensor:
        inputs = self._normalized(_augmented(tf.cast(pixels, tf.float32), maps))
        with tf.GradientTape() as tape:
            loss = self._loss(self.model(inputs, training=True), labels)
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.learning_rate.assign(rate)
        self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables, strict=True))
        for average, weight in zip(self.averaged.weights, self.model.weights, strict=True):
            average.assign_add((1 - decay) * (weight - average))
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

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the mean cross-entropy with smoothed labels (Szegedy et al. 2016)."""
        classes, smoothing = logits.shape[-1], self.config.label_smoothing
        targets = tf.one_hot(
            labels, classes, 1 - smoothing + smoothing / classes, smoothing / classes
        )
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(targets, logits))

    def _normalized(self, pixels: Tensor) -> Tensor:
        mean = np.array(self.normalization.mean, np.float32)
        return (pixels - mean) / np.array(self.normalization.std, np.float32)


def _augmented(images: Tensor, maps: Tensor) -> Tensor:
    """Send float32 images through their affine maps; beyond its edge a picture repeats it."""
    transformed: Tensor = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=maps,
        output_shape=tf.shape(images)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
    return transformed


def _form(value: NDArray[np.generic]) -> tuple[tuple[int, ...], str]:
    return value.shape, str(value.dtype)
