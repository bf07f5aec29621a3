"""Remove channels from a Keras model: its own configuration with other sizes, and its weights.

The graph of channels says which belong together; here a set of labels is taken out of every layer
at which they occur. What a layer needs for that is one row of a table: which axes of its weights
run over which channels, and which of its settings count them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv.compression.channel_graph import ChannelGraph, Labels, LayerLabels
from tflconv.compression.constants import folded
from tflconv.core.jsonvalue import JsonValue
from tflconv.core.typing import KerasLayer, KerasModel
from tflconv.errors import TflconvError
from tflconv.model.naming import has_own_call
from tflconv.model.opening import description_of, remade

Axes = tuple[str | None, ...]
"""The role of the channels that each axis of a weight runs over."""


@dataclass(frozen=True, kw_only=True)
class CutRule:
    """How a class of layers is cut.

    Attributes:
        weights: Axes of its weights, by attribute; a layer need not have all of them.
        sizes: Settings that count channels: their roles.
    """

    weights: Mapping[str, Axes]
    sizes: Mapping[str, str] = field(default_factory=dict)


_OUT: Axes = ("outputs",)
_DEPTHWISE: Axes = (None, None, "inputs", None)

_TABLE: Mapping[str, CutRule] = {
    "BatchNormalization": CutRule(
        weights={"gamma": _OUT, "beta": _OUT, "moving_mean": _OUT, "moving_variance": _OUT}
    ),
    "ClassToken": CutRule(weights={"token": (None, None, "outputs")}),
    "Conv2D": CutRule(
        weights={"kernel": (None, None, "inputs", "outputs"), "bias": _OUT},
        sizes={"filters": "outputs"},
    ),
    "Dense": CutRule(
        weights={"kernel": ("inputs", "outputs"), "bias": _OUT}, sizes={"units": "outputs"}
    ),
    "DepthwiseConv2D": CutRule(
        weights={"depthwise_kernel": _DEPTHWISE, "kernel": _DEPTHWISE, "bias": _OUT}
    ),
    "InputLayer": CutRule(
        weights={}, sizes={"batch_shape": "outputs", "batch_input_shape": "outputs"}
    ),
    "LayerNormalization": CutRule(weights={"gamma": _OUT, "beta": _OUT}),
    "MultiHeadAttention": CutRule(
        weights={
            "_query_dense.kernel": ("inputs", "heads", None),
            "_query_dense.bias": ("heads", None),
            "_key_dense.kernel": ("keys", "heads", None),
            "_key_dense.bias": ("heads", None),
            "_value_dense.kernel": ("values", "heads", None),
            "_value_dense.bias": ("heads", None),
            "_output_dense.kernel": ("heads", None, "outputs"),
            "_output_dense.bias": _OUT,
        },
        sizes={
            "num_heads": "heads",
            "query_shape": "inputs",
            "key_shape": "keys",
            "value_shape": "values",
        },
    ),
    "PositionEmbedding": CutRule(weights={"positions": (None, None, "outputs")}),
    "Reshape": CutRule(weights={}, sizes={"target_shape": "outputs"}),
    "SeparableConv2D": CutRule(
        weights={
            "depthwise_kernel": _DEPTHWISE,
            "pointwise_kernel": (None, None, "middle", "outputs"),
            "bias": _OUT,
        },
        sizes={"filters": "outputs"},
    ),
}


_SHAPES = frozenset(
    ("batch_input_shape", "batch_shape", "key_shape", "query_shape", "target_shape", "value_shape")
)
"""Settings that are whole shapes, whose last side counts channels."""


def row_of(place: LayerLabels) -> CutRule | None:
    """Return how the layer at ``place`` is cut; None where none of its channels can be."""
    name = type(place.layer).__name__
    return None if "opaque" in place.kinds and name != "InputLayer" else _TABLE.get(name)


def weights_of(place: LayerLabels) -> Iterator[tuple[str, Any, Axes]]:
    """Yield name, variable and axes of each weight of the layer at ``place``."""
    row = row_of(place)
    for name, axes in row.weights.items() if row is not None else ():
        variable = _attribute(place.layer, name)
        if variable is not None and len(variable.shape) == len(axes):
            yield name, variable, axes


def cut(
    model: KerasModel,
    graph: ChannelGraph,
    removed: Collection[int],
    *,
    custom_objects: Path | None = None,
) -> KerasModel:
    """Return ``model`` without the channels that have one of the labels ``removed``.

    Args:
        model: The Keras model that ``graph`` was made of; it is not changed.
        graph: Its channels.
        removed: Labels, none of which is pinned.
        custom_objects: A Python file with layers that the model uses.

    Returns:
        A new model of the same Keras.

    Raises:
        TflconvError: A layer would have no channel left, or the model cannot be made.
    """
    gone = np.array(sorted(removed), np.int64)
    assert not graph.pinned & set(removed)
    config: Any = description_of(model)
    paths = {id(layer): path for path, layer in layers_of(model)}
    for place in graph.places:
        _check_left(place, gone)
        row = row_of(place)
        for key, role in row.sizes.items() if row is not None else ():
            _resize(_settings(config, paths[id(place.layer)]), key, place, role, gone)
    smaller = remade(model, config, custom_objects=custom_objects)
    _hand_over(model, smaller, graph, gone)
    return smaller


def layers_of(model: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the layers of ``model`` and of the models inside of it, with their paths of names."""
    for layer in _direct_layers(model):
        path = (*before, layer.name)
        if hasattr(layer, "layers") and not has_own_call(layer):
            yield from layers_of(layer, path)
        else:
            yield path, layer


def _direct_layers(model: Any) -> Sequence[Any]:
    """The layers of ``model``, the inputs of a sequential one included."""
    if type(model).__name__ != "Sequential":
        layers: Sequence[Any] = model.layers
        return layers
    inside = getattr(model, "_functional", None)
    return list(model._self_tracked_trackables) if inside is None else list(inside.layers)


def kept(labels: Labels, gone: Labels) -> NDArray[np.bool_]:
    """Return which of the channels with ``labels`` stay."""
    stays: NDArray[np.bool_] = ~np.isin(labels, gone)
    return stays


def _check_left(place: LayerLabels, gone: Labels) -> None:
    for role, labels in place.labels.items():
        if len(labels) and not kept(labels, gone).any():
            raise TflconvError(
                f"nothing would be left of the {role} of layer '{place.layer.name}'"
                f" ({type(place.layer).__name__}).",
                hint="Remove fewer channels.",
            )


def _resize(
    settings: dict[str, Any], key: str, place: LayerLabels, role: str, gone: Labels
) -> None:
    """Let the setting ``key`` count what stays; of a shape, that is its last side."""
    count, labels = int(kept(place.labels[role], gone).sum()), place.labels[role]
    if key in _SHAPES and count < len(labels):
        sides = settings.get(key)
        sides = sides.get("items", sides) if isinstance(sides, dict) else sides
        if sides is not None and sides[-1] == len(labels):
            settings[key] = [*sides[:-1], count]
    elif key not in _SHAPES:
        settings[key] = count


def _settings(config: JsonValue, path: tuple[str, ...]) -> dict[str, Any]:
    """The settings of the layer at ``path`` in the configuration of a model."""
    inside: Any = config
    for name in path:
        layers = inside["config"]["layers"]
        inside = next(layer for layer in layers if layer["config"]["name"] == name)
    settings: dict[str, Any] = inside["config"]
    return settings


def _hand_over(old: KerasModel, new: KerasModel, graph: ChannelGraph, gone: Labels) -> None:
    """Give the weights of ``old``, as far as they stay, to ``new``; constants go into biases."""
    added = _biases(graph, folded(graph, gone))
    places = {id(place.layer): place for place in graph.places if row_of(place) is not None}
    for (_, before), (_, after) in zip(layers_of(old), layers_of(new), strict=True):
        place = places.get(id(before))
        if place is None:
            after.set_weights(before.get_weights())
            continue
        for name, variable, axes in weights_of(place):
            value = np.asarray(variable) + added.get((id(before), name), np.float32(0))
            cut_value = _cut(value, place, axes, gone) * _scale_of(place, name, gone)
            _attribute(after, name).assign(cut_value)


def _scale_of(place: LayerLabels, name: str, gone: Labels) -> np.float32:
    """What is left of the scales of a LayerNormalization is multiplied by.

    Channels that were nearly zero made the standard deviation smaller by the root of the share that
    stays. What the mean of all channels was off by is not mended, so this is right only where the
    channels that stay have a mean of zero.
    """
    if type(place.layer).__name__ != "LayerNormalization" or name != "gamma":
        return np.float32(1)
    return np.float32(np.sqrt(1 / kept(place.labels["outputs"], gone).mean()))


def _biases(
    graph: ChannelGraph, folds: Mapping[int, NDArray[np.float64]]
) -> dict[tuple[int, str], NDArray[np.float32]]:
    """What is added to weights, by layer and name: a bias, or the mean of the norm that follows."""
    added = {}
    for place in graph.places:
        shift = folds.get(id(place.layer))
        if shift is None:
            continue
        if place.layer.use_bias:
            added[id(place.layer), "bias"] = shift.astype(np.float32)
            continue
        follower = graph.network.only_consumer(place.nodes[0])
        norm = next((p for p in graph.places if follower and follower.name in p.nodes), None)
        if norm is not None and type(norm.layer).__name__ == "BatchNormalization":
            added[id(norm.layer), "moving_mean"] = -shift.astype(np.float32)
    return added


def _cut(
    value: NDArray[np.floating], place: LayerLabels, axes: Axes, gone: Labels
) -> NDArray[np.floating]:
    for axis, role in enumerate(axes):
        if role is not None:
            value = np.compress(kept(place.labels[role], gone), value, axis=axis)
    return value


def _attribute(layer: KerasLayer, name: str) -> Any:
    """A weight of ``layer``; None where it has none of this name."""
    try:
        return attrgetter(name)(layer)
    except AttributeError:
        return None
