"""BatchNorm's moving statistics without the values that they begin with.

Keras lets the moving mean begin with 0 and the moving variance with 1, and keeps a share of both,
its momentum, at each step. After 50 steps with a momentum of 0.9 half a percent of that 1 is left,
which is much beside the variance behind a depthwise convolution; layer upon layer the network then
computes something else than what it learned. What is left is known, so it is taken out, as Adam
does with its moments (Kingma and Ba 2015, https://arxiv.org/abs/1412.6980, section 3).
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from tflconv.core.tensorflow import keras2, tf
from tflconv.core.typing import Keras2Model, Tensor, Variable
from tflconv.training.thawing import weighted


class MovingStatistics:
    """The moving means and variances of a model in training.

    Args:
        model: The Keras 2 model, before its first step.
        begins: Whether they have their initial values; those of a trained network stay as they are.

    Attributes:
        left: Share, 0 to 1, of the initial values that is left in the statistics of each layer.
    """

    def __init__(self, model: Keras2Model, *, begins: bool) -> None:
        kind = keras2.layers.BatchNormalization
        self._layers = [layer for layer in weighted(model) if isinstance(layer, kind)]
        count = len(self._layers)
        self.left: Any = tf.Variable(tf.fill([count], float(begins)), trainable=False)
        self._initial: dict[Hashable, tuple[int, Any]] = {
            variable.ref(): (number, tf.identity(variable))
            for number, layer in enumerate(self._layers)
            for variable in layer.non_trainable_weights
        }

    def advance(self) -> None:
        """Note a step, in which the layers that learn moved their statistics."""
        kept = [layer.momentum if layer.trainable else 1.0 for layer in self._layers]
        self.left.assign(self.left * kept)

    def unbiased(self, weight: Variable) -> Tensor | Variable:
        """Return ``weight``, without what is left of its initial value if it is a statistic."""
        if weight.ref() not in self._initial:
            return weight
        number, initial = self._initial[weight.ref()]
        left = self.left[number]
        unbiased: Tensor = tf.where(left < 1, (weight - left * initial) / (1 - left), weight)
        return unbiased
