"""Quantization-aware training of any network that ``tflconv.network`` can read, ViTs included.

tfmot rejects attention, LayerNormalization and Keras 3. Here the network that is trained is the
rewritten one (norms folded, heads split, keys and values symmetric), with every weight and every
activation rounded as the integer file will round it. Rounding has no slope, so its gradient is
taken to be 1 (the straight-through estimator, Bengio et al. 2013, https://arxiv.org/abs/1308.3432),
and 0 where an activation leaves its range. Ranges follow a moving average of what the batches cause
(Jacob et al. 2018) and stand still in the last quarter of the steps.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tflconv.compression import learned
from tflconv.compression.config import QatConfig
from tflconv.compression.examples import Examples
from tflconv.compression.technique import Subject
from tflconv.conversion.optimized import lower_rounded
from tflconv.core.progress import Callback, Progress, silent
from tflconv.core.tensorflow import keras2, tf
from tflconv.errors import TflconvError
from tflconv.network.keras.execution import run
from tflconv.network.keras.fake_quant import round_weights
from tflconv.network.keras.layer_readers import KNOWN_LAYERS
from tflconv.network.keras.opened import Opened
from tflconv.network.keras.ranges import Ranges, allowed, measure
from tflconv.network.nodes import LINEAR, Network, Node
from tflconv.network.passes import PASSES
from tflconv.recipe import get

_FROZEN_SHARE = 0.25
_MEASURED = 200
"""How many examples the first ranges are taken from."""


def train(
    subject: Subject[QatConfig], examples: Examples, folder: Path, progress: Callback
) -> None:
    """Train the rewritten network of ``subject``; leave its weights and ranges in ``folder``.

    Raises:
        TflconvError: A layer cannot be trained, or no integer file could hold the result; both
            are found before the training starts.
    """
    network, config = _network(subject), subject.config
    check_known(network)
    start = first_ranges(network, examples, config)
    check_convertible(network, start)
    trained, ranges = fine_tune(network, examples, config, start=start, progress=progress)
    learned.save_network(folder, trained, ranges)


def load(subject: Subject[QatConfig], folder: Path) -> Opened:
    """Return the trained network with the ranges of its activations."""
    network, ranges = learned.load_network(folder, _network(subject))
    model = subject.model
    return Opened(model.name, sha256=model.sha256, card=model.card, network=network, ranges=ranges)


def check_convertible(network: Network, start: Ranges) -> None:
    """Convert ``network`` once as it will be when it is trained.

    Raises:
        TflconvError: Operators would be left in float.
    """
    lower_rounded(network, start, get("static_wi8_ai8"))


def _network(subject: Subject[QatConfig]) -> Network:
    """The network that is trained: rewritten, with its last softmax if that has to stay."""
    if subject.optimize:
        return subject.model.rewritten[0]
    return subject.model.rewritten_by([p for p in PASSES if p.name != "drop_softmax"])


def fine_tune(
    network: Network,
    examples: Examples,
    config: QatConfig,
    *,
    start: Ranges | None = None,
    progress: Callback = silent,
) -> tuple[Network, Ranges]:
    """Train ``network`` to tell the labels of ``examples``; return it rounded, with its ranges.

    Args:
        network: The network as it is to be converted.
        examples: Labelled pictures.
        config: Epochs, learning rate and the like.
        start: Ranges to start from, by default those of ``first_ranges``.
        progress: Is told the loss of each epoch.

    Raises:
        TflconvError: A layer is not known well enough to be rounded.
    """
    check_known(network)
    start = start or first_ranges(network, examples, config)
    trained = QatScheme(network, start, config)
    steps = examples.steps(config)
    optimizer = keras2.optimizers.Adam(
        keras2.optimizers.schedules.CosineDecay(config.learning_rate, steps)
    )
    optimizer.build(trained.variables)
    step = tf.function(_step, autograph=False, reduce_retracing=True)
    done = 0
    for epoch in range(config.epochs):
        losses = []
        for inputs, labels in examples.batches(config, epoch):
            trained.observes.assign(done < steps * (1 - _FROZEN_SHARE))
            losses.append(float(step(trained, optimizer, inputs, labels)))
            done += 1
        progress(finished(epoch, config.epochs, float(np.mean(losses))))
    return trained.network(), trained.ranges()


def finished(epoch: int, epochs: int, loss: float) -> Progress:
    """Return what is told after ``epoch``, which counts from 0."""
    message = f"qat: epoch {epoch + 1} of {epochs}, loss {loss:.3f}"
    return Progress(stage="qat", done=epoch + 1, total=epochs, message=message)


def first_ranges(network: Network, examples: Examples, config: QatConfig) -> Ranges:
    """The ranges that training starts from: those of post-training quantization."""
    return measure(network, examples.sample(_MEASURED, config.seed))


def check_known(network: Network) -> None:
    """Raise ``TflconvError`` for a layer whose arithmetic or gradient is not known here."""
    hint = f"What can: {', '.join(KNOWN_LAYERS)}. Or take static_wi8_ai8, without training."
    for node in network.of_kind("opaque"):
        raise TflconvError(
            f"qat: layer '{node.name}' ({node.options['layer']}) of {network.name} cannot be"
            " trained for int8 as it is used there.",
            hint=hint,
        )
    for node in network.of_kind("conv"):
        if node.options.get("dilation", (1, 1)) != (1, 1):
            raise TflconvError(
                f"qat: layer '{node.name}' of {network.name} cannot be trained for int8:"
                f" TensorFlow has no gradient on the CPU for dilation {node.options['dilation']}.",
                hint=hint,
            )


def logits_of(network: Network) -> Network:
    """The same network seen before its softmax, if it ends with one."""
    last = network[network.output]
    ends = last.kind == "activation" and last.options["function"] == "softmax"
    return replace(network, output=last.inputs[0]) if ends else network


class QatScheme:
    """Weights as variables seen through rounding, activations rounded to ranges that move along."""

    saturates = True

    def __init__(self, network: Network, start: Ranges, config: QatConfig) -> None:
        self.source, self.config = network, config
        self.observes = tf.Variable(True, trainable=False)
        self.weights = {
            (node.name, key): tf.Variable(value)
            for node in _trained(network)
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
        moved = self.config.ema_decay * ends + (1 - self.config.ema_decay) * _reach(node, value)
        low, high = tf.unstack(ends.assign(tf.where(self.observes, moved, ends)))
        return tf.quantization.fake_quant_with_min_max_vars(value, low, high)

    def network(self) -> Network:
        """The network with the trained weights, on their steps."""
        network = self.source
        for node in _trained(network):
            weights = {key: self.weights[node.name, key].numpy() for key in node.weights}
            network = network.updating(node.with_weights(**weights))
        return round_weights(network, self.config.bits)

    def ranges(self) -> Ranges:
        """The ranges as they stand."""
        return {
            name: allowed(self.source[name], *(float(end) for end in ends.numpy()))
            for name, ends in self.ends.items()
        }


def _trained(network: Network) -> list[Node]:
    """The nodes whose weights learn; those of an average stay what they are."""
    return [node for node in network.of_kind(*LINEAR) if not node.options.get("averages")]


def _step(trained: QatScheme, optimizer: Any, inputs: Any, labels: Any) -> Any:
    with tf.GradientTape() as tape:
        logits = run(logits_of(trained.source), inputs, scheme=trained)
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
