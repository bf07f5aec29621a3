"""The part of training that TensorFlow does: a step, and a look at what was learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv.core.tensorflow import keras2, tf
from tflconv.data import Split
from tflconv.model.normalization import Normalization
from tflconv.training.config import TrainConfig

NO_DECAY = ("bias", "gamma", "beta", "token", "positions")
EVALUATION_BATCH = 250


class Learner:
    """A model, the running average of its weights, and the optimizer between them."""

    def __init__(self, model: Any, config: TrainConfig, normalization: Normalization) -> None:
        self.model = model
        self.averaged = keras2.models.clone_model(model)
        self.averaged.set_weights(model.get_weights())
        self.config = config
        self.normalization = normalization
        self.optimizer = keras2.optimizers.AdamW(weight_decay=config.weight_decay, beta_2=0.99)
        self.optimizer.exclude_from_weight_decay(var_names=list(NO_DECAY))
        self.optimizer.build(model.trainable_variables)
        self._best = list(self.averaged.get_weights())
        self._step = tf.function(self._learn, reduce_retracing=True)
        self._logits = tf.function(self._look, reduce_retracing=True)

    def keep_best(self) -> None:
        """Remember the average as it is now."""
        self._best = list(self.averaged.get_weights())

    def best_model(self) -> Any:
        """The model with the average that was last remembered."""
        self.averaged.set_weights(self._best)
        return self.averaged

    def values(self) -> list[NDArray[Any]]:
        """Everything that learning changes, for ``restore``."""
        return [variable.numpy() for variable in self._variables] + self._best

    def restore(self, values: Sequence[NDArray[Any]]) -> None:
        """Be as the learner was whose ``values`` these are."""
        for variable, value in zip(self._variables, values, strict=False):
            variable.assign(value)
        self._best = list(values[len(self._variables) :])

    @property
    def _variables(self) -> list[Any]:
        return [*self.model.weights, *self.averaged.weights, *self.optimizer.variables]

    def step(
        self,
        pixels: NDArray[np.uint8],
        labels: NDArray[np.int64],
        maps: NDArray[np.float32],
        rate: float,
        keep: float,
    ) -> float:
        """Learn from one batch and return its loss.

        ``pixels`` uint8 ``[n, h, w, c]``, ``labels`` int64 ``[n]``, ``maps`` ``[n, 8]`` as
        ``Augmentation.maps`` makes them; ``rate`` is the learning rate, ``keep`` the share of
        the average that stays.
        """
        return float(self._step(pixels, labels, maps, tf.constant(rate), tf.constant(keep)))

    def _learn(self, pixels: Any, labels: Any, maps: Any, rate: Any, keep: Any) -> Any:
        inputs = self._normalized(_moved(tf.cast(pixels, tf.float32), maps))
        with tf.GradientTape() as tape:
            loss = self._loss(self.model(inputs, training=True), labels)
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self.optimizer.learning_rate.assign(rate)
        self.optimizer.apply_gradients(zip(gradients, self.model.trainable_variables, strict=True))
        for average, weight in zip(self.averaged.weights, self.model.weights, strict=True):
            average.assign_add((1 - keep) * (weight - average))
        return loss

    def evaluate(self, split: Split) -> tuple[float, float]:
        """Accuracy and mean cross-entropy of the averaged model on ``split``."""
        chunks = range(0, len(split), EVALUATION_BATCH)
        logits = np.concatenate(
            [self._logits(split.images[n : n + EVALUATION_BATCH]).numpy() for n in chunks]
        )
        losses = keras2.losses.sparse_categorical_crossentropy(split.labels, logits, True)
        return float(np.mean(logits.argmax(-1) == split.labels)), float(np.mean(losses))

    def _look(self, pixels: Any) -> Any:
        return self.averaged(self._normalized(tf.cast(pixels, tf.float32)), training=False)

    def _loss(self, logits: Any, labels: Any) -> Any:
        classes, smoothing = logits.shape[-1], self.config.label_smoothing
        targets = tf.one_hot(
            labels, classes, 1 - smoothing + smoothing / classes, smoothing / classes
        )
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(targets, logits))

    def _normalized(self, pixels: Any) -> Any:
        return (pixels - self.normalization.mean) / self.normalization.std


def _moved(images: Any, maps: Any) -> Any:
    """``images`` float32, each sent through its affine map; the edge pixels reach outwards."""
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=maps,
        output_shape=tf.shape(images)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
