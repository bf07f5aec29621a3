"""Quantization-aware training of any network that ``tflconv.network`` can read, ViTs included.

tfmot rejects attention, LayerNormalization and Keras 3. Here the rewritten network is trained
(norms folded, heads split, keys and values symmetric), with every weight and every activation
rounded as the integer file will round it. Rounding has no slope, so its gradient is taken to be 1
(the straight-through estimator, Bengio et al. 2013, https://arxiv.org/abs/1308.3432), and 0 where
an activation is outside of its range. Ranges are exponential moving averages of the smallest and
the largest values per batch (Jacob et al. 2018), frozen in the last quarter of the steps.

Zeros of pruned kernels stay zero, and equal weights of a channel stay equal (``structure``): both
are rounded to equal integers. Passes that would mix weights of such kernels are left out.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tflconv.compression import learned, slopes
from tflconv.compression.config import QatConfig
from tflconv.compression.distillation import in_logits, teacher_of
from tflconv.compression.examples import Examples
from tflconv.compression.fine_tuning import Loss
from tflconv.compression.structure import KernelStructure
from tflconv.compression.technique import Subject, Teaching
from tflconv.conversion.optimized import lower_rounded
from tflconv.core.progress import Callback, Progress, silent
from tflconv.core.tensorflow import keras2, tf
from tflconv.core.typing import KerasOptimizer, Tensor, Variable
from tflconv.errors import TflconvError
from tflconv.network.keras.execution import run
from tflconv.network.keras.fake_quant import channels_of, round_straight_through, round_weights
from tflconv.network.keras.opened import Opened
from tflconv.network.keras.ranges import Ranges, allowed, measure, quantized
from tflconv.network.nodes import LINEAR, Array, Network, Node
from tflconv.network.passes import DROPS_SOFTMAX, PASSES
from tflconv.network.symmetric import symmetric_ends
from tflconv.recipe import get
from tflconv.training.teaching import loss as mixed_loss
from tflconv.training.teaching import taught_loss

_FROZEN_SHARE = 0.25
"""Share of the steps, at the end, in which ranges do not move."""

_SLOPES = 8
"""Number of examples that tell where gradients end."""

_MEASURED = 200
"""Number of examples that the first ranges are measured with."""


def train(
    subject: Subject[QatConfig], examples: Examples, folder: Path, progress: Callback
) -> None:
    """Train the rewritten network of ``subject``; leave its weights and ranges in ``folder``.

    Raises:
        TflconvError: A layer cannot be trained, or the result could not be converted to integers;
            both are checked before the training starts.
    """
    network, config = _network(subject), subject.config
    check_known(network)
    start = first_ranges(network, examples, config)
    if subject.selective:
        start = {node.name: start[node.name] for node in quantized(network, selective=True)}
    check_convertible(network, start, selective=subject.selective)
    loss = None
    if subject.teaching is not None:
        loss = _taught(network, subject.teaching, subject.model)
    trained, ranges = fine_tune(
        network, examples, config, start=start, loss=loss, progress=progress
    )
    learned.save_network(folder, trained, ranges)


def load(subject: Subject[QatConfig], folder: Path) -> Opened:
    """Return the trained network with the ranges of its activations."""
    network, ranges = learned.load_network(folder, _network(subject))
    model = subject.model
    return Opened(model.name, sha256=model.sha256, card=model.card, network=network, ranges=ranges)


def check_convertible(network: Network, start: Ranges, *, selective: bool = False) -> None:
    """Check that ``network`` can be converted to integers, before it is trained.

    Args:
        network: The network that is to be trained.
        start: Ranges of its activations.
        selective: Whether only its products are to be.

    Raises:
        TflconvError: Operators would be left in float.
    """
    lower_rounded(network, start, get(f"qat_{'selective' if selective else 'static'}_wi8_ai8"))


def _network(subject: Subject[QatConfig]) -> Network:
    """The network to train: rewritten, without its last softmax if outputs may change."""
    skipped = _MIXING if structures(subject.model.network) else ()
    if subject.optimize and not skipped:
        return subject.model.rewritten[0]
    skipped = skipped if subject.optimize else (*skipped, DROPS_SOFTMAX)
    return subject.model.rewritten_by([step for step in PASSES if step.name not in skipped])


_MIXING = ("center_residuals", "merge_linear")
"""Passes that make new weights of several old ones, in which no zeros and equal ones are left."""


def structures(network: Network) -> dict[str, KernelStructure]:
    """Return what is to be kept of the kernels of ``network``, by the name of the node."""
    by_node = {}
    for node in _trained(network):
        kernel = node.weights["kernel"]
        if structure := KernelStructure.of(kernel, channels_of(node)):
            by_node[node.name] = structure
    return by_node


def fine_tune(
    network: Network,
    examples: Examples,
    config: QatConfig,
    *,
    start: Ranges | None = None,
    loss: Loss | None = None,
    progress: Callback = silent,
) -> tuple[Network, Ranges]:
    """Train ``network`` to predict the labels of ``examples``.

    Args:
        network: The network as it will be converted.
        examples: Labelled pictures.
        config: Epochs, learning rate and other settings.
        start: Ranges to start from, by default those of ``first_ranges``.
        loss: What is minimized; by default the cross-entropy with the labels.
        progress: Is told of each step, and by a message of the loss of each epoch.

    Returns:
        The network with rounded weights, and the ranges of its activations.

    Raises:
        TflconvError: A layer cannot be trained with rounding.
    """
    check_known(network)
    start = start or first_ranges(network, examples, config)
    trained = QatScheme(network, start, config)
    trained.still = slopes.still(
        network, _trained(network), examples.images[:_SLOPES].astype(np.float32)
    )
    steps = examples.steps(config)
    optimizer = keras2.optimizers.Adam(
        keras2.optimizers.schedules.CosineDecay(config.learning_rate, steps)
    )
    optimizer.build(trained.variables)
    wanted = loss or partial(_labelled, network)
    step = tf.function(_step, autograph=False, reduce_retracing=True)
    done = 0
    for epoch in range(config.epochs):
        losses = []
        for inputs, labels in examples.batches(config, epoch):
            trained.observes.assign(done < steps * (1 - _FROZEN_SHARE))
            losses.append(float(step(trained, optimizer, wanted, inputs, labels)))
            done += 1
            progress(stepped(done, steps))
        progress(finished(epoch, config.epochs, float(np.mean(losses)), steps))
    return trained.network(), trained.ranges()


def stepped(done: int, steps: int) -> Progress:
    """Return the event that reports how many of all ``steps`` are done."""
    return Progress(stage="qat", done=done, total=steps, unit="steps")


def finished(epoch: int, epochs: int, loss: float, steps: int) -> Progress:
    """Return the event that reports the ``loss`` of ``epoch``, which counts from 0."""
    message = f"qat: epoch {epoch + 1} of {epochs}, loss {loss:.3f}"
    done = (epoch + 1) * steps // epochs
    return Progress(stage="qat", done=done, total=steps, unit="steps", message=message)


def first_ranges(network: Network, examples: Examples, config: QatConfig) -> Ranges:
    """Measure the ranges that training starts from, as post-training quantization does."""
    return measure(network, examples.sample(_MEASURED, config.seed))


def check_known(network: Network) -> None:
    """Check that all layers of ``network`` can be trained with rounding.

    Raises:
        TflconvError: The arithmetic or the gradient of a layer is not known.
    """
    for node in network.of_kind("opaque"):
        if node.options["learns"]:
            raise TflconvError(
                f"qat: the weights of layer '{node.name}' ({node.options['layer']}) of"
                f" {network.name} cannot be trained for int8 as it is used there.",
                hint=slopes.HINT,
            )
    for node in network.of_kind("conv"):
        if node.options.get("dilation", (1, 1)) != (1, 1):
            raise TflconvError(
                f"qat: layer '{node.name}' of {network.name} cannot be trained for int8:"
                f" TensorFlow has no gradient on the CPU for dilation {node.options['dilation']}.",
                hint=slopes.HINT,
            )


def logits_of(network: Network) -> Network:
    """Return ``network`` without the softmax or sigmoid that it may end with."""
    ends = _final(network) in ("softmax", "sigmoid")
    return replace(network, outputs=network[network.output].inputs) if ends else network


def _final(network: Network) -> str | None:
    """The activation that ``network`` ends with."""
    last = network[network.output]
    return last.options["function"] if last.kind == "activation" else None


def loss_of(network: Network, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean cross-entropy, by what ``network`` ends with.

    A sigmoid tells each class from all others (binary cross-entropy), as does a single score, which
    speaks for the second of two classes; anything else chooses among all classes.
    """
    classes = int(logits.shape[-1])
    if classes > 1 and _final(network) != "sigmoid":
        return tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        )
    wanted = tf.one_hot(labels, classes) if classes > 1 else tf.cast(labels, tf.float32)[:, None]
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=wanted, logits=logits))


def _labelled(network: Network, _: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
    return loss_of(network, logits, labels)


def _taught(network: Network, teaching: Teaching, student: Opened) -> Loss:
    """The loss on labels and on what a teacher says about the same inputs."""
    teacher = teacher_of(teaching.model, student)

    def loss(inputs: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        teacher_loss = taught_loss(teacher(inputs), in_logits(logits, ""), teaching.config)
        return mixed_loss(loss_of(network, logits, labels), teacher_loss, teaching.config)

    return loss


class QatScheme:
    """A quantization scheme that is trained: rounded variables, and ranges that move.

    Attributes:
        observes: Whether ranges follow the batches.
        structures: What is to be kept of the kernels of nodes, by name.
        weights: Variables of the kernels and biases, not rounded, by node and name of the weight;
            of a kernel whose weights are tied, one value per group.
        ends: Variables ``[low, high]`` of the ranges, by node.
    """

    saturates = True

    def __init__(self, network: Network, start: Ranges, config: QatConfig) -> None:
        self.source, self.config = network, config
        self.still: frozenset[str] = frozenset()
        self.observes: Variable = tf.Variable(True, trainable=False)
        self.structures = structures(network)
        self.weights: dict[tuple[str, str], Variable] = {
            (node.name, key): tf.Variable(self._values(node, key))
            for node in _trained(network)
            for key in node.weights
        }
        self.ends: dict[str, Variable] = {
            name: tf.Variable([ends.low, ends.high], trainable=False, dtype=tf.float32)
            for name, ends in start.items()
        }

    @property
    def variables(self) -> list[Variable]:
        """The variables that the optimizer changes."""
        return list(self.weights.values())

    def weight(self, node: Node, key: str) -> Tensor:
        """Return a trained kernel rounded, and any other weight as it is."""
        variable = self.weights.get((node.name, key))
        if variable is None:
            return tf.constant(node.weights[key])
        if key != "kernel":
            return variable
        structure = self.structures.get(node.name)
        kernel = variable if structure is None else structure.kernel(variable, tf.gather)
        return round_straight_through(kernel, node, self.config.bits)

    def _values(self, node: Node, key: str) -> Array:
        """What is trained of a weight."""
        structure = self.structures.get(node.name) if key == "kernel" else None
        return node.weights[key] if structure is None else structure.values(node.weights[key])

    def activation(self, node: Node, value: Tensor) -> Tensor:
        """Return ``value`` rounded to the steps of its range, after the range has moved."""
        if node.name not in self.ends or not value.dtype.is_floating:
            return value
        ends = self.ends[node.name]
        moved = self.config.ema_decay * ends + (1 - self.config.ema_decay) * _ends(node, value)
        low, high = tf.unstack(ends.assign(tf.where(self.observes, moved, ends)))
        rounded: Tensor = tf.quantization.fake_quant_with_min_max_vars(value, low, high)
        return rounded

    def network(self) -> Network:
        """Return the network with the trained weights, rounded."""
        network = self.source
        for node in _trained(network):
            weights = {key: self.weights[node.name, key].numpy() for key in node.weights}
            if node.name in self.structures:
                weights["kernel"] = self.structures[node.name].kernel(weights["kernel"])
            network = network.updating(node.with_weights(**weights))
        return round_weights(network, self.config.bits)

    def ranges(self) -> Ranges:
        """Return the ranges as they are now."""
        return {
            name: allowed(self.source[name], *(float(end) for end in ends.numpy()))
            for name, ends in self.ends.items()
        }


def _trained(network: Network) -> list[Node]:
    """The nodes whose weights are trained, which those of an average pooling are not."""
    return [node for node in network.of_kind(*LINEAR) if not node.options.get("averages")]


def _step(
    trained: QatScheme, optimizer: KerasOptimizer, wanted: Loss, inputs: Tensor, labels: Tensor
) -> Tensor:
    with tf.GradientTape() as tape:
        logits = run(logits_of(trained.source), inputs, scheme=trained)
        loss = wanted(inputs, logits, labels)
    gradients = [_dense(each) for each in tape.gradient(loss, trained.variables)]
    for (name, _), gradient in zip(trained.weights, gradients, strict=True):
        if gradient is None and name not in trained.still:
            raise TflconvError(
                f"qat: layer '{name}' of {trained.source.name} learns nothing: what follows it has"
                " no gradient."
            )
    moving = [
        pair for pair in zip(gradients, trained.variables, strict=True) if pair[0] is not None
    ]
    optimizer.apply_gradients(moving)
    return loss


def _dense(gradient: Any) -> Any:
    """``gradient`` as a tensor, if there is one: that of values that were gathered is a list."""
    return None if gradient is None else tf.convert_to_tensor(gradient)


def _ends(node: Node, value: Tensor) -> Tensor:
    """The range ``[low, high]`` of ``value`` and 0, made symmetric where ``node`` asks for it."""
    low: Tensor = tf.minimum(tf.reduce_min(value), 0.0)
    high: Tensor = tf.maximum(tf.reduce_max(value), 0.0)
    if node.options.get("symmetric"):
        low, high = symmetric_ends(low, high, larger=tf.maximum)
    ends: Tensor = tf.stack([low, high])
    return ends
