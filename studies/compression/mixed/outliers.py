"""Write a copy of a ResNet with an outlier channel inside one of its blocks.

    python studies/compression/mixed/outliers.py resnet8-labels.keras resnet8-outliers.keras

Channel 0 between both convolutions of the second stage is made 256 times as large, and the second
convolution divides by 256: ReLU hands a factor on, so in float the network says the same as before.
One scale for all channels now leaves the others one of their 256 steps.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from tflconv.model.card import embed_card, require_card
from tflconv.model.opening import of_keras, open_model

FACTOR = 256.0
NORM, READER = "stage1_0_first_norm", "stage1_0_second"


def write_outliers(source: Path, target: Path) -> None:
    """Scale the channel, make sure that nothing has changed, and save."""
    opened, card = open_model(source), require_card(source)
    noise = np.random.default_rng(0).uniform(-1, 1, (8, *card.input_shape)).astype(np.float32)
    before = opened.predict(noise)
    norm, reader = opened.model.get_layer(NORM), opened.model.get_layer(READER)
    gamma, beta, mean, variance = norm.get_weights()
    kernel, *rest = reader.get_weights()
    gamma[0], beta[0] = gamma[0] * FACTOR, beta[0] * FACTOR
    kernel[:, :, 0] /= FACTOR
    norm.set_weights([gamma, beta, mean, variance])
    reader.set_weights([kernel, *rest])
    np.testing.assert_allclose(of_keras(opened.model).predict(noise), before, atol=1e-3)
    opened.model.save(target)
    embed_card(target, card)


if __name__ == "__main__":
    write_outliers(Path(sys.argv[1]), Path(sys.argv[2]))
