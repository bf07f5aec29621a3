"""Write a Keras model with the shape of another and new weights: its twin from scratch.

python studies/compression/pruned/fresh.py shape.keras fresh.keras
"""

from __future__ import annotations

import sys
from pathlib import Path

from tflconv.core.tensorflow import keras2
from tflconv.model.card import embed_card, require_card
from tflconv.model.opening import keras_model, open_model


def write(shape: Path, fresh: Path) -> None:
    """Write the model of the file ``shape`` as ``fresh``, with weights as its layers begin with."""
    keras2.utils.set_random_seed(0)
    twin = keras2.models.clone_model(keras_model(open_model(shape)))
    twin.save(fresh)
    embed_card(fresh, require_card(shape))


if __name__ == "__main__":
    write(*map(Path, sys.argv[1:]))
