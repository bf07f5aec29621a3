"""Two tables of scores for the same pictures, compared picture by picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tflconv.data import Split
from tflconv.errors import TflconvError
from tflconv.verification.outcome import ClassCount, Disagreement, Verification

WORST = 20
"""How many disagreements a verification keeps."""


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
) -> Verification:
    """Compare the scores ``[n, classes]`` of two models for the pictures of ``split``."""
    _check_finite(reference, names[0])
    _check_finite(target, names[1])
    labels = split.labels
    says, said = reference.argmax(axis=1), target.argmax(axis=1)
    return Verification(
        reference=names[0],
        target=names[1],
        dataset=dataset,
        total=len(labels),
        reference_correct=int((says == labels).sum()),
        target_correct=int((said == labels).sum()),
        agreeing=int((says == said).sum()),
        per_class=_per_class(says, said, labels, classes),
        worst=_worst(reference, said, split, classes),
        largest_difference=float(np.abs(reference - target).max()),
        digest=digest,
        subset=subset,
    )


def _per_class(
    says: NDArray[np.int64],
    said: NDArray[np.int64],
    labels: NDArray[np.int64],
    classes: Sequence[str],
) -> dict[str, ClassCount]:
    counts = {}
    for index, name in enumerate(classes):
        members = labels == index
        if members.any():
            counts[name] = ClassCount(
                total=int(members.sum()),
                reference_correct=int((says[members] == index).sum()),
                target_correct=int((said[members] == index).sum()),
            )
    return counts


def _worst(
    reference: NDArray[np.float32], said: NDArray[np.int64], split: Split, classes: Sequence[str]
) -> tuple[Disagreement, ...]:
    says, rows = reference.argmax(axis=1), np.arange(len(said))
    margins = reference[rows, says] - reference[rows, said]
    differing = np.flatnonzero(says != said)
    ranked = differing[np.argsort(-margins[differing], kind="stable")][:WORST]
    return tuple(
        Disagreement(
            id=split.ids[i],
            label=classes[split.labels[i]],
            reference=classes[says[i]],
            target=classes[said[i]],
            margin=float(margins[i]),
        )
        for i in ranked
    )


def _check_finite(scores: NDArray[np.float32], name: str) -> None:
    if not np.isfinite(scores).all():
        raise TflconvError(f"{name} gives NaN or infinite scores.")
