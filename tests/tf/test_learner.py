"""A step of training against the same step in NumPy, written from the papers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tflconv import models
from tflconv.core.tensorflow import keras2
from tflconv.data import Split
from tflconv.model.normalization import Normalization
from tflconv.training.augmentation import Augmentation
from tflconv.training.config import TrainConfig
from tflconv.training.learner import Learner
from tflconv.training.views import Batch

HALVES = Normalization(mean=(100.0,), std=(50.0,))
"""Makes the pixels 0 and 200 the inputs -2 and 2."""
PLAIN = {"weight_decay": 0.0, "label_smoothing": 0.0, "ema_decay": 0.0}


def learner(model: Any, **settings: float) -> Learner:
    return Learner(model, TrainConfig(**{**PLAIN, **settings}), HALVES)


def step(taught: Learner, *, pixel: int = 200, label: int = 0, rate: float, decay: float) -> float:
    """Teach ``label`` to a picture of one pixel, unmoved."""
    maps = Augmentation.none().maps(1, (1, 1), np.random.default_rng(0))
    pixels = np.full((1, 1, 1, 1), pixel, np.uint8)
    return taught.step(Batch(pixels=pixels, labels=np.array([label]), maps=maps), rate, decay)


def classifier(kernel: list[float], bias: list[float]) -> Any:
    """``x W + b`` of one pixel: two scores."""
    layers = keras2.layers
    model = keras2.Sequential(
        [keras2.Input((1, 1, 1)), layers.Flatten(), layers.Dense(2, name="scores")]
    )
    model.set_weights([np.array([kernel], np.float32), np.array(bias, np.float32)])
    return model


def weights(model: Any) -> list[list[float]]:
    return [value.ravel().tolist() for value in model.get_weights()]


def softmax(logits: np.ndarray) -> np.ndarray:
    shares = np.exp(logits - logits.max())
    return np.asarray(shares / shares.sum())


class AdamW:
    """Loshchilov and Hutter 2019, algorithm 2, for one array."""

    def __init__(self, start: list[float], decay: float) -> None:
        self.value, self.decay = np.array(start), decay
        self.first, self.second, self.done = np.zeros(len(start)), np.zeros(len(start)), 0

    def move(self, gradient: np.ndarray, rate: float) -> None:
        self.done += 1
        self.first = 0.9 * self.first + 0.1 * gradient
        self.second = 0.99 * self.second + 0.01 * gradient**2
        mean = self.first / (1 - 0.9**self.done)
        spread = self.second / (1 - 0.99**self.done)
        self.value = self.value * (1 - rate * self.decay) - rate * mean / (spread**0.5 + 1e-7)


def test_three_steps_are_those_of_adamw_with_a_decay_of_the_kernel_alone() -> None:
    taught = learner(classifier([0.5, -0.25], [0.125, 1.0]), weight_decay=0.5)
    kernel, bias = AdamW([0.5, -0.25], 0.5), AdamW([0.125, 1.0], 0.0)
    for rate, pixel, label in ((0.1, 200, 0), (0.2, 0, 1), (0.05, 200, 1)):
        step(taught, pixel=pixel, label=label, rate=rate, decay=0.0)
        x = (pixel - 100) / 50
        gradient = softmax(x * kernel.value + bias.value) - np.eye(2)[label]
        kernel.move(x * gradient, rate)
        bias.move(gradient, rate)
    np.testing.assert_allclose(taught.model.get_weights()[0][0], kernel.value, rtol=1e-5)
    np.testing.assert_allclose(taught.model.get_weights()[1], bias.value, rtol=1e-5)


@keras2.saving.register_keras_serializable("tflconv_tests")
class Idle(keras2.layers.Layer):  # type: ignore[misc, name-defined]
    """Has weights of every name and lets none of them show: their gradients are 0."""

    NAMES = ("kernel", "embedding", "bias", "gamma", "beta", "token", "positions")

    def build(self, _: Any) -> None:
        self.idle = [self.add_weight(name, (1,), initializer="ones") for name in self.NAMES]

    def call(self, values: Any) -> Any:
        return values + 0 * sum(self.idle)


def test_biases_norms_tokens_and_positions_do_not_decay() -> None:
    layers = [Idle(name="idle"), keras2.layers.Flatten(), keras2.layers.Dense(2)]
    model = keras2.Sequential([keras2.Input((1, 1, 1)), *layers])
    taught = learner(model, weight_decay=0.5)
    step(taught, rate=0.1, decay=0.0)
    left = dict(zip(Idle.NAMES, model.layers[0].get_weights(), strict=True))
    expected = dict.fromkeys(Idle.NAMES, 1.0) | {"kernel": 0.95, "embedding": 0.95}
    assert {name: float(value[0]) for name, value in left.items()} == pytest.approx(expected)


@pytest.mark.parametrize("name", ["vit", "vit_int8", "squeezenet"])
def test_of_our_models_the_matrices_decay_and_nothing_else(name: str) -> None:
    taught = learner(models.build(name, (28, 28, 3), 10))
    for variable in taught.model.trainable_variables:
        matrix = "kernel" in variable.name
        assert taught.optimizer._use_weight_decay(variable) == matrix, variable.name


def test_the_average_after_two_steps_is_weighed_by_the_decay_of_each_step() -> None:
    taught = learner(classifier([0.5, -0.25], [0.0, 0.0]))
    start = np.array(weights(taught.model))
    step(taught, rate=0.1, decay=0.25)
    once = np.array(weights(taught.model))
    step(taught, rate=0.1, decay=0.75)
    twice = np.array(weights(taught.model))
    assert np.abs(once - start).min() > 0.05
    assert np.abs(twice - once).min() > 0.05
    expected = 0.75 * (0.25 * start + 0.75 * once) + 0.25 * twice
    np.testing.assert_allclose(weights(taught.averaged), expected, rtol=1e-5)


def normed(momentum: float, *, trainable: bool = True) -> Any:
    """A norm of one pixel, and two scores behind it."""
    layers = keras2.layers
    norm = layers.BatchNormalization(momentum=momentum, trainable=trainable)
    return keras2.Sequential([keras2.Input((1, 1, 1)), norm, layers.Flatten(), layers.Dense(2)])


def statistics(model: Any) -> tuple[float, float]:
    norm = model.layers[0]
    return float(norm.moving_mean[0]), float(norm.moving_variance[0])


def test_statistics_of_norms_are_averaged_without_what_they_begin_with() -> None:
    taught = learner(normed(0.5))
    step(taught, rate=1e-9, decay=0.75)
    assert statistics(taught.model) == pytest.approx((1.0, 0.5))  # half way from 0, 1 to 2, 0
    assert statistics(taught.averaged) == pytest.approx((0.25 * 2.0, 0.75 * 1.0))
    step(taught, pixel=0, rate=1e-9, decay=0.0)
    assert statistics(taught.averaged) == pytest.approx(((2.0 - 2 * 2.0) / 3, 0.0), abs=1e-6)


@pytest.mark.parametrize("momentum", [0.9, 0.99])
@pytest.mark.parametrize("seed", range(3))
def test_after_few_steps_a_network_computes_what_it_learned(momentum: float, seed: int) -> None:
    taught, rng = learner(normed(momentum), learning_rate=1e-9), np.random.default_rng(seed)
    shades = rng.integers(90, 110, (20, 16))  # whose variance is far below 1
    maps = Augmentation.none().maps(16, (1, 1), rng)
    for pixels in shades.astype(np.uint8)[:, :, None, None, None]:
        taught.step(Batch(pixels=pixels, labels=np.zeros(16, np.int64), maps=maps), 1e-9, 0.0)
    inputs = (shades - 100) / 50
    mean, variance = statistics(taught.averaged)
    assert mean == pytest.approx(inputs.mean(), abs=0.03)
    assert variance == pytest.approx(inputs.var(axis=1).mean(), rel=0.2)


def test_statistics_of_a_trained_network_and_of_a_frozen_norm_stay_what_they_are() -> None:
    trained = normed(0.5)
    trained.layers[0].set_weights([np.full(1, value, np.float32) for value in (1, 0, 4.0, 9.0)])
    taught = Learner(trained, TrainConfig(**PLAIN), HALVES, begins=False)
    step(taught, rate=1e-9, decay=0.0)
    assert statistics(taught.averaged) == pytest.approx((3.0, 4.5))
    taught = learner(normed(0.5, trainable=False))
    step(taught, rate=1e-9, decay=0.0)
    assert statistics(taught.averaged) == pytest.approx((0.0, 1.0))


@pytest.mark.parametrize(
    ("smoothing", "expected"),
    [
        (0.0, 0.126928),  # ln(1 + e^-2)
        (0.2, 0.326928),  # 0.9 * 0.126928 + 0.1 * 2.126928
        (0.5, 0.626928),  # 0.75 * 0.126928 + 0.25 * 2.126928
    ],
)
def test_the_loss_is_the_smoothed_cross_entropy(smoothing: float, expected: float) -> None:
    taught = learner(classifier([0.0, 0.0], [3.0, 1.0]), label_smoothing=smoothing)
    assert step(taught, label=0, rate=1e-9, decay=0.0) == pytest.approx(expected, abs=1e-5)


def test_smoothing_pulls_back_what_is_too_sure() -> None:
    """Where the softmax is beyond the smoothed target, the score of the label falls."""
    taught = learner(classifier([0.0, 0.0], [3.0, -3.0]), label_smoothing=0.2)
    step(taught, label=0, rate=0.1, decay=0.0)
    assert weights(taught.model)[1] == pytest.approx([2.9, -2.9], abs=1e-4)


def test_the_averaged_weights_are_evaluated_and_kept() -> None:
    taught = learner(classifier([0.0, 0.0], [3.0, 1.0]))
    taught.model.set_weights([np.zeros((1, 2)), np.array([0.0, 9.0])])
    split = Split(
        images=np.zeros((4, 1, 1, 1), np.uint8), labels=np.array([0, 0, 0, 1]), ids=tuple("abcd")
    )
    accuracy, loss = taught.evaluate(split)
    assert accuracy == 0.75
    assert loss == pytest.approx((3 * 0.126928 + 2.126928) / 4, abs=1e-5)
    taught.keep_best()
    step(taught, rate=0.1, decay=0.0)
    assert weights(taught.averaged)[1] != [3.0, 1.0]
    assert weights(taught.best_model())[1] == [3.0, 1.0]


def test_pictures_are_normalized_before_they_are_seen() -> None:
    taught = learner(classifier([1.0, -1.0], [0.0, 0.0]))
    loss = step(taught, pixel=125, label=0, rate=1e-9, decay=0.0)  # scores 0.5 and -0.5
    assert loss == pytest.approx(np.log1p(np.exp(-1)), abs=1e-5)
