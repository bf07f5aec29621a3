"""Builds Keras models by name."""

from __future__ import annotations

from collections.abc import Sequence

from tflconv.core.typing import Keras2Model
from tflconv.models.registry import OptionValue, architecture


def build(
    name: str, input_shape: Sequence[int] = (28, 28, 1), classes: int = 10, **options: OptionValue
) -> Keras2Model:
    """Build the Keras 2 model called ``name``, with random weights.

    Args:
        name: Name of a registered model.
        input_shape: Height and width in pixels, and channels.
        classes: Number of outputs.
        **options: Options of the model.

    Returns:
        A model from float32 ``[n, height, width, channels]`` to logits ``[n, classes]``.

    Raises:
        UsageError: The name or an option is unknown, or an option does not fit the input.

    Example:
        >>> build("vit", (28, 28, 1), classes=5).output_shape
        (None, 5)
    """
    network = architecture(name, **options)
    from tflconv.core.tensorflow import keras2
    from tflconv.models import layers

    pixels = keras2.Input(tuple(input_shape), name="pixels")
    model: Keras2Model = keras2.Model(pixels, network(layers, pixels, classes), name=name)
    return model
