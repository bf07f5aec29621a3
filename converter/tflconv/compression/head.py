"""A new head: the last Dense of a classifier with as many units as there are classes now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tflconv.core import telling
from tflconv.core.nesting import leaves
from tflconv.core.plural import plural
from tflconv.core.tensorflow import keras2, keras3
from tflconv.core.typing import KerasModel
from tflconv.errors import UsageError
from tflconv.model.opening import description_of, keras_model, remade
from tflconv.network.keras.opened import Opened
from tflconv.training.thawing import weighted


def renewed(opened: Opened, classes: int, seed: int) -> KerasModel:
    """Return a copy of a classifier that tells other classes apart; a warning names its new layer.

    Args:
        opened: A model of Keras 2 or Keras 3; it is left as it is.
        classes: Number of classes.
        seed: Seed of the first weights of the new layer.

    Raises:
        UsageError: The scores of the model do not come from a Dense.
    """
    model = keras_model(opened.source)
    layers = list(weighted(model))
    kit = keras2 if isinstance(model, keras2.Model) else keras3()
    head = _checked(model, layers[-1] if layers else None, kit.layers.Dense)
    config = description_of(model)
    *_, settings = _settings(config, head.name)  # an inner model may have one of the same name
    settings["units"] = classes
    kit.utils.set_random_seed(seed)
    replaced = remade(model, config, custom_objects=opened.custom_objects)
    for layer, before in zip(list(weighted(replaced))[:-1], layers[:-1], strict=True):
        layer.set_weights(before.get_weights())
    telling.warn(
        f"layer '{head.name}' of {opened.name}, with {plural(head.units, 'class')}, is replaced by"
        f" a new one with {classes}."
    )
    return replaced


def _checked(model: KerasModel, last: Any, dense: Any) -> Any:
    """The layer ``last``, if all scores of ``model`` come from it and from no other."""
    shapes = [tuple(each.shape) for each in leaves(model.outputs)]
    kind = "no layer" if last is None else f"'{last.name}', a {type(last).__name__}"
    if not isinstance(last, dense) or len(shapes) != 1 or shapes[0][1:] != (last.units,):
        raise UsageError(
            f"the head of {model.name} cannot be made new: that takes scores which come from a"
            f" Dense, and the last layer with weights is {kind}.",
            hint="Put a Dense behind its features in Keras, save that, and give the file.",
        )
    return last


def _settings(config: Any, name: str) -> Iterator[dict[str, Any]]:
    """The settings of the layer called ``name`` in the configuration of a model."""
    if isinstance(config, list):
        for each in config:
            yield from _settings(each, name)
    elif isinstance(config, dict):
        settings: Any = config.get("config")
        if config.get("class_name") == "Dense" and settings.get("name") == name:
            yield settings
        for each in config.values():
            yield from _settings(each, name)
