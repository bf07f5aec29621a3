"""The gate: limits to a change for the worse, and whether they are broken, kept or open.

A limit is broken where the interval of the change lies above it, kept where it lies at or below
it, and open otherwise. Many limits in one call would be broken by chance more often than one, so
their intervals are widened by Holm's step-down procedure (Holm, A simple sequentially rejective
multiple test procedure, Scandinavian Journal of Statistics 6, 1979): of m limits the clearest must
stand at an error of e / m, the next at e / (m - 1), and so on, and once one is open all further
ones are. So all decisions of a call together are wrong with a probability of at most e.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from tflconv.comparison.effects import METRICS, Effect, Metric
from tflconv.core.amounts import parse_drop
from tflconv.errors import UsageError, unknown

Inconclusive = Literal["pass", "fail", "extend"]

State = Literal["kept", "broken", "open"]


@dataclass(frozen=True, kw_only=True)
class Limit:
    """The largest change of a figure for the worse that passes, as a share.

    Example:
        >>> str(Limit.parse("latency:5%")), str(Limit.parse("accuracy:0.5pt"))
        ('latency:5%', 'accuracy:0.5pt')
    """

    metric: Metric
    share: float

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read ``latency:5%`` or ``accuracy:0.5pt``. Raises ``UsageError`` for anything else."""
        name, colon, amount = text.partition(":")
        figure, equals, share = text.partition("=")
        if equals and figure in METRICS:
            raise UsageError(f"'{text}' has no colon.", hint=f"Say {figure}:{share}.")
        if name not in METRICS:
            raise unknown("figure", name, METRICS)
        if not colon or not amount:
            raise UsageError(f"'{text}' has no limit.", hint=f"Say {name}:{_EXAMPLE[name]}.")
        if name == "accuracy":
            return cls(metric="accuracy", share=parse_drop(amount))
        if not amount.endswith("%"):
            raise UsageError(
                f"'{text}' does not say what {amount} is a share of.",
                hint=f"Say {name}:{amount}% for {amount} percent of the baseline.",
            )
        return cls(metric=cast(Metric, name), share=_percent(amount, text))

    def __str__(self) -> str:
        unit = "pt" if self.metric == "accuracy" else "%"
        return f"{self.metric}:{100 * self.share:g}{unit}"


_EXAMPLE = {name: "0.5pt" if name == "accuracy" else "5%" for name in get_args(Metric)}


def _percent(amount: str, text: str) -> float:
    try:
        share = round(float(amount.removesuffix("%")) / 100, 12)
    except ValueError:
        share = float("nan")
    if not -1 < share < 1000:
        raise UsageError(f"'{text}' is not like latency:5%.")
    return share


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What became of a limit.

    Attributes:
        subject: Which files, on which device.
        limit: The limit.
        effect: The figure that it was held against.
        state: ``broken``, ``kept`` or ``open``.
        confidence: That of the interval, corrected for all limits of the call.
    """

    subject: str
    limit: Limit
    effect: Effect
    state: State
    confidence: float

    @property
    def interval(self) -> tuple[float, float] | None:
        """The changes that are not excluded at that confidence."""
        evidence = self.effect.evidence
        return evidence.interval(self.confidence) if evidence else None

    @property
    def need(self) -> str:
        """What would decide an open limit."""
        if self.effect.evidence is None:
            return self.effect.obstacle
        distance = abs(self.limit.share - self.effect.evidence.estimate)
        return self.effect.needed(max(distance, self.effect.threshold / 2))


def decide(held: Sequence[tuple[str, Limit, Effect]], *, error: float) -> list[Decision]:
    """Return a decision per limit, corrected for their number.

    Args:
        held: Subject, limit and effect.
        error: How probable it may be that any decision of them is wrong.
    """
    errors = [
        1.0 if effect.evidence is None else effect.evidence.error(limit.share)
        for _, limit, effect in held
    ]
    order = sorted(range(len(held)), key=lambda number: errors[number])
    decisions = dict[int, Decision]()
    stopped: float | None = None
    for rank, number in enumerate(order):
        subject, limit, effect = held[number]
        level = stopped or error / (len(held) - rank)
        state = _state(effect, limit, level)
        if state == "open" or stopped is not None:
            stopped, state = level, "kept" if _is_exactly(effect, limit) else "open"
        decisions[number] = Decision(
            subject=subject, limit=limit, effect=effect, state=state, confidence=1 - level
        )
    return [decisions[number] for number in range(len(held))]


def _state(effect: Effect, limit: Limit, level: float) -> State:
    if effect.evidence is None:
        return "open"
    low, high = effect.evidence.interval(1 - level)
    if low > limit.share:
        return "broken"
    return "kept" if high <= limit.share else "open"


def _is_exactly(effect: Effect, limit: Limit) -> bool:
    """Return whether a count that repeats exactly is at its limit: then nothing is open."""
    if effect.evidence is None:
        return False
    low, high = effect.evidence.interval(1 - 1e-12)
    return low == high <= limit.share
