"""Quantization-aware training of any network that ``tflconv.graph`` can read, ViTs included.

tfmot rejects attention, LayerNormalization and Keras 3. Here the network that is trained is the
rewritten one (norms folded, heads split, keys and values symmetric), with every weight and every
activation rounded as the integer file will round it. Rounding has no slope, so its gradient is
taken to be 1 (the straight-through estimator, Bengio et al. 2013, https://arxiv.org/abs/1308.3432),
and 0 where an activation leaves its range. Ranges follow a moving average of what the batches cause
(Jacob et al. 2018) and stand still in the last quarter of the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv.errors import require
from tflconv.graph.execution import run
from tflconv.graph.fake_quant import round_weights
from tflconv.graph.network import LINEAR, Array, Network, Node
from tflconv.graph.ranges import Ranges, allowed, measure
from tflconv.keras import keras2, tf

_FROZEN_SHARE = 0.25


@dataclass(frozen=True, kw_only=True)
class QatConfig:
    """Settings of the training; ``bits`` are those of the weights."""

    epochs: int = 1
    batch_size: int = 64
    learning_rate: float = 1e-4
    momentum: float = 0.99
    bits: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        require(
            "qat",
            self,
            epochs=(self.epochs >= 1, "at least 1"),
            batch_size=(self.batch_size >= 1, "at least 1"),
            learning_rate=(0 < self.learning_rate < inf, "positive"),
            momentum=(0 <= self.momentum < 1, "at least 0 and below 1"),
            bits=(2 <= self.bits <= 8, "2 to 8"),
        )


def fine_tune(
    network: Network,
    images: Array,
    labels: NDArray[np.int64],
    config: QatConfig,
    *,
    progress: Callable[[int, float], None] = lambda _epoch, _loss: None,
) -> tuple[Network, Ranges]:
    """Train ``network`` on normalized ``images`` ``[n, ...]``; return it rounded, with its ranges.

    ``progress`` is told the number and the mean loss of each epoch.
    """
    trained = TrainedNumbers(network, measure(network, images[:200]), config)
    steps = config.epochs * -(-len(images) // config.batch_size)
    optimizer = keras2.optimizers.Adam(
        keras2.optimizers.schedules.CosineDecay(config.learning_rate, steps)
    )
    optimizer.build(trained.variables)
    step = tf.function(_step, autograph=False, reduce_retracing=True)
    done = 0
    for epoch in range(config.epochs):
        losses = []
        for chosen in _batches(len(images), config, epoch):
            trained.observes.assign(done < steps * (1 - _FROZEN_SHARE))
            losses.append(float(step(trained, optimizer, images[chosen], labels[chosen])))
            done += 1
        progress(epoch, float(np.mean(losses)))
    return trained.network(), trained.ranges()


class TrainedNumbers:
    """Weights as variables seen through rounding, activations rounded to ranges that move along."""

    saturates = True

    def __init__(self, network: Network, start: Ranges, config: QatConfig) -> None:
        self.source, self.config = network, config
        self.observes = tf.Variable(True, trainable=False)
        self.weights = {
            (node.name, key): tf.Variable(value)
            for node in network.of_kind(*LINEAR)
            for key, value in node.weights.items()
        }
        self.ends = {
            name: tf.Variable([found.low, found.high], trainable=False)
            for name, found in start.items()
        }

    @property
    def variables(self) -> list[Any]:
        """What the optimizer changes."""
        return list(self.weights.values())

    def weight(self, node: Node, key: str) -> Any:
        """A kernel on its steps; a bias or what is not trained as it is."""
        variable = self.weights.get((node.name, key))
        if variable is None:
            return tf.constant(node.weights[key])
        return _rounded(variable, node, self.config.bits) if key == "kernel" else variable

    def activation(self, node: Node, value: Any) -> Any:
        """The value on the steps of its range, which first moves towards it."""
        if node.name not in self.ends:
            return value
        ends = self.ends[node.name]
        moved = self.config.momentum * ends + (1 - self.config.momentum) * _reach(node, value)
        low, high = tf.unstack(ends.assign(tf.where(self.observes, moved, ends)))
        return tf.quantization.fake_quant_with_min_max_vars(value, low, high)

    def network(self) -> Network:
        """The network with the trained weights, on their steps."""
        network = self.source
        for node in network.of_kind(*LINEAR):
            weights = {key: self.weights[node.name, key].numpy() for key in node.weights}
            network = network.updating(node.with_weights(**weights))
        return round_weights(network, self.config.bits)

    def ranges(self) -> Ranges:
        """The ranges as they stand."""
        return {
            name: allowed(self.source[name], *(float(end) for end in ends.numpy()))
            for name, ends in self.ends.items()
        }


def _step(trained: TrainedNumbers, optimizer: Any, images: Any, labels: Any) -> Any:
    with tf.GradientTape() as tape:
        logits = run(trained.source, images, numbers=trained)
        loss = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        )
    gradients = tape.gradient(loss, trained.variables)
    optimizer.apply_gradients(zip(gradients, trained.variables, strict=True))
    return loss


def _rounded(variable: Any, node: Node, bits: int) -> Any:
    """``variable`` on its steps, with the gradient of ``variable`` itself."""
    kept = (2, 3) if node.kind == "depthwise" else (len(variable.shape) - 1,)
    axes = [axis for axis in range(len(variable.shape)) if axis not in kept]
    largest = tf.reduce_max(tf.abs(variable), axes, keepdims=True)
    scale = tf.where(largest > 0, largest, 1.0) / (2 ** (bits - 1) - 1)
    return variable + tf.stop_gradient(tf.round(variable / scale) * scale - variable)


def _reach(node: Node, value: Any) -> Any:
    """Smallest and largest of ``value`` and 0, widened until the zero point is 0 if it must be."""
    low = tf.minimum(tf.reduce_min(value), 0.0)
    high = tf.maximum(tf.reduce_max(value), 0.0)
    if node.options.get("symmetric"):
        high = tf.maximum(-low * 127 / 128, high)
        low = -high * 128 / 127
    return tf.stack([low, high])


def _batches(count: int, config: QatConfig, epoch: int) -> Iterator[NDArray[np.int64]]:
    order = np.random.default_rng((config.seed, epoch)).permutation(count)
    for start in range(0, count, config.batch_size):
        yield order[start : start + config.batch_size]
