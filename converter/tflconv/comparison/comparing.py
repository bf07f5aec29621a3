"""Hold a contender against a baseline: pairs of runs, what each pair says, and the limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tflconv.comparison import comparable, effects
from tflconv.comparison.effects import CONFIDENCE, Effect
from tflconv.comparison.limits import Decision, Inconclusive, Limit, decide
from tflconv.comparison.words import of_decision, rows
from tflconv.core import markup
from tflconv.core.plural import plural
from tflconv.core.shortening import shorten
from tflconv.errors import RegressionFound, UsageError, require
from tflconv.results import BenchmarkRun, Results


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How two sides are compared.

    Attributes:
        limits: The largest changes for the worse that pass.
        inconclusive: What an open limit does: ``pass``, ``fail``, or ``extend`` the measurement.
        confidence: That of verdicts, and of all decisions on limits together, from 0.5 to 1.
        threshold: Smallest change of times and memory that matters, as a share.
        force: Whether runs are compared that were not measured alike, or apart.
        across_runtimes: Whether LiteRT may differ.
    """

    limits: tuple[Limit, ...] = ()
    inconclusive: Inconclusive = "pass"
    confidence: float = CONFIDENCE
    threshold: float | None = None
    force: bool = False
    across_runtimes: bool = False

    def __post_init__(self) -> None:
        require(
            "comparison",
            self,
            confidence=(0.5 <= self.confidence < 1, "from 0.5 to below 1"),
            threshold=(self.threshold is None or 0 < self.threshold < 1, "between 0 and 1"),
            inconclusive=(self.inconclusive in ("pass", "fail", "extend"), "pass, fail or extend"),
        )


@dataclass(frozen=True, kw_only=True)
class RunPair:
    """Two runs on one device, and their figures."""

    baseline: BenchmarkRun
    contender: BenchmarkRun
    effects: tuple[Effect, ...]
    notes: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """Which files, on which device."""
        first, second = self.baseline.model.slug, self.contender.model.slug
        names = first if first == second else f"{first} → {second}"
        return f"{names} on {self.contender.device.id}"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All pairs, and what became of the limits.

    Example:
        >>> Comparison(pairs=(), decisions=(), settings=Settings()).check()
        Comparison(0 pairs, no limits)
    """

    pairs: tuple[RunPair, ...]
    decisions: tuple[Decision, ...]
    settings: Settings

    @property
    def broken(self) -> tuple[Decision, ...]:
        """The limits that are surely broken."""
        return tuple(each for each in self.decisions if each.state == "broken")

    @property
    def open(self) -> tuple[Decision, ...]:
        """The limits that could not be decided."""
        return tuple(each for each in self.decisions if each.state == "open")

    def check(self) -> Comparison:
        """Return this comparison if no limit is broken.

        Raises:
            RegressionFound: A limit is broken, or is open where that is to fail.
        """
        failing = [*self.broken, *(self.open if self.settings.inconclusive == "fail" else ())]
        if failing:
            raise RegressionFound("\n".join(map(of_decision, failing)))
        return self

    def __repr__(self) -> str:
        states = [f"{decision.limit} {decision.state}" for decision in self.decisions]
        limits = shorten(", ".join(states)) or "no limits"
        return f"Comparison({plural(len(self.pairs), 'pair')}, {limits})"

    def _repr_html_(self) -> str:
        return "".join(markup.table(rows(pair.effects), pair.subject) for pair in self.pairs)


def compare(baseline: Results, contender: Results, settings: Settings | None = None) -> Comparison:
    """Hold the runs of ``contender`` against those of ``baseline``.

    Runs of equal names on the same device are pairs; where each side has one run on a device, it is
    a pair whatever the names.

    Args:
        baseline: What was before, or is known to be good.
        contender: What is new.
        settings: Limits, confidence and what is allowed to differ.

    Raises:
        UsageError: No runs are pairs, they were not measured alike, or no pair has a figure that a
            limit is about.
    """
    settings = settings or Settings()
    pairs = tuple(_pair(*runs, settings) for runs in _matched(baseline.runs, contender.runs))
    held = [
        (pair.subject, limit, effect)
        for limit in settings.limits
        for pair in pairs
        for effect in pair.effects
        if effect.metric == limit.metric
    ]
    for limit in settings.limits:
        if not any(limit == each for _, each, _ in held):
            raise UsageError(f"nothing was measured that {limit} is about.", hint=_MEASURE)
    decisions = decide(held, error=1 - settings.confidence)
    return Comparison(pairs=pairs, decisions=tuple(decisions), settings=settings)


_MEASURE = "accuracy needs --dataset, instructions need --device arm64:CORE."


def _pair(baseline: BenchmarkRun, contender: BenchmarkRun, settings: Settings) -> RunPair:
    notes = tuple(comparable.differences(baseline, contender))
    if not settings.force:
        comparable.require(baseline, contender, across_runtimes=settings.across_runtimes)
    changes = effects.of(
        baseline,
        contender,
        confidence=settings.confidence,
        threshold=settings.threshold,
        apart=settings.force,
    )
    return RunPair(baseline=baseline, contender=contender, effects=tuple(changes), notes=notes)


def _matched(
    baseline: Sequence[BenchmarkRun], contender: Sequence[BenchmarkRun]
) -> list[tuple[BenchmarkRun, BenchmarkRun]]:
    """Return the pairs of runs."""
    named = {(run.model.slug, run.device.id): run for run in baseline}
    pairs = [
        (named[key], run) for run in contender if (key := (run.model.slug, run.device.id)) in named
    ]
    if not pairs:
        pairs = _only_ones(baseline, contender)
    if not pairs:
        raise UsageError(
            f"no run of one side is of the same model on the same device as one of the other:"
            f" {_names(baseline)}, and {_names(contender)}.",
            hint="Name a run of a file with several: results.json#NAME.",
        )
    return pairs


def _only_ones(
    baseline: Sequence[BenchmarkRun], contender: Sequence[BenchmarkRun]
) -> list[tuple[BenchmarkRun, BenchmarkRun]]:
    sides = [_by_device(runs) for runs in (baseline, contender)]
    if len(baseline) == len(contender) == 1:
        return [(baseline[0], contender[0])]  # devices may differ, by force
    return [
        (sides[0][device][0], runs[0])
        for device, runs in sides[1].items()
        if len(runs) == 1 and len(sides[0].get(device, ())) == 1
    ]


def _by_device(runs: Sequence[BenchmarkRun]) -> dict[str, list[BenchmarkRun]]:
    devices = dict[str, list[BenchmarkRun]]()
    for run in runs:
        devices.setdefault(run.device.id, []).append(run)
    return devices


def _names(runs: Sequence[BenchmarkRun]) -> str:
    return shorten(", ".join(f"{run.model.slug} on {run.device.id}" for run in runs) or "none", 80)
