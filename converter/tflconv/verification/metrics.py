"""What counts as right: top-1, top-5, mean average precision, mean absolute error, or your own.

A metric is a function of outputs and labels. Built in are four; in Python any callable is one. None
is ever read from a file, for a file is data.

Average precision is the area under the steps of precision over recall, without interpolation, as in
scikit-learn: the mean over all thresholds of the precision there, weighted by the gain of recall.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tflconv.errors import UsageError, unknown

Outputs = NDArray[np.float32]
Labels = NDArray[Any]
MetricName = Literal["top1", "top5", "map", "mae"]
MetricFunction = Callable[[Outputs, Labels], float]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A figure that outputs get for their labels.

    Attributes:
        name: What it is called in reports.
        compute: Takes outputs ``[n, ...]`` and labels ``[n, ...]``.
        is_share: Whether it goes from 0 to 1, so that a loss is told in points.
        smaller_is_better: Whether it is an error.
    """

    name: str
    compute: MetricFunction
    is_share: bool = True
    smaller_is_better: bool = False


@dataclass(frozen=True, kw_only=True)
class MetricPair:
    """A metric of a reference and of its target.

    Attributes:
        name: Name of the metric.
        reference: What the reference gets.
        target: What the target gets.
        is_share: Whether it goes from 0 to 1.
        smaller_is_better: Whether it is an error.
    """

    name: str
    reference: float
    target: float
    is_share: bool = True
    smaller_is_better: bool = False

    @property
    def drop(self) -> float:
        """By how much the target is worse than the reference; negative where it is better."""
        loss = self.reference - self.target
        return -loss if self.smaller_is_better else loss

    def __str__(self) -> str:
        scale, unit = (100, "%") if self.is_share else (1, "")
        target, reference = (f"{scale * x:.4g}{unit}" for x in (self.target, self.reference))
        return f"{self.name} {target}, reference {reference}"


def resolve(chosen: str | MetricFunction | None) -> Metric | None:
    """Return the metric that a user chose by name, or by a callable of their own.

    Raises:
        UsageError: There is no metric of that name.

    Example:
        >>> resolve("mae").smaller_is_better, resolve(None)
        (True, None)
    """
    if chosen is None:
        return None
    if not isinstance(chosen, str):
        return Metric(name=getattr(chosen, "__name__", type(chosen).__name__), compute=chosen)
    if chosen not in METRICS:
        raise unknown("metric", chosen, METRICS)
    return METRICS[chosen]


def measure(
    metric: Metric, reference: Outputs, target: Outputs, labels: Labels | None
) -> MetricPair:
    """Return what both models get.

    Args:
        metric: What counts as right.
        reference: Outputs of the reference, a row per sample.
        target: Outputs of the target, likewise.
        labels: What is right, a row or number per sample; None where that is not known.

    Raises:
        UsageError: There are no labels, or not such as the metric needs.
    """
    if labels is None:
        raise UsageError(
            f"the metric {metric.name} needs labels, and the samples have none.",
            hint="Give (x, y), or leave the metric out: SQNR and cosine need no labels.",
        )
    return MetricPair(
        name=metric.name,
        reference=float(metric.compute(reference, labels)),
        target=float(metric.compute(target, labels)),
        is_share=metric.is_share,
        smaller_is_better=metric.smaller_is_better,
    )


def top(count: int) -> MetricFunction:
    """Return the metric of having the right class among the ``count`` highest outputs.

    Example:
        >>> top(2)(np.array([[3, 2, 1], [3, 2, 1]], np.float32), np.array([1, 2]))
        0.5
    """

    def compute(outputs: Outputs, labels: Labels) -> float:
        scores, numbers = _rows(outputs), _class_numbers(outputs, labels)
        right = scores[np.arange(len(scores)), numbers]
        earlier = np.arange(scores.shape[1]) < numbers[:, np.newaxis]
        above = (scores > right[:, np.newaxis]) | ((scores == right[:, np.newaxis]) & earlier)
        return float((above.sum(axis=1) < count).mean())

    return compute


def mean_average_precision(outputs: Outputs, labels: Labels) -> float:
    """Return the mean over classes of average precision; classes without a positive do not count.

    Args:
        outputs: A score per class, ``[n, classes]``.
        labels: 1 for each class that a sample belongs to and 0 for others, ``[n, classes]``, or
            class numbers ``[n]``.

    Raises:
        UsageError: Labels have another form, or no sample belongs to any class.

    Example:
        >>> scores = np.array([[0.9, 0.1], [0.8, 0.7], [0.1, 0.6]], np.float32)
        >>> round(mean_average_precision(scores, np.array([[1, 0], [0, 1], [1, 0]])), 3)
        0.917
    """
    scores = _rows(outputs)
    members = _members(scores, labels)
    classes = np.flatnonzero(members.any(axis=0))
    if not classes.size:
        raise UsageError("map: no sample belongs to any class.")
    return float(np.mean([_average_precision(scores[:, k], members[:, k]) for k in classes]))


def mean_absolute_error(outputs: Outputs, labels: Labels) -> float:
    """Return the mean of all absolute differences of outputs and labels.

    Raises:
        UsageError: They have different shapes.

    Example:
        >>> mean_absolute_error(np.array([[1.0], [2.0]], np.float32), np.array([2.0, 2.0]))
        0.5
    """
    if outputs.size != labels.size or labels.dtype.kind not in "buif":
        raise UsageError(
            f"mae compares values of the shape {list(outputs.shape)}."
            f" Received: labels of the shape {list(labels.shape)}, {labels.dtype}.",
            hint="Give arrays whose y are such values, or leave --metric out where y are classes.",
        )
    return float(np.abs(outputs - labels.reshape(outputs.shape)).mean())


METRICS: dict[str, Metric] = {
    "top1": Metric(name="top1", compute=top(1)),
    "top5": Metric(name="top5", compute=top(5)),
    "map": Metric(name="map", compute=mean_average_precision),
    "mae": Metric(name="mae", compute=mean_absolute_error, is_share=False, smaller_is_better=True),
}
"""The metrics that are built in, by name."""

assert set(METRICS) == set(get_args(MetricName))


def _average_precision(scores: NDArray[np.float32], members: NDArray[np.bool_]) -> float:
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(members[order])
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))  # of equal scores
    precision, recall = hits[last] / (last + 1), hits[last] / members.sum()
    return float((np.diff(recall, prepend=0) * precision).sum())


def _rows(outputs: Outputs) -> NDArray[np.float32]:
    """Return one row of scores per sample."""
    return outputs.reshape(len(outputs), -1)


def _class_numbers(outputs: Outputs, labels: Labels) -> NDArray[np.int64]:
    classes = _rows(outputs).shape[1]
    hot = labels.ndim == 2 and labels.shape[1] == classes > 1
    numbers = labels.argmax(axis=1) if hot else labels.reshape(-1)
    if numbers.dtype.kind not in "bui" or len(numbers) != len(outputs):
        raise UsageError(
            "top-1 and top-5 need the number of one class per sample."
            f" Received: labels of the shape {list(labels.shape)}, {labels.dtype}."
        )
    if numbers.min() < 0 or numbers.max() >= classes:
        raise UsageError(f"a label is {numbers.max()}, but there are {classes} outputs.")
    return numbers.astype(np.int64)


def _members(scores: NDArray[np.float32], labels: Labels) -> NDArray[np.bool_]:
    if labels.shape == scores.shape and np.isin(labels, (0, 1)).all():
        return labels.astype(bool)
    return np.asarray(np.arange(scores.shape[1]) == _class_numbers(scores, labels)[:, np.newaxis])
