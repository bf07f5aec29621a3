"""What speaks against trusting a comparison: a reference that has learned nothing.

A conversion that loses nothing of a model that knows nothing looks perfect. So it is said when the
reference gives one class to everything, or is right no more often than chance, or than whoever
always answers the commonest class.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tflconv.core import stats

if TYPE_CHECKING:
    from tflconv.verification.outcome import Verification


def about(verification: Verification) -> tuple[str, ...]:
    """Return what is doubtful about the reference of a verification, one sentence each."""
    if len(verification.per_class) < 2:
        return ("all test pictures are of one class, so accuracy says nothing about the others.",)
    return tuple(_about_answers(verification)) or tuple(_about_accuracy(verification))


def _about_answers(verification: Verification) -> Iterator[str]:
    if verification.reference_answers == 1:
        yield (
            f"{verification.reference} gives the same class to all {verification.total} pictures:"
            " it has learned nothing, or its pictures are prepared otherwise than in training"
            " (--normalize)."
        )


def _about_accuracy(verification: Verification) -> Iterator[str]:
    name, most = max(
        ((name, count.total) for name, count in verification.per_class.items()),
        key=lambda entry: entry[1],
    )
    commonest, chance = most / verification.total, 1 / len(verification.per_class)
    correct = round(verification.reference_accuracy * verification.total)
    low, _ = stats.wilson(correct, verification.total)
    if low > max(commonest, chance):
        return
    rival = (
        f"always answering '{name}' ({commonest:.1%})"
        if commonest > 1.01 * chance
        else f"guessing ({chance:.1%})"
    )
    yield (
        f"{verification.reference} is right on {verification.reference_accuracy:.1%} of"
        f" {verification.total} pictures, which is not surely better than {rival}. See --normalize"
        " and --labels, or whether it was trained."
    )
