"""Makes the tiny models of this folder: ``python tests/golden/models/make.py``.

A convolution, a mean, a dense layer and a softmax with random weights, in float and in full INT8
(whose softmax XNNPACK leaves to a built-in kernel).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tflconv.core.tensorflow import keras2, tf
from tflconv.model.card import ModelCard, embed_card
from tflconv.model.normalization import Normalization

SHAPE = (8, 8, 1)
CARD = ModelCard(
    model="tiny", labels=("zero", "one", "two"), input_shape=SHAPE, normalization=Normalization()
)


def build() -> keras2.Model:
    """The float model, the same every time."""
    keras2.utils.set_random_seed(3)
    layers = keras2.layers
    picture = keras2.Input(SHAPE, batch_size=1)
    features = layers.Conv2D(4, 3, activation="relu")(picture)
    scores = layers.Dense(3, kernel_initializer="random_normal")(
        layers.GlobalAveragePooling2D()(features)
    )
    return keras2.Model(picture, layers.Softmax()(scores))


def samples() -> Iterator[list[np.ndarray]]:
    """Noise to calibrate with."""
    random = np.random.default_rng(0)
    for _ in range(20):
        yield [random.random((1, *SHAPE), dtype=np.float32)]


def convert(*, int8: bool) -> bytes:
    """The model as a ``.tflite`` file."""
    converter = tf.lite.TFLiteConverter.from_keras_model(build())
    if int8:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = samples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


if __name__ == "__main__":
    for name, int8 in (("tiny_float32", False), ("tiny_int8", True)):
        path = Path(__file__).with_name(f"{name}.tflite")
        path.write_bytes(convert(int8=int8))
        embed_card(path, CARD)
