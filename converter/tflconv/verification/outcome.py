"""What verification found, and whether that is good enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import cattrs

from tflconv.core import stats
from tflconv.errors import UsageError, VerificationFailed
from tflconv.results import Accuracy

_ROUNDING = 1e-9
_converter = cattrs.Converter()


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """One picture on which the models differ; ``margin`` is in logits of the reference."""

    id: str
    label: str
    reference: str
    target: str
    margin: float


@dataclass(frozen=True, kw_only=True)
class ClassCount:
    """Pictures of one class, and how many of them each model gets right."""

    total: int
    reference_correct: int
    target_correct: int

    @property
    def drop(self) -> float:
        """Share of the class that the target lost."""
        return (self.reference_correct - self.target_correct) / self.total


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What the comparison of a target with its reference found."""

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
        """Top-1 of the target."""
        return self.target_correct / self.total

    @property
    def reference_accuracy(self) -> float:
        """Top-1 of the reference."""
        return self.reference_correct / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the target's top-1."""
        return stats.wilson(self.target_correct, self.total)

    @property
    def agreement(self) -> float:
        """Share of pictures on which both say the same, right or wrong."""
        return self.agreeing / self.total

    @property
    def drop(self) -> float:
        """How much top-1 the target lost."""
        return (self.reference_correct - self.target_correct) / self.total

    def check(
        self, *, max_drop: float | None = None, min_agreement: float | None = None
    ) -> Verification:
        """Return self, or raise ``VerificationFailed`` if a threshold (a share) is missed."""
        missed = []
        if max_drop is not None and self.drop > max_drop + _ROUNDING:
            missed.append(f"top-1 fell by {_points(self.drop)}, allowed are {_points(max_drop)}")
        if min_agreement is not None and self.agreement < min_agreement - _ROUNDING:
            missed.append(f"it agrees on {self.agreement:.2%}, asked for {min_agreement:.2%}")
        if missed:
            raise VerificationFailed(f"{self.target}: {' and '.join(missed)}.")
        return self

    def to_accuracy(self) -> Accuracy:
        """The part of this that a benchmark run records."""
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

    def to_json(self) -> dict[str, Any]:
        """All fields, and what is computed from them."""
        return asdict(self) | {
            "accuracy": self.accuracy,
            "interval": self.interval,
            "reference_accuracy": self.reference_accuracy,
            "agreement": self.agreement,
            "drop": self.drop,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Verification:
        """Read what ``to_json`` wrote."""
        return _converter.structure(value, cls)


def parse_share(text: str) -> float:
    """Read ``0.5pt`` (percentage points), ``99%`` or a share such as ``0.99``."""
    for suffix in ("pt", "pp", "%"):
        if text.endswith(suffix):
            return _number(text.removesuffix(suffix), text) / 100
    share = _number(text, text)
    if not -1 <= share <= 1:
        raise UsageError(f"'{text}' is not a share.", hint=f"Did you mean {text}pt?")
    return share


def _number(digits: str, text: str) -> float:
    try:
        return float(digits)
    except ValueError:
        raise UsageError(f"'{text}' is not like 0.5pt, 99% or 0.99.") from None


def _points(share: float) -> str:
    return f"{100 * share:.2f} points"
