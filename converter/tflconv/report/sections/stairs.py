"""The staircase of a recipe as a table: each step, and what it changed against the one before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from tflconv.report import markup, style, units
from tflconv.report import staircase as staircases
from tflconv.report.columns import DeviceRuns
from tflconv.report.staircase import Stair, Staircase


def html(group: DeviceRuns) -> str:
    """Return a table per staircase of a device; nothing where no recipe has one."""
    drawn = staircases.drawn(staircases.of_group(group))
    tables = [_table(each, group.device.name) for each in drawn]
    return "\n".join(("<h3>Step by step</h3>", *tables)) if tables else ""


def _table(staircase: Staircase, device: str) -> str:
    heads = ["step", "size", *_heads(staircase)]
    name = f"{staircase.model} · {staircase.dataset}" if staircase.dataset else staircase.model
    caption = f"{name}: from {staircase.stairs[0].recipe} to {staircase.final.recipe}, {device}"
    pairs = [(None, staircase.stairs[0]), *pairwise(staircase.stairs)]
    rows = (_row(before, stair, staircase) for before, stair in pairs)
    return markup.table(heads, rows, kind="facts bars", caption=caption, sortable=False)


def _heads(staircase: Staircase) -> Iterator[str]:
    for title, name in _COLUMNS.items():
        if any(getattr(stair, name) is not None for stair in staircase.stairs):
            yield title


_COLUMNS = {
    "instructions": "instructions",
    "latency [95 %]": "latency_ms",
    "accuracy [95 %]": "accuracy",
}


def _row(before: Stair | None, stair: Stair, staircase: Staircase) -> str:
    color = style.recipe_color(stair.recipe)
    cells = [_bar(stair, before, staircase, "bytes", units.size, "size", color)]
    heads = list(_heads(staircase))
    if "instructions" in heads:
        cells.append(_bar(stair, before, staircase, *_INSTRUCTIONS, color))
    if "latency [95 %]" in heads:
        text = _latency(stair, before)
        cells.append(markup.data(text, stair.latency_ms, label="latency [95 %]"))
    if "accuracy [95 %]" in heads:
        text = _accuracy(stair, before)
        cells.append(markup.data(text, stair.accuracy, label="accuracy [95 %]"))
    step = stair.step if before is None else f"+ {stair.step}"
    return f"<tr>{markup.head(step)}{''.join(cells)}</tr>"


_INSTRUCTIONS = ("instructions", units.amount, "instructions")


def _bar(
    stair: Stair,
    before: Stair | None,
    staircase: Staircase,
    name: str,
    to_text: Callable[[float], str],
    label: str,
    color: str,
) -> str:
    value = getattr(stair, name)
    if value is None:
        return markup.data(units.MISSING, label=label)
    text = to_text(value) + _relative(value, getattr(before, name, None))
    longest = max(getattr(each, name) or 0 for each in staircase.stairs)
    share = value / longest if longest else 0.0
    return markup.bar(share, text, color=color, label=label, value=value)


def _latency(stair: Stair, before: Stair | None) -> str:
    if stair.latency_ms is None or stair.latency_interval_ms is None:
        return units.MISSING
    low, high = map(units.significant, stair.latency_interval_ms)
    change = _relative(stair.latency_ms, before.latency_ms if before else None)
    return f"{units.milliseconds(stair.latency_ms)} [{low}–{high}]{change}"


def _accuracy(stair: Stair, before: Stair | None) -> str:
    if stair.accuracy is None or stair.accuracy_interval is None:
        return units.MISSING
    low, high = (f"{100 * edge:.1f}" for edge in stair.accuracy_interval)
    text = f"{units.percent(stair.accuracy)} [{low}–{high}]"
    if before is None or before.accuracy is None:
        return text
    points = round(100 * (stair.accuracy - before.accuracy), 1)
    change = f"{points:+.1f}".replace("-", "−") if points else "±0"
    return f"{text} {change} points"


def _relative(value: float, before: float | None) -> str:
    return f" {units.change(value / before - 1)}" if before else ""
