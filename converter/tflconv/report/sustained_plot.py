"""The plot of sustained runs: latency over minutes, and below it clock and temperature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tflconv.report import style, units
from tflconv.report.columns import Cell, DeviceRuns
from tflconv.results import endurance

_LINES = ["-", "--", ":", "-."]
_IN_MINUTES = 180.0
"""Seconds from which on the axis has minutes."""


class _Points(NamedTuple):
    """Seconds since the start, and a value at each."""

    at_s: Sequence[float]
    values: Sequence[float]


def _latency(cell: Cell) -> _Points:
    seconds = cell.run.conditions.sustained or ()
    return _Points([s.at_s for s in seconds], [s.median_ms for s in seconds])


def _clock(cell: Cell) -> _Points:
    seconds = [s for s in cell.run.conditions.sustained or () if any(s.mhz)]
    return _Points([s.at_s for s in seconds], [max(s.mhz) for s in seconds])


def _heat(cell: Cell) -> _Points:
    readings = [(m.at_s, m.hottest) for m in cell.run.conditions.trace or ()]
    measured = [(at, degrees) for at, degrees in readings if degrees is not None]
    return _Points([at for at, _ in measured], [degrees for _, degrees in measured])


_PANELS: tuple[tuple[str, Callable[[Cell], _Points], float], ...] = (
    ("median per second, ms", _latency, 2.2),
    ("fastest clock, MHz", _clock, 1.0),
    ("hottest sensor, °C", _heat, 1.0),
)
"""What each panel shows, and its height; one of which nothing is known is left out."""


def draw(group: DeviceRuns, cells: Sequence[Cell]) -> Figure:
    """Return the plot of the sustained runs in ``cells``, which are those of ``group``."""
    panels = [panel for panel in _PANELS if any(panel[1](cell).at_s for cell in cells)]
    heights = [height for _, _, height in panels]
    drawn = style.empty_figure(1.0 + sum(heights))
    rows = drawn.subplots(len(panels), 1, squeeze=False, sharex=True, height_ratios=heights)[:, 0]
    names = [name for name, _ in group.models]
    lines = {name: _LINES[number % len(_LINES)] for number, name in enumerate(names)}
    longest = max(_latency(cell).at_s[-1] for cell in cells)
    unit, scale = ("minutes", 60.0) if longest >= _IN_MINUTES else ("seconds", 1.0)
    for axes, (label, points, _) in zip(rows, panels, strict=True):
        for cell in cells:
            _draw_line(axes, group, cell, points(cell), lines[group.title(cell)], scale)
        axes.set_ylabel(label, fontsize=8)
        axes.set_facecolor("none")
        axes.tick_params(length=0)
        axes.grid()
    highest = style.edge(value for cell in cells for value in _latency(cell).values)
    for cell in cells:
        _mark_throttling(rows[0], cell, scale)
        _mark_beyond(rows[0], cell, highest, scale)
    beyond = any(max(_latency(cell).values) > highest for cell in cells)
    rows[0].set_ylim(0, highest if beyond else None)
    rows[0].set_title("Sustained")
    rows[-1].set_xlabel(unit)
    drawn.legend(
        *rows[0].get_legend_handles_labels(), loc="outside lower left", ncols=1
    )  # one entry per run, not one per panel
    return drawn


def _draw_line(
    axes: Axes, group: DeviceRuns, cell: Cell, points: _Points, line: str, scale: float
) -> None:
    axes.plot(
        [at / scale for at in points.at_s],
        points.values,
        line,
        color=style.recipe_color(cell.run.model.recipe),
        marker="." if len(points.at_s) == 1 else None,
        label=style.fitted(f"{group.title(cell)} {cell.run.model.recipe}"),
    )


def _mark_beyond(axes: Axes, cell: Cell, highest: float, scale: float) -> None:
    """Put an arrow with the number at the upper edge where latency is slowest beyond it."""
    at_s, values = _latency(cell)
    slowest = max(values)
    if slowest > highest:
        color, place = (
            style.recipe_color(cell.run.model.recipe),
            at_s[values.index(slowest)] / scale,
        )
        (mark,) = axes.plot(place, highest, "^", color=color, markersize=6)
        mark.set_clip_on(False)
        axes.annotate(
            units.significant(slowest), (place, highest), (6, -4), textcoords="offset points",
            fontsize=6.5, color=color,
        )  # fmt: skip


def _mark_throttling(axes: Axes, cell: Cell, scale: float) -> None:
    """Put a triangle where latency leaves the peak for good."""
    endured = endurance.of(cell.run.conditions.sustained or ())
    if endured is not None and endured.throttled_at_s is not None:
        color = style.recipe_color(cell.run.model.recipe)
        axes.scatter(
            endured.throttled_at_s / scale, endured.held_ms, s=28, marker="v", color=color, zorder=3
        )
