"""Compares the scores of two models for the same pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tflconv.core import doubts
from tflconv.data import Split
from tflconv.model.thumbnails import thumbnail
from tflconv.results import Disagreement, pictures_of, right_of
from tflconv.results.mistakes import MOST_CONFUSIONS
from tflconv.verification.distance import between
from tflconv.verification.metrics import Metric, measure
from tflconv.verification.outcome import ClassCount, Verification
from tflconv.verification.slices import cut

WORST = 20
"""Number of disagreements that a verification lists."""


def compare(
    reference: NDArray[np.float32],
    target: NDArray[np.float32],
    split: Split,
    *,
    classes: Sequence[str],
    names: tuple[str, str] = ("reference", "target"),
    dataset: str = "test",
    digest: str | None = None,
    subset: bool = False,
    metric: Metric | None = None,
) -> Verification:
    """Compare the scores of two models for the same pictures.

    Args:
        reference: float32 ``[n, classes]``.
        target: float32 ``[n, classes]``.
        split: The ``n`` pictures with their labels.
        classes: Names of the classes, in the order of the scores.
        names: Names of reference and target, for reports.
        dataset: Name of the dataset.
        digest: Hash of the dataset.
        subset: Whether it has fewer pictures than were published.
        metric: What else counts as right.

    Returns:
        Accuracies, agreement, counts per class and the worst disagreements.

    Raises:
        TflconvError: A score is NaN or infinite.
        UsageError: The metric needs other labels.

    Example:
        >>> pictures = np.zeros((2, 1, 1, 1), np.uint8)
        >>> split = Split(images=pictures, labels=np.array([0, 1]), ids=("a", "b"))
        >>> reference = np.array([[3, 0], [0, 1]], np.float32)
        >>> target = np.array([[2, 0], [1, 0]], np.float32)
        >>> compare(reference, target, split, classes=("cat", "dog"))
        Verification(target on test: top-1 50.00%, reference 100.00%, agreement 50.00% of 2)
    """
    check_finite(reference, names[0])
    check_finite(target, names[1])
    labels = split.labels
    expected, received = reference.argmax(axis=1), target.argmax(axis=1)
    distance = between(reference, target, split.ids)
    return Verification(
        reference=names[0],
        target=names[1],
        dataset=dataset,
        total=len(labels),
        reference_correct=int((expected == labels).sum()),
        target_correct=int((received == labels).sum()),
        right=right_of(received == labels),
        pictures=pictures_of(split.ids, (classes[label] for label in labels)),
        agreeing=int((expected == received).sum()),
        per_class=_per_class(expected, received, labels, classes),
        confusions=_confusions(received, labels, classes),
        worst=_worst(reference, received, split, classes),
        largest_difference=distance.largest_difference,
        distance=distance,
        metric=None if metric is None else measure(metric, reference, target, labels),
        slices=cut(
            (expected == labels, received == labels),
            labels,
            classes=classes,
            margins=_margins(reference),
            images=split.images,
        ),
        reference_answers=len(np.unique(expected)),
        target_answers=len(np.unique(received)),
        digest=digest,
        subset=subset,
    )


def _per_class(
    expected: NDArray[np.int64],
    received: NDArray[np.int64],
    labels: NDArray[np.int64],
    classes: Sequence[str],
) -> dict[str, ClassCount]:
    counts = {}
    for index, name in enumerate(classes):
        members = labels == index
        if members.any():
            counts[name] = ClassCount(
                total=int(members.sum()),
                reference_correct=int((expected[members] == index).sum()),
                target_correct=int((received[members] == index).sum()),
            )
    return counts


def _confusions(
    received: NDArray[np.int64], labels: NDArray[np.int64], classes: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Count right and wrong classes of the wrong answers; keep the pairs that occur most."""
    wrong = received != labels
    pairs = Counter(zip(labels[wrong].tolist(), received[wrong].tolist(), strict=True))
    commonest = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:MOST_CONFUSIONS]
    by_label: dict[str, dict[str, int]] = {}
    for (label, answer), count in sorted(commonest):
        by_label.setdefault(classes[label], {})[classes[answer]] = count
    return by_label


def _worst(
    reference: NDArray[np.float32],
    received: NDArray[np.int64],
    split: Split,
    classes: Sequence[str],
) -> tuple[Disagreement, ...]:
    expected, rows = reference.argmax(axis=1), np.arange(len(received))
    margins = reference[rows, expected] - reference[rows, received]
    differing = np.flatnonzero(expected != received)
    ranked = differing[np.argsort(-margins[differing], kind="stable")][:WORST]
    return tuple(
        Disagreement(
            id=split.ids[i],
            label=classes[split.labels[i]],
            reference=classes[expected[i]],
            target=classes[received[i]],
            margin=float(margins[i]),
            picture=thumbnail(split.images[i]),
        )
        for i in ranked
    )


def _margins(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return by how much each first choice is preferred to the second."""
    first, second = (
        np.partition(scores, -2, axis=1)[:, [-1, -2]].T
        if scores.shape[1] > 1
        else (scores[:, 0], scores[:, 0])
    )
    return np.asarray(first - second)


def check_finite(scores: NDArray[np.float32], name: str) -> None:
    """Raise ``TflconvError`` for outputs of the model ``name`` that are NaN or infinite."""
    strange = ~np.isfinite(scores).reshape(len(scores), -1).all(axis=1)
    if strange.any():
        raise doubts.not_finite(name, int(strange.sum()), len(scores))
