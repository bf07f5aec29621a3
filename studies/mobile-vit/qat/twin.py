"""Write the Keras 3 twin of a model that ``tflconv train`` made: same layers, same weights.

    python studies/mobile-vit/qat/twin.py mobilenet_v2-mnist.keras twin.keras

Our own models are Keras 2, for tensorflow-model-optimization; the twin is what a user of Keras 3
would bring.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from tflconv.model.card import embed_card, require_card
from tflconv.model.opening import of_keras, open_model
from tflconv.models.registry import architecture


def write_twin(source: Path, target: Path) -> None:
    """Build, fill and save the twin; it carries the card of ``source``."""
    opened, card = open_model(source), require_card(source)
    import keras  # only now, because TensorFlow is quiet when tflconv imports it

    pixels = keras.Input(card.input_shape, name="pixels")
    network = architecture(card.model, **card.options)
    twin = keras.Model(pixels, network(keras.layers, pixels, len(card.labels)), name=card.model)
    twin.set_weights(opened.model.get_weights())
    noise = np.random.default_rng(0).uniform(-1, 1, (4, *card.input_shape)).astype(np.float32)
    np.testing.assert_allclose(of_keras(twin).predict(noise), opened.predict(noise), atol=1e-4)
    twin.save(target)
    embed_card(target, card)


if __name__ == "__main__":
    write_twin(Path(sys.argv[1]), Path(sys.argv[2]))
