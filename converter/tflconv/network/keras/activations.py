"""Recognize activations of Keras layers: by the function itself, never by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType

from tflconv.core.tensorflow import tf
from tflconv.core.typing import Tensor
from tflconv.model.inference import kits

LINEAR = "linear"
"""What ``name_of`` calls an activation that changes nothing."""

_IN_KERAS = {
    "linear": LINEAR, "relu": "relu", "relu6": "relu6", "gelu": "gelu", "softmax": "softmax",
    "sigmoid": "sigmoid", "tanh": "tanh", "silu": "silu", "swish": "silu",
    "hard_silu": "hard_swish",
}  # fmt: skip
"""Names in ``execution.ACTIVATIONS`` by names in ``keras.activations`` of both versions."""

_IN_TENSORFLOW = ("relu", "relu6", "gelu", "softmax", "sigmoid", "tanh", "silu")


def name_of(activation: Callable[..., Tensor] | None) -> str | None:
    """Return the name of ``activation`` in ``execution.ACTIVATIONS``.

    Args:
        activation: A function that a layer of Keras applies to its output.

    Returns:
        The name; ``LINEAR`` for a function that changes nothing, None for one that is not known.
    """
    if activation is None:
        return LINEAR
    named = (named for kit in kits() for named in _known_to(kit))
    return next((name for function, name in named if function is activation), None)


@cache
def _known_to(kit: ModuleType) -> tuple[tuple[object, str], ...]:
    return tuple(_functions(kit))


def _functions(kit: ModuleType) -> Iterator[tuple[object, str]]:
    for theirs, ours in _IN_KERAS.items():
        if hasattr(kit.activations, theirs):
            yield getattr(kit.activations, theirs), ours
    for name in _IN_TENSORFLOW:
        yield getattr(tf.nn, name), name
