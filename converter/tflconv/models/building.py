"""From a name to a Keras model, ready to train."""

from __future__ import annotations

from collections.abc import Sequence

from tflconv.core.typing import KerasModel
from tflconv.models.registry import OptionValue, architecture


def build(
    name: str, input_shape: Sequence[int] = (28, 28, 1), classes: int = 10, **options: OptionValue
) -> KerasModel:
    """The Keras 2 model called ``name``, from ``[n, height, width, channels]`` to logits.

    Raises ``UsageError`` for an unknown name or option, and where options do not fit the input.
    """
    network = architecture(name, **options)
    from tflconv.core.tensorflow import keras2
    from tflconv.models import layers

    pixels = keras2.Input(tuple(input_shape), name="pixels")
    model: KerasModel = keras2.Model(pixels, network(layers, pixels, classes), name=name)
    return model
