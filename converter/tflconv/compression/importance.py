"""How much each channel matters, as one score per label of the channel graph.

A label stands for the channels that are removed together, so its score is taken over all weights
that would go with it, those that make the channel and those that read it. Layers become comparable
in one of two ways. Either their ``channels`` are alike: the score is the mean over layers of the
norm of its slices, each divided by the mean of its layer. Or the ``layers`` are: the square of the
score is the sum over layers of the share that its slices have in the squared norm of the layer.

``magnitude`` takes the weights themselves (Li et al. 2017, https://arxiv.org/abs/1608.08710),
``batchnorm`` only the scales of BatchNormalization (Liu et al. 2017, "Network slimming",
https://arxiv.org/abs/1708.06519), and ``taylor`` weights times their gradients, the change of the
loss to first order (Molchanov et al. 2019, https://arxiv.org/abs/1906.10771).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv.compression.channel_graph import ChannelGraph, LayerLabels
from tflconv.compression.config import Alike
from tflconv.compression.cutting import Axes, weights_of
from tflconv.compression.examples import Examples
from tflconv.compression.fine_tuning import cross_entropy, variables_of
from tflconv.core.nesting import leaves
from tflconv.core.tensorflow import tf
from tflconv.core.typing import KerasModel
from tflconv.errors import TflconvError

Scores = dict[int, float]
"""The score of each label; channels of low scores go first."""

Value = Callable[[Any], NDArray[np.float32]]
"""Returns the importance of each single weight of a variable, before it is squared and summed."""

_BATCH = 32


def by_magnitude(graph: ChannelGraph, alike: Alike = "channels") -> Scores:
    """Return scores by the sizes of the weights."""
    return _scores(graph, np.asarray, _is_scale, alike)


def by_batch_norm(graph: ChannelGraph, alike: Alike = "channels") -> Scores:
    """Return scores by the scales of BatchNormalization.

    Raises:
        TflconvError: No layer has such scales.
    """

    def is_gamma(place: LayerLabels, name: str) -> bool:
        return name == "gamma" and type(place.layer).__name__ == "BatchNormalization"

    scores = _scores(graph, np.asarray, is_gamma, alike)
    if not scores:
        raise TflconvError(
            "no channel passes a BatchNormalization with a scale, by which it could be judged.",
            hint="Say --setting channels.criterion=magnitude or taylor.",
        )
    return by_magnitude(graph, alike) | scores


def by_taylor(
    graph: ChannelGraph,
    model: KerasModel,
    examples: Examples,
    count: int,
    alike: Alike = "channels",
) -> Scores:
    """Return scores by what removing a channel would add to the loss, to first order.

    Args:
        graph: The channels of ``model``.
        model: The Keras model.
        examples: Labelled pictures.
        count: How many of them are looked at, the first ones in an order drawn by seed 0.
        alike: How layers become comparable.
    """
    variables, loss = variables_of(model, trainable=True), cross_entropy(model)
    sums = [np.zeros(variable.shape, np.float32) for variable in variables]
    order = np.random.default_rng(0).permutation(len(examples))[:count]
    for start in range(0, len(order), _BATCH):
        chosen = order[start : start + _BATCH]
        inputs = tf.constant(examples.normalize(examples.images[chosen]))
        with tf.GradientTape() as tape:
            (outputs,) = leaves(model(inputs, training=False))
            lost = loss(inputs, outputs, tf.constant(examples.labels[chosen]))
        for total, variable, gradient in zip(
            sums, variables, tape.gradient(lost, variables), strict=True
        ):
            if gradient is not None:
                total += np.abs(variable.numpy() * np.asarray(gradient))
    by_variable = {id(variable): total for variable, total in zip(variables, sums, strict=True)}
    return _scores(graph, lambda variable: by_variable[id(_inside(variable))], _is_scale, alike)


def _inside(variable: Any) -> Any:
    """The variable of TensorFlow that one of Keras 3 wraps."""
    return variable if callable(getattr(variable, "value", None)) else variable.value


def _is_scale(_: LayerLabels, name: str) -> bool:
    """Whether a weight multiplies, as kernels and scales do, and does not shift."""
    return name.endswith(("kernel", "gamma"))


def _scores(
    graph: ChannelGraph, value: Value, chosen: Callable[[LayerLabels, str], bool], alike: Alike
) -> Scores:
    over: Callable[..., Any] = np.mean if alike == "channels" else np.linalg.norm
    parts: dict[int, list[float]] = {}
    for place in graph.places:
        for name, variable, axes in weights_of(place):
            if not chosen(place, name):
                continue
            for role, norms in _norms(value(variable), axes):
                scaled = norms / max(float(over(norms)), 1e-12)
                for label, score in zip(place.labels[role].tolist(), scaled.tolist(), strict=True):
                    parts.setdefault(label, []).append(score)
    return {label: float(over(scores)) for label, scores in parts.items()}


def _norms(value: NDArray[np.float32], axes: Axes) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield the norm of the slice of every channel, for each axis that runs over channels."""
    squares = np.asarray(value, np.float64) ** 2
    for axis, role in enumerate(axes):
        if role is not None:
            others = tuple(other for other in range(squares.ndim) if other != axis)
            yield role, np.sqrt(squares.sum(axis=others))
