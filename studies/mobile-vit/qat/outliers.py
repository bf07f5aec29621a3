"""Write a copy of a MobileNetV2 with an outlier channel in two of its bottlenecks.

    python studies/mobile-vit/qat/outliers.py mobilenet_v2-fashion-mnist.keras outliers.keras

Channel 0 of a linear bottleneck is made 32 times as large, and the layer that reads it divides by
32: in float the network says what it said before, but one scale for the whole tensor now leaves
the other channels 8 of their 256 steps. Any network may have such channels, because the next
layer can undo whatever factor a linear layer has (Nagel et al. 2019,
https://arxiv.org/abs/1906.04721). Ours does not, so these are made.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from tflconv.model.card import embed_card, require_card
from tflconv.model.opening import of_keras, open_model

FACTOR = 32.0
BOTTLENECKS = {"stage1_0_project_norm": "stage2_0_expand", "stage7_0_project_norm": "head"}
"""The last layer of each bottleneck, and the only layer that reads it."""


def write_outliers(source: Path, target: Path) -> None:
    """Scale the channels, make sure that nothing has changed, and save."""
    opened, card = open_model(source), require_card(source)
    noise = np.random.default_rng(0).uniform(-1, 1, (8, *card.input_shape)).astype(np.float32)
    before = opened.predict(noise)
    for norm, reader in BOTTLENECKS.items():
        _scale(opened.model.get_layer(norm), opened.model.get_layer(reader))
    np.testing.assert_allclose(of_keras(opened.model).predict(noise), before, atol=1e-3)
    opened.model.save(target)
    embed_card(target, card)


def _scale(norm: Any, reader: Any) -> None:
    gamma, beta, mean, variance = norm.get_weights()
    (kernel,) = reader.get_weights()
    gamma[0], beta[0] = gamma[0] * FACTOR, beta[0] * FACTOR
    kernel[:, :, 0] /= FACTOR
    norm.set_weights([gamma, beta, mean, variance])
    reader.set_weights([kernel])


if __name__ == "__main__":
    write_outliers(Path(sys.argv[1]), Path(sys.argv[2]))
