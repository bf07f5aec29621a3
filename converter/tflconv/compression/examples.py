"""Labelled pictures to train with, in an order that a seed determines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tflconv.compression.config import QatConfig, TuningConfig
from tflconv.data import Dataset
from tflconv.errors import UsageError
from tflconv.model.card import ModelCard
from tflconv.model.one_score import names_fit
from tflconv.model.opening import FloatFunction
from tflconv.network.nodes import Array
from tflconv.training.augmentation import Augmentation

_OTHER_CLASSES = "For other classes begin with a new head: finetune, finetune.head=new."

Passes = QatConfig | TuningConfig
"""Settings that say how often examples are seen, in which batches and in which order."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """Labelled pictures.

    Attributes:
        images: Pictures ``[n, ...]``.
        labels: The index of the right output for each picture ``[n]``.
        normalize: Turns pictures into inputs of the model.
        augmentation: How pictures may be changed without changing what they show.
        held_out: The pictures of the validation split, on which choices are made; None for none.
        classes: Number of classes; 0 where nobody asks.
    """

    images: NDArray[np.number]
    labels: NDArray[np.int64]
    normalize: Callable[[NDArray[np.number]], Array] = np.asarray
    augmentation: Augmentation = field(default_factory=Augmentation)
    held_out: Examples | None = None
    classes: int = 0

    @classmethod
    def of(cls, dataset: Dataset, card: ModelCard) -> Examples:
        """Return the training split of ``dataset`` for the model with this ``card``.

        Args:
            dataset: Labelled pictures in the size of the model.
            card: Its normalization turns pixels into inputs; its labels name the outputs, which
                are the classes of ``dataset``, in that order, where it has no labels.
        """
        names = card.labels or dataset.classes
        numbers = np.array([names.index(name) for name in dataset.classes], np.int64)
        train, held_out = (
            cls(
                images=split.images,
                labels=numbers[split.labels],
                normalize=card.normalization.apply,
                classes=len(names),
            )
            for split in (dataset.train, dataset.validation)
        )
        augmentation = Augmentation.of(dataset.card.augmentation)
        return replace(train, augmentation=augmentation, held_out=held_out)

    def __len__(self) -> int:
        return len(self.labels)

    def sample(self, count: int, seed: int) -> Array:
        """Return up to ``count`` inputs, drawn at random by ``seed``."""
        drawn = np.random.default_rng(seed).permutation(len(self))[:count]
        return self.normalize(self.images[np.sort(drawn)])

    def steps(self, config: Passes) -> int:
        """Return the number of batches in all epochs."""
        return config.epochs * -(-len(self) // config.batch_size)

    def batches(self, config: Passes, epoch: int) -> Iterator[tuple[Array, NDArray[np.int64]]]:
        """Yield inputs and labels of every example once, in the order of this ``epoch``."""
        for chosen in self.order(config, epoch):
            yield self.normalize(self.images[chosen]), self.labels[chosen]

    def order(self, config: Passes, epoch: int) -> Iterator[NDArray[np.int64]]:
        """Yield the places of the examples of each batch, in the order of this ``epoch``."""
        order = np.random.default_rng((config.seed, epoch)).permutation(len(self))
        for start in range(0, len(self), config.batch_size):
            yield order[start : start + config.batch_size]


def check_tells_apart(source: FloatFunction, dataset: Dataset, labels: Sequence[str]) -> None:
    """Check that ``source`` has a score for each class of ``dataset``.

    Args:
        source: The model.
        dataset: The pictures that it is to be trained with.
        labels: Names of the outputs of the model.

    Raises:
        UsageError: A class is none of ``labels``, or the model has other inputs or outputs.
    """
    missing = [name for name in dataset.classes if name not in labels]
    if missing:
        raise UsageError(
            f"{dataset.name} has pictures of {missing[0]}, which is none of the labels of"
            f" {source.name}: {', '.join(labels)}.",
            hint=f"Name all outputs with --labels FILE, one per line. {_OTHER_CLASSES}",
        )
    outputs = [tuple(tensor.shape) for tensor in getattr(source.model, "outputs", None) or ()]
    scores = outputs[0][-1] if len(outputs) == 1 and len(outputs[0]) == 2 else 0
    if not scores or not names_fit(labels, scores) or len(source.inputs) != 1:
        raise UsageError(
            f"{source.name} does not tell the {len(dataset.classes)} classes of {dataset.name}"
            f" apart: its outputs have the shapes {[list(shape[1:]) for shape in outputs]}.",
            hint="Use a model with one picture as input, and one output with a score per class,"
            f" or one score for the second of two classes. {_OTHER_CLASSES}",
        )
