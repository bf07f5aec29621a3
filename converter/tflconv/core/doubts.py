"""What speaks against trusting an accuracy: a model that has learned nothing, or gives no numbers.

A conversion that loses nothing of a model that knows nothing looks perfect. So it is said when a
model gives one class to everything, or is right no more often than chance, or than whoever always
answers the commonest class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tflconv.core import stats
from tflconv.errors import TflconvError


def about(
    name: str, *, totals: Mapping[str, int], correct: int, answers: int | None
) -> tuple[str, ...]:
    """Return what is doubtful about a model by its answers, one sentence each.

    Args:
        name: What the model is called.
        totals: Number of test pictures of each class that has some.
        correct: Number of right answers.
        answers: Number of classes that it answers at all, where that is known.

    Example:
        >>> about("m", totals={"cat": 2, "dog": 2}, correct=2, answers=2)
        ('m is right on 50.0% of 4 pictures, which is not surely better than guessing (50.0%). \
See --normalize and --labels, or whether it was trained.',)
    """
    if len(totals) < 2:
        return ("all test pictures are of one class, so accuracy says nothing about the others.",)
    if answers == 1:
        return (
            f"{name} gives the same class to all {sum(totals.values())} pictures: it has learned"
            " nothing, or its pictures are prepared otherwise than in training (--normalize).",
        )
    return tuple(_about_accuracy(name, totals, correct))


def not_finite(name: str, count: int, total: int) -> TflconvError:
    """Return the error for a model whose scores are no numbers for ``count`` of ``total`` samples.

    Their greatest score means nothing, and by chance it is right for some.
    """
    return TflconvError(
        f"{name} gives NaN or infinite scores for {count} of {total} samples, so it has no classes"
        " for them.",
        hint="See that inputs are prepared as in training (--normalize) and that the model's"
        " weights are finite; half precision ends at 65504.",
    )


def _about_accuracy(name: str, totals: Mapping[str, int], correct: int) -> Iterator[str]:
    total = sum(totals.values())
    common = max(totals, key=lambda each: totals[each])
    commonest, chance = totals[common] / total, 1 / len(totals)
    low, _ = stats.wilson(correct, total)
    if low > max(commonest, chance):
        return
    rival = (
        f"always answering '{common}' ({commonest:.1%})"
        if commonest > 1.01 * chance
        else f"guessing ({chance:.1%})"
    )
    yield (
        f"{name} is right on {correct / total:.1%} of {total} pictures, which is not surely better"
        f" than {rival}. See --normalize and --labels, or whether it was trained."
    )
