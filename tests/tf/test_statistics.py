"""A short training on other views costs a trained network nothing: BatchNorm's statistics."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tflconv.compression.config import FinetuneConfig
from tflconv.compression.examples import Examples
from tflconv.compression.fine_tuning import accuracy, fine_tune
from tflconv.compression.statistics import settle, statistics
from tflconv.core.tensorflow import keras2, keras3
from tflconv.training.augmentation import Augmentation

BLUR = Augmentation(shift=8, zoom=0.5)


def stripes(count: int, seed: int) -> Examples:
    """Noise with a pattern of single pixels, stronger in the second class; shifts blur it."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    pattern = np.indices((16, 16)).sum(0) % 2 * 2 - 1.0
    strength = np.where(labels, 0.8, 0.4)[:, None, None]
    images = pattern * strength + random.normal(0, 0.1, (count, 16, 16))
    return Examples(images=images[..., None].astype(np.float32), labels=labels)


def network(keras: Any) -> Any:
    """A convolution, its norm, and a head."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = keras.Input((16, 16, 1))
    x = layers.Conv2D(8, 3, padding="same", use_bias=False)(inputs)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.5)(x))
    return keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))


@pytest.fixture(params=[lambda: keras2, keras3], ids=["keras2", "keras3"])
def trained(request: pytest.FixtureRequest) -> tuple[Any, Examples]:
    """A network that knows its pictures, which it learned as they are."""
    model = network(request.param())
    examples = replace(stripes(600, 1), held_out=stripes(300, 2))
    fine_tune(model, examples, FinetuneConfig(epochs=8, batch_size=50, learning_rate=0.02))
    assert accuracy(model, examples.held_out) > 0.97
    return model, examples


def test_an_epoch_on_blurred_views_costs_nothing(trained: tuple[Any, Examples]) -> None:
    model, examples = trained
    examples, said = replace(examples, augmentation=BLUR), []
    before = accuracy(model, examples.held_out)
    fine_tune(
        model,
        examples,
        FinetuneConfig(epochs=1, learning_rate=1e-6),
        progress=lambda event: said.append(event.message),
    )
    assert accuracy(model, examples.held_out) >= before - 0.01
    shares = [text for text in said if text and "BatchNorm has" in text]
    assert len(shares) == 1
    assert shares[0].startswith("finetune: ")


def test_without_held_out_pictures_the_training_decides(trained: tuple[Any, Examples]) -> None:
    model, examples = trained
    alone = replace(examples, augmentation=BLUR, held_out=None)
    before, known = statistics(model), accuracy(model, examples.held_out)
    fine_tune(model, alone, FinetuneConfig(epochs=1, learning_rate=1e-6))
    assert not np.allclose(statistics(model)[0][1], before[0][1])
    assert accuracy(model, examples.held_out) < known - 0.1  # what the first test is about


def test_plain_pictures_mend_what_no_training_has(trained: tuple[Any, Examples]) -> None:
    model, examples = trained
    (norm,) = (layer for layer in model.layers if "BatchNorm" in type(layer).__name__)
    momentum = norm.momentum
    wrong = [[value + 3 for value in values] for values in statistics(model)]
    for variable, value in zip((norm.moving_mean, norm.moving_variance), wrong[0], strict=True):
        variable.assign(value)
    assert accuracy(model, examples.held_out) < 0.9
    said = settle(model, examples, wrong, accuracy=accuracy, plain=True)
    assert "plain pictures" in said
    assert norm.momentum == momentum
    seen = np.array(model.layers[1](examples.images))  # of the convolution
    mean, variance = statistics(model)[0]
    np.testing.assert_allclose(mean, seen.mean((0, 1, 2)), rtol=0.01, atol=1e-3)
    np.testing.assert_allclose(variance, seen.var((0, 1, 2)), rtol=0.01)


def test_the_statistics_of_the_training_stay_where_none_are_better(
    trained: tuple[Any, Examples],
) -> None:
    model, examples = trained
    mine = statistics(model)
    worse = [[value + 3 for value in values] for values in mine]
    assert not settle(model, examples, worse, accuracy=accuracy, plain=False)
    for values, kept in zip(mine, statistics(model), strict=True):
        for value, same in zip(values, kept, strict=True):
            np.testing.assert_array_equal(value, same)
