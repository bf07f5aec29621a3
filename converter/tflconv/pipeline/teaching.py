"""A teacher for a training: any model file, asked about each view of the pictures once.

What it says is kept in a store, as float16, one entry per view: 1 MB for the 50 000 pictures and
10 classes of CIFAR-10. So twins with other seeds of their weights, and resumed trainings, do not
ask again. Views are drawn from the settings of the training, and a teacher's answers about any
other views are never taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tflconv.core.arrays import read_arrays
from tflconv.core.files import cache_dir, sha256_path
from tflconv.core.progress import Callback, Progress, silent
from tflconv.core.store import Store
from tflconv.core.versions import versions
from tflconv.data import Dataset
from tflconv.data.outputs import output_names
from tflconv.errors import UsageError
from tflconv.model import normalization, one_score
from tflconv.model.card import ModelCard, read_card
from tflconv.model.normalization import NAMED
from tflconv.training.views import Logits, SplitView, Views

if TYPE_CHECKING:
    from tflconv.core.typing import Keras2Model
    from tflconv.network.keras.opened import Opened
    from tflconv.training.config import DistillConfig
    from tflconv.training.features import Features

LOGITS = "logits.npy"
MAKERS = ("tflconv", "tensorflow", "tf_keras", "ai-edge-litert", "numpy")

_AT_ONCE = 250
_SURE = 1e-7
"""Least probability that is told from 0."""
_ROUNDED = 0.05
"""What probabilities of a quantized model may miss the sum of 1 by."""


def shared_store() -> Store:
    """Return the store of teachers' answers that all trainings of this user share."""
    return Store(cache_dir("teachers"))


@dataclass(frozen=True, kw_only=True)
class TeacherFile:
    """A model that teaches, and how it is asked.

    Attributes:
        path: The model: a ``.keras`` or ``.h5`` file, a SavedModel folder or a ``.tflite``; or a
            ``.npy`` file of logits ``[n, classes]`` of the training pictures as they are.
        normalize: How pixels become its inputs, where it does not say it itself.
        custom_objects: A Python file with layers that it uses. It is run.
    """

    path: Path
    normalize: str | None = None
    custom_objects: Path | None = None


class TeacherAnswers:
    """What a model says about the training pictures of a data set, view by view.

    Args:
        file: The model.
        dataset: The pictures of its student.
        views: What decides the views.
        store: Where its answers are kept.
        progress: Is told that it is asked.

    Raises:
        UsageError: The model is no classifier of the classes of ``dataset``, or it is not known how
            pixels become its inputs; or ready logits are given for views that are not plain.
    """

    def __init__(
        self,
        file: TeacherFile,
        dataset: Dataset,
        views: Views,
        store: Store,
        progress: Callback = silent,
    ) -> None:
        self.file, self.dataset, self.views = file, dataset, views
        self.store, self.progress = store, progress
        if file.path.suffix == ".npy":
            _check_plain(file.path, views)

    @cached_property
    def sha256(self) -> str:
        """Hash of the model."""
        return sha256_path(self.file.path)

    def logits(self, number: int) -> Logits:
        """Return float16 ``[n, classes]``: what the model says about the view of this ``number``.

        Its outputs are in the order of the classes of the pictures; probabilities become logits.
        """
        number = 0 if self.views.is_plain else number
        inputs = {
            "teacher": self.sha256,
            "normalize": self.file.normalize,
            "dataset": self.dataset.digest,
            "views": self.views.to_json(),
            "view": number,
            "versions": versions(*MAKERS),
        }

        def build(folder: Path) -> None:
            message = f"asking {self.file.path.name} about view {number}"
            self.progress(Progress(stage="teach", message=message))
            split = self.dataset.train
            view = self.views.draw(number, len(split), split.images.shape[1:3])
            np.save(folder / LOGITS, self._asked(view).astype(np.float16))

        entry = self.store.fetch("teacher", inputs, build)
        logits: Logits = np.load(entry.path / LOGITS)
        return logits

    def lesson(self, config: DistillConfig) -> Callable[[Keras2Model], Features]:
        """Return what makes of a student what it learns from the features that ``config`` names."""

        def of(student: Keras2Model) -> Features:
            from tflconv.model.opening import keras_model
            from tflconv.training.features import Features
            from tflconv.training.loop import NORMALIZATION
            from tflconv.training.seeing import between

            _check_shape(self._input_shape, self.dataset, self.file.path)
            model = keras_model(self._opened.source)
            adapted = between(NORMALIZATION, self._normalization)
            return Features.named(config, model, student, adapted=adapted, seed=self.views.seed)

        return of

    def _asked(self, view: SplitView) -> NDArray[np.float32]:
        if self.file.path.suffix == ".npy":
            return _ready(self.file.path, self.dataset)
        from tflconv.training.seeing import seen

        split, parts = self.dataset.train, []
        for start in range(0, len(split), _AT_ONCE):
            chosen = np.arange(start, min(start + _AT_ONCE, len(split)))
            parts.append(self._answer(seen(view.batch(split, chosen)).numpy()))
            done = int(chosen[-1]) + 1
            self.progress(Progress(stage="teach", done=done, total=len(split), unit="pictures"))
        return self._in_order(as_logits(np.concatenate(parts)))

    def _in_order(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """The columns of ``logits`` that are the classes of the pictures, in their order."""
        classes, name = self.dataset.classes, self.file.path.name
        labels = () if self._card is None else self._card.labels
        names = output_names(
            labels, classes, logits.shape[1], model=name, dataset=self.dataset.name
        )
        return logits[:, [names.index(each) for each in classes]]

    @cached_property
    def _answer(self) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
        """Takes float32 pixels and returns what the outputs of the model are."""
        path, prepare = self.file.path, self._normalization.apply
        _check_shape(self._input_shape, self.dataset, path)
        if path.suffix == ".tflite":
            from tflconv.model import scoring

            return lambda pictures: scoring.scores(path, prepare(pictures))
        from tflconv.core.tensorflow import tf

        source = self._opened.source
        compiled = tf.function(lambda inputs: source.call(inputs)[0], reduce_retracing=True)
        return lambda pictures: compiled(prepare(pictures)).numpy().reshape(len(pictures), -1)

    @cached_property
    def _opened(self) -> Opened:
        from tflconv.network.keras.opened import open_once

        return open_once(self.file.path, custom_objects=self.file.custom_objects)

    @property
    def _input_shape(self) -> tuple[int | None, ...]:
        if self.file.path.suffix == ".tflite":
            from tflconv.model.interpreter import Interpreter

            return tuple(Interpreter(self.file.path).picture_shape)
        inputs = self._opened.source.inputs
        if len(inputs) != 1:
            raise UsageError(f"{self.file.path} has {len(inputs)} inputs; a teacher has one.")
        return inputs[0].shape

    @cached_property
    def _card(self) -> ModelCard | None:
        path = self.file.path
        return read_card(path) if path.is_file() else None

    @property
    def _normalization(self) -> normalization.Normalization:
        if self.file.normalize is not None:
            return normalization.parse(self.file.normalize)
        if self._card is None:
            raise UsageError(
                f"the teacher {self.file.path} does not say how pixels become its input.",
                hint=f"Say how: --teacher-normalize {', '.join(NAMED)} or MEAN,STD.",
            )
        return self._card.normalization


def as_logits(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return ``scores`` as logits: the logarithms of probabilities, and anything else as it is.

    Args:
        scores: What a classifier says ``[n, classes]``, or ``[n, 1]`` for the second of two.

    Example:
        >>> as_logits(np.array([[0.5, 0.5], [1.0, 0.0]], np.float32)).astype(int).tolist()
        [[0, 0], [0, -16]]
    """
    single = scores.shape[1] == 1
    within = bool((scores >= 0).all() and (scores <= 1).all())
    if single:
        scores = one_score.as_two(scores, probability=within)
    sums = bool((np.abs(scores.sum(1) - 1) < _ROUNDED).all())
    if not (within and sums):
        return scores
    return np.log(np.maximum(scores, _SURE)).astype(np.float32)


def _check_plain(path: Path, views: Views) -> None:
    if not views.is_plain:
        raise UsageError(
            f"{path} holds what a teacher said about pictures as they are, and the student would"
            " see them augmented or mixed.",
            hint="Name the teacher's model, which is asked about the same views; or train with"
            " --no-augment and without mixup, cutmix and erasing.",
        )


def _ready(path: Path, dataset: Dataset) -> NDArray[np.float32]:
    logits = read_arrays(path, "the logits of the teacher").get("", np.empty(0))
    wanted = (len(dataset.train), len(dataset.classes))
    if logits.shape != wanted:
        raise UsageError(
            f"{path} is {list(logits.shape)}; {dataset.name} needs {list(wanted)}: a row for each"
            " training picture, a column for each class.",
        )
    return logits.astype(np.float32)


def _check_shape(shape: tuple[int | None, ...], dataset: Dataset, path: Path) -> None:
    pictures = dataset.train.images.shape[1:]
    if any(side not in (None, pixels) for side, pixels in zip(shape, pictures, strict=False)):
        raise UsageError(
            f"the teacher {path} takes pictures of {list(shape)}, and the student sees"
            f" {list(pictures)}.",
            hint="Both must see the same pictures: say --resolution and --channels as the teacher"
            " was trained.",
        )
