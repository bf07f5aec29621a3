"""The result of a verification, and its check against limits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

import cattrs

from tflconv.core import doubts, markup, stats
from tflconv.core.amounts import parse_drop, parse_share
from tflconv.core.jsonvalue import JsonObject, JsonValue
from tflconv.core.shortening import shorten
from tflconv.errors import UsageError, VerificationFailed
from tflconv.results import Accuracy, Disagreement
from tflconv.results.mistakes import MOST_DISAGREEMENTS, Confusions
from tflconv.verification import slices
from tflconv.verification.distance import Distance
from tflconv.verification.metrics import MetricPair
from tflconv.verification.parting import Parting
from tflconv.verification.slices import Slice

_ROUNDING = 1e-9
_converter = cattrs.Converter()


@dataclass(frozen=True, kw_only=True)
class ClassCount:
    """Number of pictures of one class, and of those that each model classifies correctly."""

    total: int
    reference_correct: int
    target_correct: int

    @property
    def drop(self) -> float:
        """Accuracy of the reference on this class, less that of the target."""
        return (self.reference_correct - self.target_correct) / self.total


@dataclass(frozen=True, kw_only=True)
class Verification:
    """Comparison of a target with its reference.

    What needs labels, or outputs that are scores of classes, is None where these are missing.

    Attributes:
        reference: Name of the reference model.
        target: Name of the converted model.
        dataset: Name of the dataset.
        total: Number of test samples.
        reference_correct: Samples that the reference classifies correctly.
        target_correct: Samples that the target classifies correctly.
        agreeing: Samples that both put into the same class, right or wrong.
        per_class: The same counts per class.
        confusions: Of each class, how many samples the target takes for which other class.
        worst: Disagreements with the largest margins, largest first.
        largest_difference: Largest difference of two outputs for the same sample.
        distance: How far the outputs are from each other.
        metric: What both get by the metric that was asked for.
        slices: Parts of the samples, and what each lost.
        reference_answers: Number of classes that the reference chooses at all.
        target_answers: Number of classes that the target chooses at all.
        digest: Hash of the dataset.
        subset: Whether the dataset has fewer pictures than were published.
        right: Which samples the target classifies correctly, as ``Accuracy.right`` has it.
        pictures: Hash of which samples these are, as ``Accuracy.pictures`` has it.
        tolerance: Largest difference of two outputs that a golden contract allows.
        parting: Where an app that logged its outputs parts from that contract.
    """

    reference: str
    target: str
    dataset: str
    total: int
    reference_correct: int | None = None
    target_correct: int | None = None
    agreeing: int | None = None
    per_class: Mapping[str, ClassCount] = field(default_factory=dict)
    confusions: Confusions = field(default_factory=dict)
    worst: tuple[Disagreement, ...] = ()
    largest_difference: float = 0.0
    distance: Distance | None = None
    metric: MetricPair | None = None
    slices: tuple[Slice, ...] = ()
    reference_answers: int | None = None
    target_answers: int | None = None
    digest: str | None = None
    subset: bool = False
    right: str | None = None
    pictures: str | None = None
    tolerance: float | None = None
    parting: Parting | None = None

    @property
    def has_classes(self) -> bool:
        """Whether the right class of each sample is known."""
        return self.target_correct is not None

    @property
    def accuracy(self) -> float:
        """Top-1 accuracy of the target, 0 to 1."""
        return self._count(self.target_correct) / self.total

    @property
    def reference_accuracy(self) -> float:
        """Top-1 accuracy of the reference, 0 to 1."""
        return self._count(self.reference_correct) / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the target's top-1 accuracy."""
        return stats.wilson(self._count(self.target_correct), self.total)

    @property
    def agreement(self) -> float:
        """Share of samples that both put into the same class, right or wrong."""
        return self._count(self.agreeing) / self.total

    @property
    def drop(self) -> float:
        """By how much the target is worse: in the metric that was asked for, else in top-1."""
        if self.metric is not None:
            return self.metric.drop
        return self.top1_drop

    @property
    def harmed(self) -> tuple[Slice, ...]:
        """Classes and other slices that surely lose more than the mean, the surest loss first."""
        return slices.harmed(self.slices, self.top1_drop) if self.has_classes else ()

    @property
    def doubts(self) -> tuple[str, ...]:
        """What speaks against trusting the figures: a model that knows nothing."""
        if not self.has_classes or self.tolerance is not None:  # golden pictures are too few
            return ()
        totals = {name: count.total for name, count in self.per_class.items()}
        correct = self._count(self.reference_correct)
        return doubts.about(
            self.reference, totals=totals, correct=correct, answers=self.reference_answers
        ) or tuple(self._lost_classes())

    def _lost_classes(self) -> Iterator[str]:
        if self.target_answers == 1:
            yield (
                f"{self.target} gives the same class to all {self.total} pictures, and"
                f" {self.reference} does not: its inputs are prepared otherwise, or its conversion"
                " lost everything."
            )

    @property
    def top1_drop(self) -> float:
        """Top-1 accuracy of the reference, less that of the target."""
        return (self._count(self.reference_correct) - self._count(self.target_correct)) / self.total

    def _count(self, count: int | None) -> int:
        if count is None:
            raise UsageError(
                f"{self.dataset} has no labels of classes, so there is no accuracy and no drop.",
                hint="Give (x, y) with class numbers, or look at distance and metric.",
            )
        return count

    def check(
        self, *, max_drop: float | str | None = None, min_agreement: float | str | None = None
    ) -> Verification:
        """Return this verification if it is within limits.

        Args:
            max_drop: Largest drop of top-1 accuracy, as in ``"0.5pt"`` or as a share (0.005), or
                of the metric that was asked for, in its unit.
            min_agreement: Smallest agreement, as in ``"99%"`` or as a share.

        Raises:
            VerificationFailed: A limit is missed, or the tolerance of a golden contract; the
                message says by how much.
            UsageError: A limit needs labels, or scores of classes, and there are none; or it can
                be no limit, such as a negative drop.
        """
        max_drop, min_agreement = self._drop(max_drop), _agreement(min_agreement)
        missed = list(self._beyond_tolerance())
        if max_drop is not None and self.drop > max_drop + _ROUNDING:
            missed.append(self._fell(max_drop))
        if min_agreement is not None and self.agreement < min_agreement - _ROUNDING:
            missed.append(f"it agrees on {self.agreement:.2%}, asked for {min_agreement:.2%}")
        if missed:
            raise VerificationFailed(f"{self.target}: {' and '.join(missed)}.")
        return self

    def _drop(self, asked: float | str | None) -> float | None:
        if isinstance(asked, str):
            return parse_drop(asked)
        most = 1 if self.metric is None or self.metric.is_share else math.inf
        if asked is not None and not 0 <= asked <= most:
            raise UsageError(
                f"max_drop must be a text such as '0.5pt', or a share from 0 to {most:g}."
                f" Received: {asked!r}."
            )
        return asked

    def _beyond_tolerance(self) -> Iterator[str]:
        if self.tolerance is not None and not self.largest_difference <= self.tolerance:
            yield (
                f"outputs differ from {self.reference} by up to {self.largest_difference:.4g},"
                f" allowed are {self.tolerance:.4g}"
            )
        if self.parting is not None and not self.parting.is_nothing:
            yield f"the app differs from it in {self.parting}"

    def _fell(self, allowed: float) -> str:
        if self.metric is None or self.metric.is_share:
            name = "top-1" if self.metric is None else self.metric.name
            return f"{name} fell by {_points(self.drop)}, allowed are {_points(allowed)}"
        return f"{self.metric.name} is worse by {self.drop:.4g}, allowed are {allowed:.4g}"

    def to_accuracy(self) -> Accuracy:
        """Return the part that a benchmark run records.

        Raises:
            UsageError: The right classes are not known.
        """
        return Accuracy(
            dataset=self.dataset,
            correct=self._count(self.target_correct),
            total=self.total,
            reference_correct=self.reference_correct,
            agreeing=self.agreeing,
            per_class={
                name: (count.target_correct, count.total) for name, count in self.per_class.items()
            },
            digest=self.digest,
            subset=self.subset,
            right=self.right,
            pictures=self.pictures,
            confusions=self.confusions,
            disagreements=self.worst[:MOST_DISAGREEMENTS],
        )

    def to_json(self) -> dict[str, JsonValue]:
        """Return all fields and the figures computed from them as a JSON object."""
        has_classes = self.has_classes
        return asdict(self) | {
            "accuracy": self.accuracy if has_classes else None,
            "interval": self.interval if has_classes else None,
            "reference_accuracy": self.reference_accuracy if has_classes else None,
            "agreement": None if self.agreeing is None else self.agreement,
            "drop": self.drop if has_classes or self.metric else None,
            "harmed": [
                {**asdict(each), "drop": each.drop, "interval": each.interval}
                for each in self.harmed
            ],
            "doubts": list(self.doubts),
        }

    @classmethod
    def from_json(cls, value: JsonObject) -> Verification:
        """Read what ``to_json`` wrote."""
        return _converter.structure(value, cls)

    def __repr__(self) -> str:
        name, dataset = shorten(self.target), shorten(self.dataset, 40)
        return f"Verification({name} on {dataset}: {', '.join(self._figures())})"

    def _repr_html_(self) -> str:
        rows = [{"class": name, **asdict(count)} for name, count in self.per_class.items()] or [
            {"figure": each} for each in self._figures()
        ]
        return markup.table(rows, repr(self))

    def _figures(self) -> Iterator[str]:
        if self.metric is not None:
            yield str(self.metric)
        elif self.has_classes:
            yield f"top-1 {self.accuracy:.2%}, reference {self.reference_accuracy:.2%}"
        if self.agreeing is not None:
            yield f"agreement {self.agreement:.2%} of {self.total}"
        elif self.distance is not None:
            yield f"SQNR {self.distance.sqnr:.1f} dB over {self.total}"


def _points(share: float) -> str:
    return f"{100 * share:.2f} points"


def _agreement(asked: float | str | None) -> float | None:
    share = parse_share(asked) if isinstance(asked, str) else asked
    if share is not None and not 0 <= share <= 1:
        raise UsageError(f"min_agreement must be a share from 0% to 100%. Received: {asked!r}.")
    return share
