"""The result of a verification, and its check against limits."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import cattrs

from tflconv.core import stats
from tflconv.core.jsonvalue import JsonObject, JsonValue
from tflconv.core.shortening import shorten
from tflconv.errors import UsageError, VerificationFailed
from tflconv.results import Accuracy

_ROUNDING = 1e-9
_converter = cattrs.Converter()


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """One picture on which the models differ.

    ``margin`` is the reference's logit of its own choice, less its logit of the target's choice.
    """

    id: str
    label: str
    reference: str
    target: str
    margin: float


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

    Attributes:
        reference: Name of the reference model.
        target: Name of the converted model.
        dataset: Name of the dataset.
        total: Number of test pictures.
        reference_correct: Pictures that the reference classifies correctly.
        target_correct: Pictures that the target classifies correctly.
        agreeing: Pictures that both put into the same class, right or wrong.
        per_class: The same counts per class.
        worst: Disagreements with the largest margins, largest first.
        largest_difference: Largest difference of two scores for the same picture and class.
        digest: Hash of the dataset.
        subset: Whether the dataset has fewer pictures than were published.
    """

    reference: str
    target: str
    dataset: str
    total: int
    reference_correct: int
    target_correct: int
    agreeing: int
    per_class: Mapping[str, ClassCount]
    worst: tuple[Disagreement, ...] = ()
    largest_difference: float = 0.0
    digest: str | None = None
    subset: bool = False

    @property
    def accuracy(self) -> float:
        """Top-1 accuracy of the target, 0 to 1."""
        return self.target_correct / self.total

    @property
    def reference_accuracy(self) -> float:
        """Top-1 accuracy of the reference, 0 to 1."""
        return self.reference_correct / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the target's top-1 accuracy."""
        return stats.wilson(self.target_correct, self.total)

    @property
    def agreement(self) -> float:
        """Share of pictures that both put into the same class, right or wrong."""
        return self.agreeing / self.total

    @property
    def drop(self) -> float:
        """Top-1 accuracy of the reference, less that of the target."""
        return (self.reference_correct - self.target_correct) / self.total

    def check(
        self, *, max_drop: float | None = None, min_agreement: float | None = None
    ) -> Verification:
        """Return this verification if it is within limits.

        Args:
            max_drop: Largest drop of top-1 accuracy, as a share (``parse_drop``).
            min_agreement: Smallest agreement, as a share.

        Raises:
            VerificationFailed: A limit is missed; the message says by how much.
        """
        missed = []
        if max_drop is not None and self.drop > max_drop + _ROUNDING:
            missed.append(f"top-1 fell by {_points(self.drop)}, allowed are {_points(max_drop)}")
        if min_agreement is not None and self.agreement < min_agreement - _ROUNDING:
            missed.append(f"it agrees on {self.agreement:.2%}, asked for {min_agreement:.2%}")
        if missed:
            raise VerificationFailed(f"{self.target}: {' and '.join(missed)}.")
        return self

    def to_accuracy(self) -> Accuracy:
        """Return the part that a benchmark run records."""
        return Accuracy(
            dataset=self.dataset,
            correct=self.target_correct,
            total=self.total,
            reference_correct=self.reference_correct,
            agreeing=self.agreeing,
            per_class={
                name: (count.target_correct, count.total) for name, count in self.per_class.items()
            },
            digest=self.digest,
            subset=self.subset,
        )

    def to_json(self) -> dict[str, JsonValue]:
        """Return all fields and the figures computed from them as a JSON object."""
        return asdict(self) | {
            "accuracy": self.accuracy,
            "interval": self.interval,
            "reference_accuracy": self.reference_accuracy,
            "agreement": self.agreement,
            "drop": self.drop,
        }

    @classmethod
    def from_json(cls, value: JsonObject) -> Verification:
        """Read what ``to_json`` wrote."""
        return _converter.structure(value, cls)

    def __repr__(self) -> str:
        name, dataset = shorten(self.target), shorten(self.dataset, 40)
        accuracies = f"top-1 {self.accuracy:.2%}, reference {self.reference_accuracy:.2%}"
        agreement = f"agreement {self.agreement:.2%} of {self.total}"
        return f"Verification({name} on {dataset}: {accuracies}, {agreement})"


def parse_share(text: str) -> float:
    """Read a share from text: ``0.5pt`` (percentage points), ``99%`` or ``0.99``.

    Raises ``UsageError`` for anything else, and for a bare number beyond 1.

    Example:
        >>> parse_share("99%"), parse_share("0.5pt"), parse_share("0.99")
        (0.99, 0.005, 0.99)
    """
    if any(text.endswith(unit) for unit in _UNITS):
        return _share(text)
    share = _number(text, text)
    if not -1 <= share <= 1:
        raise UsageError(f"'{text}' is not a share.", hint=f"Did you mean {text}%?")
    return share


def parse_drop(text: str) -> float:
    """Read a loss of accuracy from text: ``0.5pt`` are 0.5 percentage points.

    Raises ``UsageError`` for a number without a unit, for 0.5 may mean half a point or one half.

    Example:
        >>> parse_drop("0.5pt"), parse_drop("1%")
        (0.005, 0.01)
    """
    if not any(text.endswith(unit) for unit in _UNITS):
        _number(text, text)
        raise UsageError(
            f"'{text}' does not say whether it is in points.",
            hint=f"Say {text}pt for {text} percentage points of accuracy.",
        )
    return _share(text)


_UNITS = ("pt", "pp", "%")


def _share(text: str) -> float:
    """Read a number of percentage points, from -100 to 100, behind which a unit stands."""
    unit = next(unit for unit in _UNITS if text.endswith(unit))
    points = _number(text.removesuffix(unit), text)
    if not -100 <= points <= 100:
        raise UsageError(f"'{text}' is beyond 100 points.", hint="Points go from -100pt to 100pt.")
    return points / 100


def _number(digits: str, text: str) -> float:
    with contextlib.suppress(ValueError):
        if math.isfinite(number := float(digits)):
            return number
    raise UsageError(f"'{text}' is not like 0.5pt, 99% or 0.99.")


def _points(share: float) -> str:
    return f"{100 * share:.2f} points"
