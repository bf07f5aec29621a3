"""Make nodes of a ``Network`` from what a layer of Keras holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tflconv.core.typing import KerasLayer, Tensor
from tflconv.model.inference import kits
from tflconv.network.keras.calls import Call, sides
from tflconv.network.nodes import Array, Node, NodeOptions

if TYPE_CHECKING:
    from typing_extensions import Unpack

LayerWeight = Tensor | NDArray[np.floating]
"""A weight as Keras stores it, or computed from such weights."""


def make(
    kind: str, weights: Mapping[str, LayerWeight] | None = None, **options: Unpack[NodeOptions]
) -> Node:
    """Return a node without name and inputs, which the model reader gives it."""
    arrays = {key: array(value) for key, value in (weights or {}).items()}
    return Node(name="", kind=kind, weights=arrays, options=options)


def array(value: LayerWeight) -> Array:
    """Return the values of a weight."""
    return np.asarray(value.numpy() if hasattr(value, "numpy") else value, np.float32)


def opaque(call: Call, place: int = 0) -> Node:
    """Return a node that calls the layer itself, for the output at ``place``."""
    again = call.again if len(call.outputs) == 1 else _taking(call.again, place)
    learns = bool(getattr(call.layer, "trainable_weights", ()))
    shape = sides(call.outputs[place])
    return make(
        "opaque", call=again, layer=call.kind, learns=learns, moves=_moves(call.layer), shape=shape
    )


_MOVING = (
    "AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "CenterCrop", "Cropping2D", "Permute",
    "RepeatVector", "Resizing", "UpSampling1D", "UpSampling2D",
)  # fmt: skip
_WITHIN = ("nearest", "bilinear", "area")
"""Interpolations that make no value beyond those that they are between; cubic ones do."""


def _moves(layer: KerasLayer) -> bool:
    """Whether it is a layer of Keras that makes no value beyond the range of those it takes."""
    known = {getattr(kit.layers, name, None) for kit in kits() for name in _MOVING}
    within = getattr(layer, "interpolation", "nearest") in _WITHIN
    return type(layer) in known and within and not getattr(layer, "fill_value", 0)


def _taking(function: Callable[..., Tensor], place: int) -> Callable[..., Tensor]:
    return lambda *values: function(*values)[place]
