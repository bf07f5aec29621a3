"""Compare the settings of a layer with those that its reader accounts for."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from functools import cache

import numpy as np

from tflconv.core.typing import KerasLayer

_WITHOUT_EFFECT = frozenset(
    ("name", "trainable", "dtype", "seed", "momentum", "synchronized", "dropout", "dynamic",
     "batch_input_shape", "batch_shape", "flash_attention", "noise_shape", "rate",
     "query_shape", "key_shape", "value_shape")
)  # fmt: skip
"""Settings that change nothing at inference, or that the weights show."""

_OF_TRAINING = ("_initializer", "_regularizer", "_constraint")


def accounted(layer: KerasLayer, known: Collection[str]) -> bool:
    """Return whether every setting of ``layer`` is one of ``known`` or has its default.

    Args:
        layer: A layer of Keras 2 or Keras 3.
        known: Names of settings that the reader of the layer looks at.
    """
    if getattr(layer, "quantization_mode", None) is not None:
        return False
    if getattr(layer, "data_format", None) not in (None, "channels_last"):
        return False
    config, defaults = _config(layer), _defaults(type(layer))
    if config is None:
        return False
    return all(
        key in known or _is_idle(key) or _equal(value, defaults.get(key))
        for key, value in config.items()
    )


def _config(layer: KerasLayer) -> Mapping[str, object] | None:
    """Return the settings of ``layer``; None where it cannot tell them, for one has no name."""
    try:
        config: Mapping[str, object] = layer.get_config()
    except Exception:  # such as a functools.partial; each Keras raises its own kinds
        return None
    return config


def _is_idle(key: str) -> bool:
    return key in _WITHOUT_EFFECT or key == "data_format" or key.endswith(_OF_TRAINING)


@cache
def _defaults(kind: type) -> dict[str, object]:
    """Defaults of the arguments of ``kind``, with those of the classes that it extends."""
    defaults: dict[str, object] = {}
    for part in reversed(kind.__mro__):
        if "__init__" in vars(part):
            parameters = inspect.signature(vars(part)["__init__"]).parameters.values()
            defaults |= {p.name: p.default for p in parameters if p.default is not p.empty}
    return defaults


def _equal(value: object, default: object) -> bool:
    """Whether they are the same, tuples being lists; an unknown setting may be None or False."""
    if default is None:
        return value is None or value is False
    return bool(np.array_equal(np.asarray(value), np.asarray(default)))
