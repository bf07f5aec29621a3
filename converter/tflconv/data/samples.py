"""Samples of one's own: inputs of a model, and what is right for them if that is known.

Pixels, which are integers in the shape of pictures, are normalized as the model's card says; other
numbers are model inputs already. ``own`` makes samples of whatever a user has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv.data.dataset import Split
from tflconv.data.splits import draw_of_each
from tflconv.errors import UsageError

Array = NDArray[Any]

FORMS = (
    "Give arrays (x, y) with one row per sample, a .npy or .npz file, a tf.data.Dataset or another"
    " iterable of samples, with labels or without."
)
"""What a user may give, for hints."""

_ROWS = 256
"""Samples that are hashed at once, so that a mapped file never is in memory whole."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """Samples with or without labels.

    Attributes:
        name: What they are called in messages and reports.
        inputs: One array ``[n, ...]`` per input of the model.
        names: Names of the inputs that they are for; empty where they are in order.
        labels: Array ``[n, ...]`` of class numbers, names of classes, 0 and 1 per class, or values;
            None where there are none.
        classes: Names of the classes, where they are told.
        numbers: Positions of the samples among those that they were drawn from; empty where they
            are all of them.

    Raises:
        UsageError: There are no samples, or not as many in every array.
    """

    name: str
    inputs: tuple[Array, ...]
    names: tuple[str, ...] = ()
    labels: Array | None = None
    classes: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        arrays = [*self.inputs, *(() if self.labels is None else (self.labels,))]
        if not self.inputs or any(array.ndim == 0 for array in arrays):
            raise UsageError(f"{self.name}: there is no array of samples.", hint=FORMS)
        counts = [len(array) for array in arrays]
        if len(set(counts)) != 1 or counts[0] == 0:
            raise UsageError(
                f"{self.name}: inputs and labels need equally many samples, at least one."
                f" Received: {counts}."
            )
        for array in self.inputs:
            if array.dtype.kind not in "buif":
                raise UsageError(f"{self.name}: inputs are numbers. Received: {array.dtype}.")
        if self.labels is not None and self.labels.dtype.kind not in "buifU":
            received = self.labels.dtype
            raise UsageError(f"{self.name}: labels are numbers or names. Received: {received}.")

    def __len__(self) -> int:
        return len(self.inputs[0])

    @cached_property
    def pixels(self) -> NDArray[np.uint8] | None:
        """The pictures, uint8 ``[n, height, width, channels]``, if that is what the samples are.

        Integers from 0 to 255 in the shape of grey or colour pictures are.
        """
        images = self.inputs[0]
        if len(self.inputs) != 1 or images.dtype.kind not in "ui" or images.ndim not in (3, 4):
            return None
        whole = images[..., np.newaxis] if images.ndim == 3 else images
        if whole.shape[-1] not in (1, 3) or whole.min() < 0 or whole.max() > 255:
            return None
        return whole.astype(np.uint8, copy=False)

    @property
    def ids(self) -> tuple[str, ...]:
        """A name for each sample: its position, also where some were drawn."""
        return tuple(f"{self.name}/{index}" for index in self.numbers or range(len(self)))

    @cached_property
    def digest(self) -> str:
        """Hash that is equal for equal samples and labels."""
        digest = hashlib.sha256()
        for array in (*self.inputs, *(() if self.labels is None else (self.labels,))):
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            for start in range(0, len(array), _ROWS):
                digest.update(array[start : start + _ROWS].tobytes())
        return digest.hexdigest()

    def numbered(self, count: int, labels: Sequence[str] = ()) -> NDArray[np.int64] | None:
        """Return the class of each sample as a position among ``count`` outputs.

        Args:
            count: Number of outputs.
            labels: Their names, for samples that are labelled by names.

        Returns:
            int64 ``[n]``; None where labels are missing or are no classes.

        Raises:
            UsageError: A label is no class of the model.
        """
        told = self.labels
        if told is None:
            return None
        if told.dtype.kind == "U":
            return self._by_name(told.reshape(len(self)), labels)
        if told.ndim == 2 and told.shape[1] == count > 1:
            hot = np.isin(told, (0, 1)).all() and (told.sum(axis=1) == 1).all()
            return told.argmax(axis=1).astype(np.int64) if hot else None
        most = max(count, 2)
        if told.size != len(self):
            return None
        if told.dtype.kind == "f" and not np.isin(told, range(most)).all():
            return None  # values, and no classes that Keras gave as 0.0 and 1.0
        numbers = told.reshape(len(self)).astype(np.int64)
        if numbers.min() < 0 or numbers.max() >= most:
            raise UsageError(
                f"{self.name}: labels go from {numbers.min()} to {numbers.max()}, but the model"
                f" tells {count} classes apart."
            )
        return numbers

    def _by_name(self, told: Array, labels: Sequence[str]) -> NDArray[np.int64]:
        known = {name: number for number, name in enumerate(labels or np.unique(told).tolist())}
        if strange := sorted(set(told.tolist()) - set(known)):
            raise UsageError(
                f"{self.name}: '{strange[0]}' is none of the model's labels.",
                hint="Name all outputs of the model with --labels FILE, one per line.",
            )
        return np.array([known[name] for name in told.tolist()], np.int64)

    def fitted(self, names: Sequence[str], shapes: Sequence[Sequence[int]]) -> tuple[Array, ...]:
        """Return the inputs in the order and the shapes of a model.

        Args:
            names: Names of the model's inputs.
            shapes: Their sides without batch.

        Raises:
            UsageError: They do not fit.
        """
        by_name = dict(zip(self.names, self.inputs, strict=True)) if self.names else {}
        ordered = [by_name[name] for name in names] if set(names) <= set(by_name) else self.inputs
        shaped = [_shaped(array, shape) for array, shape in zip(ordered, shapes, strict=False)]
        wanted = [tuple(shape) for shape in shapes]
        if len(ordered) != len(wanted) or [array.shape[1:] for array in shaped] != wanted:
            received = [array.shape[1:] for array in self.inputs]
            raise UsageError(
                f"{self.name} does not fit the model, which takes {_listed(names, wanted)}."
                f" Received: {_listed(self.names, received)}.",
                hint=FORMS,
            )
        for array in shaped:
            self._check_finite(array)
        return tuple(shaped)

    def drawn(self, count: int, seed: int = 0) -> Samples:
        """Draw ``count`` samples so that classes keep their shares; all where there are fewer.

        Every machine draws the same ones, and keeps their order.
        """
        if count >= len(self):
            return self
        chosen = draw_of_each(self._strata, self.ids, count, seed)
        return replace(
            self,
            inputs=tuple(array[chosen] for array in self.inputs),
            labels=None if self.labels is None else self.labels[chosen],
            numbers=tuple(
                (np.array(self.numbers, np.intp)[chosen] if self.numbers else chosen).tolist()
            ),
        )

    @property
    def _strata(self) -> NDArray[np.int64]:
        """The class of each sample as far as labels tell one, for a draw."""
        labels = self.labels
        if labels is not None and labels.ndim == 2 and labels.shape[1] > 1:
            hot = np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()
            labels = labels.argmax(axis=1) if hot else None
        whole = labels is not None and (
            labels.dtype.kind != "f" or (labels == np.rint(labels)).all()
        )
        if labels is None or labels.size != len(self) or not whole:
            return np.zeros(len(self), np.int64)
        return np.unique(labels.reshape(len(self)), return_inverse=True)[1].astype(np.int64)

    def split(self, labels: NDArray[np.int64]) -> Split:
        """Return the samples as a split; what are no pixels is left out of it."""
        nothing = np.zeros((len(self), 0, 0, 1), np.uint8)
        pixels = self.pixels
        return Split(images=nothing if pixels is None else pixels, labels=labels, ids=self.ids)

    def _check_finite(self, array: Array) -> None:
        if array.dtype.kind != "f":
            return
        rows = np.array([np.isfinite(row).all() for row in array])
        if not rows.all():
            raise UsageError(
                f"{self.name} has NaN or infinite values in {int((~rows).sum())} of {len(self)}"
                f" samples, the first of them number {int(rows.argmin())}."
            )


def _shaped(array: Array, shape: Sequence[int]) -> Array:
    """Return ``array`` with the axis of one channel that grey pictures often lack."""
    if array.shape[1:] != tuple(shape) and (*array.shape[1:], 1) == tuple(shape):
        return array[..., np.newaxis]
    return array


def _listed(names: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> str:
    """Return shapes behind their names, as ``left [28, 28, 1], right [4]``."""
    titles = names or ["samples of"] * len(shapes)
    return ", ".join(f"{name} {list(shape)}" for name, shape in zip(titles, shapes, strict=True))
