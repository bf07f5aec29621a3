"""Other runtimes behind the same service, as workers of it: Keras and ONNX Runtime.

Started by the service as ``python backends.py KIND SOURCE FD``. Decoding, messages and answers
are those of ``tflconv.service``; only ``predict`` differs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv.model.card import ModelCard, require_card
from tflconv.model.pictures import View
from tflconv.service import worker
from tflconv.service.classifier import Classifier
from tflconv.service.settings import ServedModel

Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class Normalized:
    """A backend that takes floats: pixels are normalized by NumPy, as LiteRT's are."""

    def __init__(self, card: ModelCard, predict: Predict) -> None:
        self._card, self._predict = card, predict

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the scores of pixels."""
        return np.asarray(self._predict(self._card.normalization.apply(images)), np.float32)


def keras_predict(source: Path) -> Predict:
    """``model.predict``, as most people call it."""
    model = _keras(source)
    return lambda values: model.predict(values, verbose=0)  # type: ignore[no-any-return]


def keras_call(source: Path) -> Predict:
    """``tf.function``, compiled once for one picture."""
    return _traced(source, jit=False)


def keras_jit(source: Path) -> Predict:
    """``tf.function(jit_compile=True)``: XLA."""
    return _traced(source, jit=True)


def onnx(source: Path) -> Predict:
    """ONNX Runtime with one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(source), options)
    name = session.get_inputs()[0].name
    return lambda values: session.run(None, {name: values})[0]  # type: ignore[no-any-return]


def _keras(source: Path) -> Any:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    from tflconv.network.keras.opened import open_once

    opened = open_once(source)
    return opened.source.model  # type: ignore[attr-defined]


def _traced(source: Path, *, jit: bool) -> Predict:
    import tensorflow as tf

    model = _keras(source)
    traced = tf.function(lambda values: model(values, training=False), jit_compile=jit)
    return lambda values: traced(tf.constant(values)).numpy()  # type: ignore[no-any-return]


KINDS = {"predict": keras_predict, "function": keras_call, "jit": keras_jit, "onnx": onnx}


def main() -> None:
    """Be a worker whose models are run by another runtime; the card is that of the ``.tflite``."""
    kind, source, *rest = sys.argv[1:]

    def open_model(model: ServedModel, *, max_pixels: int, threads: int = 1) -> Classifier:  # noqa: ARG001
        card = require_card(model.path)
        height, width, channels = card.input_shape
        view = View(size=(height, width), channels=channels, resize=card.resize or "crop")
        backend = Normalized(card, KINDS[kind](Path(source)))
        classes = backend.predict(np.zeros((1, *card.input_shape), np.uint8)).shape[1]
        labels = card.labels or tuple(map(str, range(classes)))
        return Classifier(backend, view, labels, lambda scores: scores, max_pixels)

    worker.main(rest, open_model)
    os._exit(0)


if __name__ == "__main__":
    main()
