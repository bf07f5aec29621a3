"""Figures, changes and decisions in words."""

from __future__ import annotations

from collections.abc import Iterable

from tflconv.comparison.effects import Effect
from tflconv.comparison.limits import Decision

MISSING = "–"


def value(effect: Effect, figure: float) -> str:
    """Return a figure with its unit."""
    if effect.metric in ("latency", "cpu"):
        return f"{figure:.3g} ms"
    if effect.metric == "accuracy":
        return f"{100 * figure:.2f} %"
    if effect.metric == "memory":
        return f"{figure / 1e6:.1f} MB"
    return f"{figure:,.0f}".replace(",", " ")


def change(effect: Effect, share: float) -> str:
    """Return a change as it is read: below 0 is less; of accuracy, below 0 is worse."""
    if effect.metric == "accuracy":
        return f"{_signed(-100 * share)} pt"
    return f"{_signed(100 * share)} %"


def _signed(number: float) -> str:
    text = f"{number:+.2f}"
    return "0" if float(text) == 0 else text


def interval(effect: Effect, ends: tuple[float, float] | None) -> str:
    """Return the changes that are not excluded."""
    if ends is None:
        return MISSING
    first, second = sorted(ends, reverse=effect.metric == "accuracy")
    if first == second:
        return "exact"
    return f"{change(effect, first)} to {change(effect, second)}"


def verdict(effect: Effect) -> str:
    """Return the verdict with what would do where it cannot tell."""
    return f"{effect.verdict}: {effect.advice}" if effect.advice else effect.verdict


def rows(effects: Iterable[Effect]) -> list[dict[str, str]]:
    """Return a row per figure, for a table."""
    return [
        {
            "figure": effect.metric,
            "baseline": value(effect, effect.baseline),
            "contender": value(effect, effect.contender),
            "change": _estimate(effect),
            f"{100 * effect.confidence:g} % interval": interval(effect, effect.interval),
            "matters from": change(effect, effect.threshold).lstrip("+-"),
            "verdict": verdict(effect),
        }
        for effect in effects
    ]


def _estimate(effect: Effect) -> str:
    if effect.evidence is not None:
        return change(effect, effect.evidence.estimate)
    return f"{change(effect, effect.contender / effect.baseline - 1)} ?" if effect.baseline else ""


def of_decision(decision: Decision) -> str:
    """Return a sentence on a limit."""
    effect, ends = decision.effect, interval(decision.effect, decision.interval)
    amount = f"{change(effect, effect.evidence.estimate)} ({ends})" if effect.evidence else MISSING
    words = {"broken": "is worse by more than", "kept": "is within", "open": "may be beyond"}
    need = f"; {decision.need}" if decision.state == "open" and decision.need else ""
    return (
        f"{decision.subject}: {effect.metric} {amount} {words[decision.state]}"
        f" {decision.limit}{need}"
    )
