"""Draws a staircase: one panel per figure, a stair per step, the baseline on top."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tflconv.core.text import to_plot
from tflconv.report import style, units
from tflconv.report.staircase import Stair, Staircase

_ROW, _HEAD = 0.27, 0.5
_ROOM_FOR_LABEL = 1.75
_BAR = 0.62
_TICKS = 4
"""At most so many below a panel: 0.0025 is wide, and labels must not meet."""


@dataclass(frozen=True)
class _Panel:
    """A figure that a staircase can have.

    Attributes:
        title: What it is called.
        value: Reads it from a stair, in the unit of the axis.
        interval: Reads its 95 % interval, where it has one.
        told: Says a value in words.
        unit: Of the axis.
    """

    title: str
    value: Callable[[Stair], float | None]
    interval: Callable[[Stair], tuple[float, float] | None]
    told: Callable[[float], str]
    unit: str


_PANELS = (
    _Panel("Size", lambda s: s.bytes / 1e6, lambda _: None, lambda v: units.size(v * 1e6), "MB"),
    _Panel(
        "Instructions per inference",
        lambda s: None if s.instructions is None else s.instructions / 1e6,
        lambda _: None,
        lambda v: units.amount(v * 1e6),
        "million",
    ),
    _Panel(
        "Latency",
        lambda s: s.latency_ms,
        lambda s: s.latency_interval_ms,
        units.milliseconds,
        "ms, median, line is the 95 % interval",
    ),
)


@style.settled
def draw(staircase: Staircase) -> Figure:
    """Size, cost and accuracy after each step, and what it changed."""
    panels = [each for each in _PANELS if any(each.value(s) is not None for s in staircase.stairs)]
    has_accuracy = any(stair.accuracy is not None for stair in staircase.stairs)
    count = len(panels) + has_accuracy
    drawn = style.empty_figure(count * (_HEAD + _ROW * len(staircase.stairs)))
    grid = drawn.subplots(count, 1, squeeze=False)[:, 0]
    for axes, panel in zip(grid, panels, strict=False):
        _draw_panel(axes, panel, staircase.stairs)
    if has_accuracy:
        _draw_accuracy(grid[-1], staircase.stairs)
    return drawn


def _draw_panel(axes: Axes, panel: _Panel, stairs: Sequence[Stair]) -> None:
    _prepare(axes, panel.title, stairs)
    longest = style.edge(panel.value(stair) or 0 for stair in stairs)
    before = None
    for place, stair in enumerate(stairs):
        value = panel.value(stair)
        if value is None:
            continue
        color, shown, gap = style.recipe_color(stair.recipe), min(value, longest), 0.02
        axes.barh(place, shown, height=_BAR, color=color)
        if value > longest:
            axes.plot(longest, place, ">", color=color, markersize=9)
            gap = 0.04
        elif (ends := panel.interval(stair)) is not None:
            axes.plot(ends, [place, place], color=style.INK, linewidth=1.2)
        text = panel.told(value) + (f"  {units.change(value / before - 1)}" if before else "")
        axes.text(shown + longest * gap, place, text, va="center", fontsize=8.5)
        before = value
    axes.set_xlim(0, longest * _ROOM_FOR_LABEL)
    axes.set_xlabel(panel.unit)


def _draw_accuracy(axes: Axes, stairs: Sequence[Stair]) -> None:
    _prepare(axes, "Accuracy", stairs)
    measured = [
        (
            place,
            stair.recipe,
            100 * stair.accuracy,
            stair.accuracy_interval or (stair.accuracy,) * 2,
        )
        for place, stair in enumerate(stairs)
        if stair.accuracy is not None
    ]
    lowest = 100 * min(low for *_, (low, _) in measured)
    highest = 100 * max(high for *_, (_, high) in measured)
    room = (highest - lowest) or 1.0
    for place, recipe, value, (low, high) in measured:
        color = style.recipe_color(recipe)
        axes.plot([100 * low, 100 * high], [place, place], color=color, linewidth=2.2)
        axes.plot(value, place, "o", color=color, markersize=6)
        axes.text(highest + 0.06 * room, place, f"{value:.1f} %", va="center", fontsize=8.5)
    axes.set_xlim(lowest - 0.06 * room, highest + 0.3 * room)
    axes.set_xlabel("% top-1, line is the 95 % interval")


def _prepare(axes: Axes, title: str, stairs: Sequence[Stair]) -> None:
    names = [stair.step if place == 0 else f"+ {stair.step}" for place, stair in enumerate(stairs)]
    axes.set_facecolor("none")
    axes.tick_params(length=0)
    axes.set_title(title)
    axes.set_yticks(range(len(stairs)), [to_plot(name) for name in names])
    axes.set_ylim(len(stairs) - 0.5, -0.5)
    axes.locator_params(axis="x", nbins=_TICKS)
    axes.grid(axis="x")
