"""What BatchNorm has seen: after a training, the statistics that suit the held-out pictures.

A network's moving means and variances belong to the views that it learned from. Another training's
views have others (a zoom blurs, an edge is grey or repeated), and a short one takes on those
statistics long before its weights do: one epoch at a low learning rate can so cost some points.
Plain pictures, as inference sees them, may have others again. So all three are tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv.compression.examples import Examples
from tflconv.core.tensorflow import tf
from tflconv.core.typing import KerasModel

Statistics = list[list[NDArray[np.float32]]]
"""Moving mean and variance of each BatchNorm."""

SEEN = 5000
"""Training pictures that plain statistics are taken from, at most."""

_BATCH = 100

_ATTRIBUTES = ("momentum", "moving_mean", "moving_variance")


def statistics(model: KerasModel) -> Statistics:
    """Return the moving means and variances of a Keras 2 or Keras 3 ``model``."""
    return [[np.array(value.numpy()) for value in _moving(layer)] for layer in _norms(model)]


def settle(
    model: KerasModel,
    examples: Examples,
    before: Statistics,
    *,
    accuracy: Callable[[KerasModel, Examples], float],
    plain: bool,
    seed: int = 0,
) -> str:
    """Give ``model`` the statistics with which it gets most of the held-out pictures right.

    Those of its training stay unless others are better, and where no pictures are held out.

    Args:
        model: The model after its training.
        examples: Pictures that it was trained with.
        before: Its ``statistics`` before that training.
        accuracy: Returns the share of pictures that a model gets right.
        plain: Whether statistics of pictures as they are come into question.
        seed: Seed of the pictures that those are taken from.

    Returns:
        What the statistics are now, as a message; empty if they are those of the training.
    """
    held_out, trained = examples.held_out, statistics(model)
    if held_out is None or not len(held_out) or not trained:
        return ""
    best, chosen, title = accuracy(model, held_out), trained, ""
    first = best
    for name, candidate in _others(model, examples, before, plain, seed):
        _set(model, candidate)
        reached = accuracy(model, held_out)
        if reached > best:
            best, chosen, title = reached, candidate, name
    _set(model, chosen)
    return title and f"BatchNorm has {title}, validation accuracy {first:.2%} to {best:.2%}"


def _others(
    model: KerasModel, examples: Examples, before: Statistics, plain: bool, seed: int
) -> Iterator[tuple[str, Statistics]]:
    yield "the statistics from before", before
    if plain:
        yield "statistics of plain pictures", _of_plain(model, examples, seed)


def _of_plain(model: KerasModel, examples: Examples, seed: int) -> Statistics:
    """Return the mean of what each BatchNorm sees in batches of pictures as they are."""
    drawn = np.random.default_rng(seed).permutation(len(examples))[:SEEN]
    norms = _norms(model)
    momenta = [layer.momentum for layer in norms]
    for number, start in enumerate(range(0, len(drawn), _BATCH)):
        inputs = examples.normalize(examples.images[drawn[start : start + _BATCH]])
        for layer in norms:
            layer.momentum = number / (number + 1)  # so that the moving value is the mean
        model(tf.constant(inputs), training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
    return statistics(model)


def _set(model: KerasModel, wanted: Statistics) -> None:
    for layer, values in zip(_norms(model), wanted, strict=True):
        for variable, value in zip(_moving(layer), values, strict=True):
            variable.assign(value)


def _moving(layer: Any) -> tuple[Any, Any]:
    return layer.moving_mean, layer.moving_variance


def _norms(model: KerasModel) -> list[Any]:
    """Return the layers that keep moving statistics, those of inner models too."""
    either: Any = model  # Keras 2 or Keras 3
    layers = either._flatten_layers(include_self=False, recursive=True)
    return [layer for layer in layers if all(hasattr(layer, name) for name in _ATTRIBUTES)]
