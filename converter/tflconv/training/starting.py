"""Weights that a training starts from: those of a model file, layer by layer, but for a new head.

Layers are matched by their names, as both are networks of the registry. All must fit, so that
nothing starts from random weights without being said; only the head is made new where the classes
are others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflconv.core.typing import KerasModel
from tflconv.errors import UsageError
from tflconv.model.card import read_card
from tflconv.model.opening import keras_model, open_model
from tflconv.training.course import StartingWeights
from tflconv.training.thawing import weighted

_HINT = "Both must be the same network: give the options, --resolution and --channels of its file."


def take_over(model: KerasModel, start: StartingWeights, classes: Sequence[str]) -> tuple[str, ...]:
    """Set the weights of ``model`` to those in the file of ``start``.

    Args:
        model: A network of the registry; it is changed in place.
        start: The file, of a network of the same architecture.
        classes: What the outputs of ``model`` mean.

    Returns:
        The names of the layers that are new: the head, or none.

    Raises:
        TflconvError: The file is no Keras model.
        UsageError: A layer does not fit.
    """
    stored_layers = {layer.name: layer for layer in weighted(keras_model(open_model(start.path)))}
    layers = list(weighted(model))
    head = layers[-1].name
    card = read_card(start.path)
    labels = None if card is None else tuple(card.labels)
    is_new = labels != tuple(classes) if labels else not _fits(layers[-1], stored_layers.get(head))
    for layer in layers:
        if not (is_new and layer.name == head):
            _check(layer, stored_layers, start)
    if extra := set(stored_layers) - {layer.name for layer in layers}:
        raise UsageError(
            f"{start.path} does not fit {model.name}: it has a layer '{min(extra)}', which the"
            " network lacks.",
            hint=_HINT,
        )
    for layer in layers:
        if not (is_new and layer.name == head):
            layer.set_weights(stored_layers[layer.name].get_weights())
    return (head,) if is_new else ()


def _check(layer: Any, stored_layers: Mapping[str, Any], start: StartingWeights) -> None:
    stored = stored_layers.get(layer.name)
    if stored is None:
        raise UsageError(
            f"{start.path} does not fit: it has no layer '{layer.name}'.",
            hint=_HINT,
        )
    if not _fits(layer, stored):
        own, other = (_shapes(each) for each in (layer, stored))
        raise UsageError(
            f"{start.path} does not fit: layer '{layer.name}' has weights of {other} there, and"
            f" of {own} here.",
            hint=_HINT,
        )


def _fits(layer: Any, other: Any) -> bool:
    return other is not None and _shapes(layer) == _shapes(other)


def _shapes(layer: Any) -> list[list[int]]:
    return [[int(side) for side in weight.shape] for weight in layer.weights]
