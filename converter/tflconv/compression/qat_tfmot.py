"""Quantization-aware training by tensorflow-model-optimization (tfmot), the best-known one.

It wraps each layer of a Keras 2 model: kernels are rounded channelwise before they are used,
BatchNormalization goes on learning from its batches, and ranges start at -6 to 6 and follow a
moving average (https://www.tensorflow.org/model_optimization/guide/quantization/training). It
refuses Keras 3, models inside of models, and every layer that it has no rule for.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np

from tflconv.compression import learned
from tflconv.compression.config import QatConfig
from tflconv.compression.examples import Examples
from tflconv.compression.qat import finished, stepped, structures
from tflconv.compression.technique import Subject
from tflconv.core.nesting import leaves
from tflconv.core.progress import Callback, silent
from tflconv.core.shortening import first_line
from tflconv.core.tensorflow import fresh_names, keras2, tfmot_quantization
from tflconv.core.typing import Keras2Model
from tflconv.errors import TflconvError
from tflconv.model.opening import of_keras
from tflconv.network.keras.opened import Opened


def train(
    subject: Subject[QatConfig], examples: Examples, folder: Path, progress: Callback
) -> None:
    """Train the Keras 2 model of ``subject``; leave its weights and ranges in ``folder``.

    Raises:
        TflconvError: tfmot cannot train the model.
    """
    model = subject.model.source.model
    if subject.teaching is not None:
        raise _refused("it learns from labels only, not from the teacher of distill")
    if structures(subject.model.network):
        raise _refused("it would fill the zeros and clusters that the model has")
    trained = fine_tune(model, examples, subject.config, progress=progress)
    learned.save_weights(folder, trained.get_weights())


def load(subject: Subject[QatConfig], folder: Path) -> Opened:
    """Return the trained model, which contains its ranges."""
    model = subject.model
    trained = rounded(model.source.model)
    trained.set_weights(learned.load_weights(folder))
    source = of_keras(trained, name=model.name)
    return Opened(model.name, source=source, sha256=model.sha256, card=model.card)


def fine_tune(
    model: object, examples: Examples, config: QatConfig, *, progress: Callback = silent
) -> Keras2Model:
    """Train a Keras 2 model with the rounding of tfmot.

    Args:
        model: The model; it is not changed.
        examples: Labelled pictures.
        config: Epochs, learning rate and other settings.
        progress: Is told of each step, and by a message of the loss of each epoch.

    Returns:
        A new model, which contains its ranges.

    Raises:
        TflconvError: tfmot cannot train the model; the message names the layer.
    """
    original = keras2_model(model)
    trained = rounded(original)
    steps = examples.steps(config)
    trained.compile(
        keras2.optimizers.Adam(
            keras2.optimizers.schedules.CosineDecay(config.learning_rate, steps)
        ),
        _loss(original),
    )
    done = 0
    for epoch in range(config.epochs):
        losses = []
        for batch in examples.batches(config, epoch):
            losses.append(trained.train_on_batch(*batch))
            done += 1
            progress(stepped(done, steps))
        progress(finished(epoch, config.epochs, float(np.mean(losses)), steps))
    return trained


def keras2_model(model: object) -> Keras2Model:
    """Return ``model`` if it is a Keras 2 model.

    Raises:
        TflconvError: It is something else.
    """
    if not isinstance(model, keras2.Model):
        raise _refused("it is not a Keras 2 model")
    checked: Keras2Model = model
    return checked


def rounded(model: object) -> Keras2Model:
    """Return a Keras 2 model whose layers are wrapped by tfmot, not trained yet.

    Raises:
        TflconvError: tfmot cannot wrap the model.
    """
    original = keras2_model(model)
    try:
        with warnings.catch_warnings(), fresh_names():
            warnings.simplefilter("ignore")
            wrapped: Keras2Model = tfmot_quantization().quantize_model(original)
            return wrapped
    except (RuntimeError, ValueError) as error:
        raise _refused(_reason(error)) from error


def _reason(error: Exception) -> str:
    if layer := _UNSUPPORTED.search(str(error)):
        return f"it has no rule for layer '{layer[1]}' ({layer[2]})"
    return first_line(error)


_UNSUPPORTED = re.compile(r"Layer ([\w/.-]+):<class '(?:\w+\.)*(\w+)'> is not supported")


def _refused(reason: str) -> TflconvError:
    return TflconvError(
        f"tensorflow-model-optimization cannot train this model: {reason}.",
        hint="Use --qat-engine=tflconv, which trains more kinds of layers.",
    )


def _loss(model: Keras2Model) -> object:
    """The loss by what ``model`` ends with, as ``qat.loss_of`` chooses it."""
    last = model.layers[-1]
    softmax = isinstance(last, keras2.layers.Softmax) or _final(last) == "softmax"
    if [tuple(output.shape)[1:] for output in leaves(model.outputs)] == [(1,)]:
        return keras2.losses.BinaryCrossentropy(from_logits=_final(last) != "sigmoid")
    if _final(last) == "sigmoid":
        raise _refused("it ends with a sigmoid for each of several classes")
    return keras2.losses.SparseCategoricalCrossentropy(from_logits=not softmax)


def _final(layer: object) -> str:
    return str(getattr(getattr(layer, "activation", None), "__name__", ""))
