"""Quantization-aware training by tensorflow-model-optimization, the way most people know.

It wraps each layer of a Keras 2 model: kernels are rounded channelwise before they are used,
BatchNormalization goes on learning from its batches, and ranges start at -6 to 6 and follow a
moving average (https://www.tensorflow.org/model_optimization/guide/quantization/training). It
refuses Keras 3, models inside of models, and every layer that it has no rule for.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from tflconv.compression import learned
from tflconv.compression.config import QatConfig
from tflconv.compression.examples import Examples
from tflconv.compression.qat import finished
from tflconv.compression.technique import Subject
from tflconv.core.progress import Callback, silent
from tflconv.core.tensorflow import fresh_names, keras2, tfmot_quantization
from tflconv.errors import TflconvError
from tflconv.model.opening import of_keras
from tflconv.network.keras.opened import Opened


def train(
    subject: Subject[QatConfig], examples: Examples, folder: Path, progress: Callback
) -> None:
    """Train the Keras 2 model of ``subject``; leave its weights and ranges in ``folder``.

    Raises:
        TflconvError: tfmot does not take the model.
    """
    model = subject.model.source.model
    trained = fine_tune(model, examples, subject.config, progress=progress)
    learned.save_weights(folder, trained.get_weights())


def load(subject: Subject[QatConfig], folder: Path) -> Opened:
    """Return the trained model, its ranges inside."""
    model = subject.model
    trained = rounded(model.source.model)
    trained.set_weights(learned.load_weights(folder))
    source = of_keras(trained, name=model.name)
    return Opened(model.name, source=source, sha256=model.sha256, card=model.card)


def fine_tune(
    model: Any, examples: Examples, config: QatConfig, *, progress: Callback = silent
) -> Any:
    """Train the Keras 2 ``model`` rounded by tfmot; return the new model with its ranges inside.

    Raises ``TflconvError`` naming what tfmot does not take.
    """
    trained = rounded(model)
    steps = examples.steps(config)
    trained.compile(
        keras2.optimizers.Adam(
            keras2.optimizers.schedules.CosineDecay(config.learning_rate, steps)
        ),
        keras2.losses.SparseCategoricalCrossentropy(from_logits=not _ends_with_softmax(model)),
    )
    for epoch in range(config.epochs):
        losses = [trained.train_on_batch(*batch) for batch in examples.batches(config, epoch)]
        progress(finished(epoch, config.epochs, float(np.mean(losses))))
    return trained


def rounded(model: Any) -> Any:
    """``model`` as tfmot wraps it, not trained yet."""
    if not isinstance(model, keras2.Model):
        raise _refused("it is not a Keras 2 model")
    try:
        with warnings.catch_warnings(), fresh_names():
            warnings.simplefilter("ignore")
            return tfmot_quantization().quantize_model(model)
    except (RuntimeError, ValueError) as error:
        raise _refused(_reason(error)) from error


def _reason(error: Exception) -> str:
    text = str(error)
    if found := _UNSUPPORTED.search(text):
        return f"it has no rule for layer '{found[1]}' ({found[2]})"
    return text.splitlines()[0].strip().rstrip(".")


_UNSUPPORTED = re.compile(r"Layer ([\w/.-]+):<class '(?:\w+\.)*(\w+)'> is not supported")


def _refused(reason: str) -> TflconvError:
    return TflconvError(
        f"tensorflow-model-optimization cannot train this model: {reason}.",
        hint="Our own engine may: --qat-engine tflconv.",
    )


def _ends_with_softmax(model: Any) -> bool:
    activation = getattr(model.layers[-1], "activation", None)
    last = isinstance(model.layers[-1], keras2.layers.Softmax)
    return last or getattr(activation, "__name__", "") == "softmax"
