"""Which layers training cannot reach, since what follows them has no gradient: ``sign``, ``round``.

TensorFlow gives none at all for some of these operations, and zeros for others, with which training
would go on and change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tflconv.core import telling
from tflconv.core.tensorflow import tf
from tflconv.core.typing import Tensor
from tflconv.errors import TflconvError
from tflconv.network.keras.execution import values
from tflconv.network.nodes import Array, Network, Node

HINT = (
    "Use static_wi8_ai8, without training, or replace the layer:"
    " docs/qat.md lists those that can be trained."
)


def still(network: Network, trained: Sequence[Node], pictures: Array) -> frozenset[str]:
    """Return the layers that keep their weights, and warn of them.

    Args:
        network: The network that is to be trained; it has one input.
        trained: Its layers with weights.
        pictures: Some inputs ``[n, ...]``, for which the gradients are taken.

    Returns:
        Names of those of ``trained`` that no gradient reaches.

    Raises:
        TflconvError: None of them could learn.
    """
    stops = set(_stops(network, pictures))
    reached, waiting = set[str](), list(network.outputs)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            sources = network[name].inputs
            waiting += [source for source in sources if (name, source) not in stops]
    stuck = [node.name for node in trained if node.name not in reached]
    if not stuck or not stops:
        return frozenset()
    blamed = " and ".join(f"'{name}' ({_layer(network[name])})" for name in _names(network, stops))
    if len(stuck) == len(trained):
        raise TflconvError(
            f"qat: no layer of {network.name} can learn: there is no gradient through {blamed}.",
            hint=HINT,
        )
    telling.warn(
        f"qat: {' and '.join(map(repr, stuck))} of {network.name} will keep the weights: there is"
        f" no gradient through {blamed}."
    )
    return frozenset(stuck)


def _stops(network: Network, pictures: Array) -> Iterator[tuple[str, str]]:
    """Each node without gradient, with the input for which it has none."""
    opaque = network.of_kind("opaque")
    if not opaque:
        return
    (source,) = network.inputs
    outputs = values(network, {source.name: tf.constant(pictures)})
    for node in opaque:
        taken = [outputs[name] for name in node.inputs]
        for name, slope in zip(node.inputs, _slopes(network, node, taken), strict=True):
            if slope is None or not bool(tf.reduce_any(tf.not_equal(slope, 0))):
                yield node.name, name


def _slopes(network: Network, node: Node, taken: Sequence[Tensor]) -> Sequence[Tensor | None]:
    """The gradient of a random sum of what ``node`` makes, by each of its inputs."""
    floats = [value for value in taken if value.dtype.is_floating]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(floats)
        output = tf.cast(node.options["call"](*taken), tf.float32)
        total = tf.reduce_sum(output * tf.random.stateless_normal(tf.shape(output), (0, 0)))
    try:
        gradients = iter(tape.gradient(total, floats))
    except LookupError as error:
        raise TflconvError(
            f"qat: layer '{node.name}' ({_layer(node)}) of {network.name} cannot be trained for"
            " int8: TensorFlow has no gradient of what it computes.",
            hint=HINT,
        ) from error
    return [next(gradients) if value.dtype.is_floating else None for value in taken]


def _names(network: Network, stops: set[tuple[str, str]]) -> list[str]:
    """The nodes of ``stops``, in the order of the network."""
    names = {name for name, _ in stops}
    return [node.name for node in network if node.name in names]


def _layer(node: Node) -> str:
    return str(node.options["layer"])
