"""Pictures to learn from, as the model takes them, in an order that a seed can repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv.compression.config import QatConfig
from tflconv.data import Dataset
from tflconv.errors import UsageError
from tflconv.model.card import ModelCard
from tflconv.model.opening import Source
from tflconv.network.nodes import Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """``images`` ``[n, ...]`` with ``labels`` ``[n]``; ``normalize`` makes inputs of images."""

    images: NDArray[Any]
    labels: NDArray[np.int64]
    normalize: Callable[[NDArray[Any]], Array] = np.asarray

    @classmethod
    def of(cls, dataset: Dataset, card: ModelCard) -> Examples:
        """Return the training split of ``dataset`` as the model with this ``card`` takes it.

        Args:
            dataset: Labelled pictures in the size of the model.
            card: Says how pixels become inputs, and by its labels what the outputs stand for;
                without labels they stand for the classes of ``dataset``, in that order.
        """
        names = card.labels or dataset.classes
        numbers = np.array([names.index(name) for name in dataset.classes], np.int64)
        split = dataset.train
        return cls(
            images=split.images,
            labels=numbers[split.labels],
            normalize=card.normalization.apply,
        )

    def __len__(self) -> int:
        return len(self.labels)

    def sample(self, count: int, seed: int) -> Array:
        """Up to ``count`` inputs from anywhere among the images."""
        drawn = np.random.default_rng(seed).permutation(len(self))[:count]
        return self.normalize(self.images[np.sort(drawn)])

    def steps(self, config: QatConfig) -> int:
        """How many batches all epochs have together."""
        return config.epochs * -(-len(self) // config.batch_size)

    def batches(self, config: QatConfig, epoch: int) -> Iterator[tuple[Array, NDArray[np.int64]]]:
        """Every example once, in the order of this epoch."""
        order = np.random.default_rng((config.seed, epoch)).permutation(len(self))
        for start in range(0, len(self), config.batch_size):
            chosen = order[start : start + config.batch_size]
            yield self.normalize(self.images[chosen]), self.labels[chosen]


def check_tells_apart(source: Source, dataset: Dataset, labels: Sequence[str]) -> None:
    """Check that ``source`` has a score for each class of ``dataset``.

    Raises:
        UsageError: A class is none of ``labels``, or the model has other inputs or outputs.
    """
    missing = [name for name in dataset.classes if name not in labels]
    if missing:
        raise UsageError(
            f"{dataset.name} has pictures of {missing[0]}, which is none of the labels of"
            f" {source.name}: {', '.join(labels)}.",
            hint="--labels FILE names all outputs, one per line.",
        )
    outputs = [tuple(tensor.shape) for tensor in getattr(source.model, "outputs", None) or ()]
    if outputs != [(None, len(labels))] or len(source.inputs) != 1:
        raise UsageError(
            f"{source.name} does not tell the {len(dataset.classes)} classes of {dataset.name}"
            f" apart: its outputs have the shapes {[list(shape[1:]) for shape in outputs]}.",
            hint="Training for int8 needs one picture in, and one output with a score per class.",
        )
