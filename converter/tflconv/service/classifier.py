"""A model that answers picture files with probabilities: decode, shape, infer, normalize.

The pixels that reach the network are those that ``tflconv verify`` makes of the same file, byte for
byte: the same decoder, the same resizing, the same card.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tflconv.errors import TflconvError, UsageError
from tflconv.inspection import runnable
from tflconv.model import one_score, pictures
from tflconv.model.interpreter import Interpreter
from tflconv.model.resolving import resolve_card
from tflconv.service.settings import ServedModel
from tflconv.tflite import outline, reading
from tflconv.tflite.contents import TfliteModel

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
"""What Pillow calls the formats that are taken; JPEG includes MPO, several in one file."""

_FEW = 16
"""Classes for which it is quicker to look through all than to sort all."""

Scores = NDArray[np.float32]


class Backend(Protocol):
    """What runs the network; LiteRT here, others in studies that compare them."""

    def predict(self, images: NDArray[np.uint8]) -> Scores:
        """Return the scores ``[n, classes]`` of pixels ``[n, height, width, channels]``."""
        ...


class Answer(NamedTuple):
    """What a picture was taken for.

    Attributes:
        probabilities: One per class, float32.
        decode_ms: Milliseconds to make pixels of the file.
        inference_ms: Milliseconds to make probabilities of the pixels.
    """

    probabilities: Scores
    decode_ms: float
    inference_ms: float


class Classifier:
    """A model file that is open.

    Args:
        backend: Runs the network.
        view: The form that pictures are brought to.
        labels: Names of the classes.
        to_probabilities: Makes probabilities ``[n, classes]`` of scores.
        max_pixels: Pixels of a picture at most.
    """

    def __init__(
        self,
        backend: Backend,
        view: pictures.View,
        labels: tuple[str, ...],
        to_probabilities: Callable[[Scores], Scores],
        max_pixels: int,
    ) -> None:
        self.view, self.labels = view, labels
        self._backend, self._to_probabilities = backend, to_probabilities
        self._max_pixels = max_pixels

    def answer(self, content: bytes) -> Answer:
        """Classify the picture file ``content``.

        Raises:
            UnreadablePicture: It is no picture of a format that is taken, or too large or small.
        """
        began = time.perf_counter()
        pixels = self.pixels(content)
        decoded = time.perf_counter()
        probabilities = self.classify(pixels)
        ended = time.perf_counter()
        return Answer(probabilities, 1000 * (decoded - began), 1000 * (ended - decoded))

    def classify(self, pixels: NDArray[np.uint8]) -> Scores:
        """Return the probabilities of one picture ``[height, width, channels]``."""
        return np.asarray(self._to_probabilities(self._backend.predict(pixels[np.newaxis]))[0])

    def pixels(self, content: bytes) -> NDArray[np.uint8]:
        """Return the pixels of a picture file as the network gets them."""
        image = pictures.decode(content, formats=FORMATS, max_pixels=self._max_pixels)
        return self.view.shape(image)


def open_litert(model: ServedModel, *, max_pixels: int, threads: int = 1) -> Classifier:
    """Open a ``.tflite`` classifier.

    Raises:
        UsageError: It is no classifier of pictures, or nothing says how pixels become its input.
        TflconvError: The file is missing or damaged, or LiteRT cannot run it.
    """
    path, inside = model.path, reading.read(model.path)
    runnable.check(inside)
    card = resolve_card(path, normalize=model.normalize, labels=model.labels, resize=model.resize)
    runtime = Interpreter(path, threads=threads, card=card, model=inside)
    height, width, channels = runtime.picture_shape
    view = pictures.View(size=(height, width), channels=channels, resize=card.resize or "crop")
    blank = np.zeros((1, height, width, channels), np.uint8)
    classes = runtime.predict(blank).shape[1]
    if card.labels and not one_score.names_fit(card.labels, classes):
        raise UsageError(
            f"{path} has {classes} outputs and {len(card.labels)} labels.",
            hint="Name all of them with --labels FILE, one per line.",
        )
    convert = partial(_probabilities, ending=_ending(inside))
    count = max(classes, one_score.CLASSES)
    labels = card.labels or tuple(map(str, range(count)))
    return Classifier(runtime, view, labels, convert, max_pixels)


def _ending(model: TfliteModel) -> str:
    """The operator that makes the scores."""
    (ending,) = outline.of(model).endings.values()
    return ending


def _probabilities(scores: Scores, *, ending: str) -> Scores:
    """Return probabilities: as they are behind softmax and sigmoid, else the softmax of logits."""
    if scores.shape[1] == 1:
        scores = one_score.as_two(scores, probability=ending == "LOGISTIC")
    if ending in ("SOFTMAX", "LOGISTIC"):
        return scores
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True), np.float32)


def likeliest(probabilities: Scores, count: int) -> list[tuple[int, float]]:
    """Return the numbers of the likeliest classes and their probabilities, the likeliest first.

    Args:
        probabilities: One per class.
        count: How many at most.

    Raises:
        FloatingPointError: One of the probabilities is no number.

    Example:
        >>> likeliest(np.array([0.25, 0.5, 0.25], np.float32), 2)
        [(1, 0.5), (0, 0.25)]
    """
    if not math.isfinite(probabilities[probabilities.argmax()]):  # NaN is before all numbers
        raise FloatingPointError
    if count > _FEW:
        best = np.argsort(-probabilities, kind="stable")[:count].tolist()
    else:
        left, best = probabilities.copy(), list[int]()
        for _ in range(min(count, len(left))):
            best.append(int(left.argmax()))
            left[best[-1]] = -math.inf
    return [(index, float(probabilities[index])) for index in best]


def check_golden(classifier: Classifier, golden: tuple[tuple[str, bytes], ...]) -> None:
    """Try a model before it gets requests: on made pictures, and on those whose class is known.

    Args:
        classifier: The model.
        golden: Labels and picture files.

    Raises:
        TflconvError: A probability is no number, or a golden picture is taken for something else.
    """
    for pixels in _plain_pictures(classifier.view):
        scores = classifier.classify(pixels)
        if not np.isfinite(scores).all():
            raise TflconvError("the model answers a plain picture with what is no number.")
    for kind in FORMATS:  # whose decoders are loaded when they are first needed
        classifier.answer(_file(kind))
    for label, content in golden:
        answer = classifier.labels[int(classifier.answer(content).probabilities.argmax())]
        if answer != label:
            raise TflconvError(f"the model takes a golden picture of '{label}' for '{answer}'.")


def _file(kind: str) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, kind)
    return buffer.getvalue()


def _plain_pictures(view: pictures.View) -> list[NDArray[np.uint8]]:
    assert view.size is not None
    shape = (*view.size, view.channels)
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    return [np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8), noise]
