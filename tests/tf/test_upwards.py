"""Selective files compute TRANSPOSE_CONV in integers where XNNPACK takes fewer instructions so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_networks import randomized
from small_files import RANDOM, answers, converted, only

from tflconv.conversion import Calibration, Rewrite, selection
from tflconv.tflite import packing, reading

keras = pytest.importorskip("keras", minversion="3")
layers = keras.layers
VALUES = RANDOM.uniform(-1, 1, (16, 8, 8, 16)).astype(np.float32)


def decoder(channels: int = 3) -> Any:
    """Up to a picture of four times the side, with a way round the middle."""
    source = keras.Input((8, 8, 16))
    value = layers.Conv2D(32, 3, padding="same", activation="relu")(source)
    value = layers.Conv2DTranspose(24, 3, strides=2, padding="same")(value)
    around = layers.UpSampling2D()(source)
    value = layers.Conv2D(16, 3, padding="same")(layers.Concatenate()([value, around]))
    value = layers.Conv2DTranspose(channels, 4, strides=2, padding="same")(value)
    return randomized(keras.Model(source, layers.Activation("tanh")(value)))


def kinds(file: Path) -> list[str]:
    """What each TRANSPOSE_CONV makes."""
    main = reading.read(file).main
    steps = [o for o in main.operators if o.name == "TRANSPOSE_CONV"]
    return [main.output_tensors(step)[0].dtype for step in steps]


@pytest.mark.parametrize("rewrite", ["as-is", "optimized"])
@pytest.mark.parametrize(("channels", "last"), [(3, "int8"), (1, "float32")])
def test_many_products_per_pixel_are_integers(
    channels: int, last: str, rewrite: Rewrite, tmp_path: Path
) -> None:
    model = decoder(channels)
    samples = Calibration.of_values("noise", VALUES)
    file = converted(model, tmp_path, "selective_wi8_ai8", rewrite=rewrite, calibration=samples)
    assert kinds(file) == ["int8", last]
    received = only(answers(file, {model.inputs[0].name: VALUES}))
    expected = np.asarray(model(VALUES))
    cosine = (received * expected).sum() / np.linalg.norm(received) / np.linalg.norm(expected)
    assert cosine > 0.999
    np.testing.assert_allclose(received, expected, atol=0.1)


@pytest.mark.parametrize(
    ("filters", "side", "depth", "integers"),
    [(6, 2, 16, False), (16, 2, 128, True), (2, 3, 128, False), (3, 3, 128, True)],
)
def test_what_is_worth_it(filters: int, side: int, depth: int, integers: bool) -> None:
    source = keras.Input((4, 4, depth))
    model = keras.Model(source, layers.Conv2DTranspose(filters, side, strides=2)(source))
    content = float_file(model)
    assert bool(selection.upwards(packing.unpack(content))) == integers


def float_file(model: Any) -> bytes:
    from tflconv.conversion import tracing
    from tflconv.model.opening import of_keras

    return tracing.lower(tracing.freeze(of_keras(model)))
