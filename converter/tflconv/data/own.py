"""The door for data of one's own: arrays, ``.npy``, ``.npz``, ``tf.data`` and any iterable.

What is no name of a dataset and no folder of pictures becomes ``Samples`` here, whatever it was,
and nothing behind this door knows any other form.

An ``.npz`` file says by the names of its arrays what they are: ``x`` and ``y``, or ``x_test`` and
``y_test`` beside ``x_train`` and ``y_train`` as in ``mnist.npz``; other names are those of inputs.
Where NumPy named them, inputs come first, and then labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tflconv.data.arrays import is_array_file, read_arrays
from tflconv.data.samples import FORMS, Array, Samples
from tflconv.errors import UsageError

Use = Literal["train", "test"]
Ranks = Sequence[int]

_PAIRS: Mapping[Use, Sequence[tuple[str, str]]] = {
    use: [(f"x_{use}", f"y_{use}"), (f"{use}_images", f"{use}_labels"), (f"{use}_x", f"{use}_y")]
    for use in ("train", "test")
}
_LABELS = ("y", "labels", "label", "targets", "target")
_CLASSES = ("classes", "class_names", "label_names")
_PLAIN = ("x", "images", "image", "data", "inputs")
"""Names of the only input that say no more than that it is the input."""


def is_own(source: object) -> bool:
    """Return whether ``source`` is data of one's own, and no name of a dataset or of pictures.

    Example:
        >>> is_own("digits.npz"), is_own("mnist"), is_own(([[1, 2]], [0]))
        (True, False, True)
    """
    if isinstance(source, (str, Path)):
        return is_array_file(Path(source))
    return source is not None


def read(source: object, *, ranks: Ranks = (), use: Use = "test") -> Samples | None:
    """Return the samples that a user means by ``source``.

    Args:
        source: Arrays ``(x, y)`` or ``x``, the path of a ``.npy`` or ``.npz`` file, a
            ``tf.data.Dataset``, or any iterable of samples or batches, each ``x`` or ``(x, y)``;
            ``x`` may be a tuple or a mapping of arrays, one per input.
        ranks: Number of dimensions of a batch for each input of the model; tells samples from
            batches, and inputs from labels.
        use: Which part of a file is meant that has both training and test samples.

    Returns:
        The samples; None for the name of a dataset or pictures, and for nothing.

    Raises:
        UsageError: ``source`` is none of these.
        TflconvError: A file is missing or damaged.

    Example:
        >>> samples = read((np.zeros((3, 8)), [0, 1, 1]))
        >>> len(samples), samples.labels.tolist(), read("mnist-sample")
        (3, [0, 1, 1], None)
    """
    if not is_own(source):
        return None
    if isinstance(source, Samples):
        return source
    if isinstance(source, (str, Path)):
        return _of_file(Path(source), use, ranks)
    try:
        return _of_values(source, ranks)
    except (TypeError, ValueError) as error:  # what NumPy raises for ragged or foreign values
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise UsageError(f"these are not samples: {reason}.", hint=FORMS) from error


@dataclass(frozen=True, kw_only=True, eq=False)
class _Told:
    """Arrays as a user told them: of all samples, of a batch, or of one sample."""

    inputs: list[Array]
    names: tuple[str, ...] = ()
    labels: Array | None = None
    classes: tuple[str, ...] = ()

    def samples(self, name: str) -> Samples:
        return Samples(
            name=name,
            inputs=tuple(self.inputs),
            names=self.names,
            labels=self.labels,
            classes=self.classes,
        )

    def batched(self, ranks: Ranks) -> _Told:
        """Return the arrays of a batch; one sample is a batch of one."""
        if self.inputs[0].ndim >= (ranks[0] if ranks else 1):
            return self
        labels = None if self.labels is None else self.labels[np.newaxis]
        return replace(self, inputs=[array[np.newaxis] for array in self.inputs], labels=labels)


def _told(x: object, y: object = None, *, ranks: Ranks = ()) -> _Told:
    """Return what ``x``, one array or several by name or in order, and its labels ``y`` tell."""
    labels = None if y is None else _labels(y)
    if isinstance(x, Mapping):
        return _by_name({str(name): np.asarray(value) for name, value in x.items()}, labels, ranks)
    rows = isinstance(x, list) and labels is not None and labels.shape[:1] == (len(x),)
    if isinstance(x, (tuple, list)) and x and hasattr(x[0], "__array__") and not rows:
        return _Told(inputs=[np.asarray(one) for one in x], labels=labels)
    return _Told(inputs=[np.asarray(x)], labels=labels)


def _labels(y: object) -> Array:
    """Return ``y`` as numbers or text, where pandas has objects and TensorFlow has bytes."""
    labels = np.asarray(y)
    if labels.dtype.kind == "O":
        labels = np.array(labels.tolist())
    return np.char.decode(labels, "utf-8") if labels.dtype.kind == "S" else labels


def _by_name(arrays: Mapping[str, Array], labels: Array | None = None, ranks: Ranks = ()) -> _Told:
    inputs = dict(arrays)
    classes = next((inputs.pop(name) for name in arrays if name.lower() in _CLASSES), None)
    if labels is None and len(inputs) > max(len(ranks), 1):
        told = next((inputs.pop(name) for name in arrays if name.lower() in _LABELS), None)
        labels = None if told is None else _labels(told)
    plain = len(inputs) == 1 and next(iter(inputs)).lower() in _PLAIN
    return _Told(
        inputs=list(inputs.values()),
        names=() if plain else tuple(inputs),
        labels=labels,
        classes=() if classes is None else tuple(map(str, classes.ravel().tolist())),
    )


def _of_file(path: Path, use: Use, ranks: Ranks) -> Samples:
    arrays = read_arrays(path)
    if list(arrays) == [""]:
        return Samples(name=path.name, inputs=(arrays[""],))
    named = {name.lower(): name for name in arrays}
    for x, y in _PAIRS[use]:
        if x in named:
            kept = {name: arrays[name] for key, name in named.items() if key in (x, y, *_CLASSES)}
            kept["x"] = kept.pop(named[x])
            if y in named:
                kept["y"] = kept.pop(named[y])
            return _by_name(kept).samples(path.name)
    if any(x in named for pairs in _PAIRS.values() for x, _ in pairs):
        wanted = " or ".join(x for x, _ in _PAIRS[use])
        raise UsageError(
            f"{path} has no {wanted}. Received: {', '.join(arrays)}.",
            hint="Add the samples under that name, or name them x and their labels y.",
        )
    if all(re.fullmatch(r"arr_\d+", name) for name in arrays):
        return _in_order(list(arrays.values()), max(len(ranks), 1)).samples(path.name)
    return _by_name(arrays, ranks=ranks).samples(path.name)


def _in_order(arrays: Sequence[Array], inputs: int) -> _Told:
    """What ``np.savez(file, x, y)`` keeps, which gives no names."""
    labels = _labels(arrays[inputs]) if len(arrays) == inputs + 1 else None
    return _Told(inputs=list(arrays[:inputs] if labels is not None else arrays), labels=labels)


def _of_values(source: object, ranks: Ranks) -> Samples:
    if isinstance(source, (tuple, list)) and _are_inputs(source, ranks):
        return _told(tuple(source), ranks=ranks).samples("arrays")
    if isinstance(source, tuple) and len(source) in (1, 2):
        return _told(*source, ranks=ranks).samples("arrays")
    if isinstance(source, Mapping) or hasattr(source, "__array__"):
        return _told(source, ranks=ranks).samples("arrays")
    if not isinstance(source, Iterable) and not hasattr(source, "__getitem__"):
        raise UsageError(f"these are not samples: {type(source).__name__}.", hint=FORMS)
    return _collected(source, ranks)  # type: ignore[arg-type]


def _are_inputs(source: Sequence[object], ranks: Ranks) -> bool:
    """Whether these are batches for several inputs, in their order, as Keras takes them."""
    arrays = all(hasattr(each, "__array__") for each in source)
    return len(ranks) > 1 and arrays and [np.ndim(each) for each in source] == list(ranks)  # type: ignore[arg-type]


def _collected(source: Iterable[Any], ranks: Ranks) -> Samples:
    """Put samples or batches, which come one after the other, together."""
    if _is_endless(source):
        raise UsageError("these samples repeat without end.", hint="Add .take(COUNT) to them.")
    parts = [_of_element(element, ranks).batched(ranks) for element in _elements(source)]
    if not parts:
        raise UsageError("there are no samples.", hint=FORMS)
    labels = [part.labels for part in parts if part.labels is not None]
    if labels and len(labels) != len(parts):
        raise UsageError("some of the samples have labels, and others have none.")
    inputs = zip(*(part.inputs for part in parts), strict=True)
    whole = replace(
        parts[0],
        inputs=[np.concatenate(group) for group in inputs],
        labels=np.concatenate(labels) if labels else None,
    )
    return whole.samples("samples")


def _elements(source: Any) -> Iterable[Any]:
    """Return what is in ``source``: by number where it has them, as Keras's and PyTorch's do.

    Many of those go on without end when they are only iterated over.
    """
    elements: Iterable[Any] = source
    if hasattr(source, "__len__") and hasattr(source, "__getitem__"):
        elements = (source[number] for number in range(len(source)))
    return elements


def _of_element(element: object, ranks: Ranks) -> _Told:
    """Return what an element tells: ``x``, ``(x, y)``, or Keras's ``(x, y, weight)``."""
    if isinstance(element, tuple) and len(element) in (2, 3):
        return _told(*element[:2], ranks=ranks)
    return _told(element, ranks=ranks)


def _is_endless(source: object) -> bool:
    cardinality = getattr(source, "cardinality", None)  # of a tf.data.Dataset
    return callable(cardinality) and int(cardinality()) == -1
