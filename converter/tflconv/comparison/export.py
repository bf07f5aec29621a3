"""Comparisons as tables, as Markdown for a pull request, as JUnit XML and as JSON."""

from __future__ import annotations

from xml.etree import ElementTree

from tflconv.comparison.comparing import Comparison, RunPair
from tflconv.comparison.effects import Effect
from tflconv.comparison.limits import Decision
from tflconv.comparison.words import of_decision, rows
from tflconv.core.jsonvalue import JsonValue
from tflconv.core.text import to_markdown as escape


def to_markdown(comparison: Comparison) -> str:
    """Return tables and decisions for a pull request."""
    parts = []
    for pair in comparison.pairs:
        table = rows(pair.effects)
        header = list(table[0]) if table else []
        lines = [header, ["---"] * len(header), *(list(row.values()) for row in table)]
        parts += [f"### {escape(pair.subject)}", "", *map(_row, lines), ""]
        parts += [f"- not measured alike: {escape(note)}" for note in pair.notes]
    marks = {"broken": "❌", "kept": "✅", "open": "❔"}
    parts += [f"- {marks[each.state]} {escape(of_decision(each))}" for each in comparison.decisions]
    return "\n".join(parts) + "\n"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell if set(cell) == {"-"} else escape(cell) for cell in cells) + " |"


def to_junit(comparison: Comparison) -> str:
    """Return a JUnit file with a test per limit: open ones are skipped, or fail where asked to."""
    suite = ElementTree.Element("testsuite", name="tflconv compare")
    failures = skipped = 0
    for decision in comparison.decisions:
        case = ElementTree.SubElement(
            suite, "testcase", classname=decision.subject, name=str(decision.limit)
        )
        fails = decision.state == "open" and comparison.settings.inconclusive == "fail"
        if decision.state == "broken" or fails:
            failures += 1
            ElementTree.SubElement(case, "failure", message=of_decision(decision))
        elif decision.state == "open":
            skipped += 1
            ElementTree.SubElement(case, "skipped", message=of_decision(decision))
    counts = {"tests": len(comparison.decisions), "failures": failures, "skipped": skipped}
    suite.attrib |= {name: str(count) for name, count in counts.items()}
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, "unicode") + "\n"
    )


def to_json(comparison: Comparison) -> dict[str, JsonValue]:
    """Return everything as JSON."""
    return {
        "confidence": comparison.settings.confidence,
        "inconclusive": comparison.settings.inconclusive,
        "pairs": [_pair(pair) for pair in comparison.pairs],
        "limits": [_decision(decision) for decision in comparison.decisions],
    }


def _pair(pair: RunPair) -> dict[str, JsonValue]:
    return {
        "baseline": pair.baseline.model.slug,
        "contender": pair.contender.model.slug,
        "device": pair.contender.device.id,
        "differences": list(pair.notes),
        "effects": [_effect(effect) for effect in pair.effects],
    }


def _effect(effect: Effect) -> dict[str, JsonValue]:
    return {
        "figure": effect.metric,
        "baseline": effect.baseline,
        "contender": effect.contender,
        "change": effect.evidence.estimate if effect.evidence else None,
        "interval": list(effect.interval) if effect.interval else None,
        "threshold": effect.threshold,
        "verdict": effect.verdict,
        "advice": effect.advice,
    }


def _decision(decision: Decision) -> dict[str, JsonValue]:
    return {
        "subject": decision.subject,
        "limit": str(decision.limit),
        "state": decision.state,
        "confidence": decision.confidence,
        "interval": list(decision.interval) if decision.interval else None,
        "told": of_decision(decision),
    }
