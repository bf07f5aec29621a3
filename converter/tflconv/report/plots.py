"""Plots of results, one function per figure: size, latency, CPU time, accuracy and others.

Each takes the runs on one device and returns a matplotlib figure, or None where nothing of it was
measured. Bars are grouped by model and labelled with recipe and value. The first line of a
docstring is also the description of the plot in an HTML report.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import NDArray

from tflconv.core import outputs, stats
from tflconv.core.files import write_bytes, write_text
from tflconv.core.text import to_plot
from tflconv.report import columns, style, sustained_plot, units
from tflconv.report.columns import Cell, DeviceRuns
from tflconv.results import Results

Bar = tuple[float, Cell]
"""A position on the vertical axis and the run that is drawn there."""
SHOWN_SAMPLES = 200
SHOWN_RUNS = 60
"""Runs that have a line or a strip of their own; of more, those of the lowest cost are drawn."""
_SHOWN_MODELS = 16
"""Models that a legend names; markers repeat long before."""
USUAL_RATE = 10.0
_ROW = 0.235
_ROOM_FOR_LABEL = 1.6
_SMALL_LETTERS = 62
"""Letters of small labels that fit into the width."""


@style.settled
def size(group: DeviceRuns) -> Figure | None:
    """Bytes of each file."""
    return _bars(group, "Size", lambda cell: cell.run.model.bytes / 1e6, "MB", _size_label)


@style.settled
def cpu(group: DeviceRuns) -> Figure | None:
    """CPU time per inference."""
    return _bars(
        group,
        "CPU use",
        lambda cell: cell.cpu.ms_per_inference if cell.cpu else None,
        "CPU ms per inference · % of one core at 10/s",
        _cpu_label,
    )


@style.settled
def instructions(group: DeviceRuns) -> Figure | None:
    """Instructions per inference."""
    return _bars(
        group,
        "Instructions per inference",
        lambda cell: cell.run.instructions.total / 1e6 if cell.run.instructions else None,
        f"million, {to_plot(group.device.name)}",
        _instructions_label,
    )


@style.settled
def latency(group: DeviceRuns) -> Figure | None:
    """Median latency, its 5th to 95th percentile, and the raw samples behind them."""
    cells = columns.cheapest([cell for cell in group.cells if cell.latency], SHOWN_RUNS)
    if not cells:
        return None
    drawn, axes, places = _rows(group, cells, "Latency")
    summaries = [cell.latency.summary for cell in cells if cell.latency]
    slowest = max(s["median"] for s in summaries)
    edge = style.edge(s["median"] for s in summaries)
    if edge == slowest:  # none is far beyond the others
        edge = min(max(max(s["p95"] for s in summaries), 1.2 * slowest), 2.5 * slowest)
    for height, cell in places:
        _draw_latency(axes, height, cell, edge)
        axes.text(edge * 1.05, height, _latency_label(cell), va="center", fontsize=8.5)
    axes.set_xlim(0, edge * _ROOM_FOR_LABEL)
    cut = any(s["p95"] > edge for s in summaries)
    reach = "p5 to p95 (arrow: beyond)" if cut else "line from p5 to p95"
    axes.set_xlabel(f"ms, {reach}, dots are samples", loc="right")
    return drawn


@style.settled
def accuracy(group: DeviceRuns) -> Figure | None:
    """Top-1 accuracy with its 95 % interval, and that of the reference as a line."""
    cells = columns.cheapest([cell for cell in group.cells if cell.run.accuracy], SHOWN_RUNS)
    if not cells:
        return None
    drawn, axes, places = _rows(group, cells, "Accuracy")
    for height, cell in places:
        _draw_accuracy(axes, height, cell)
    low, high = axes.get_xlim()
    axes.set_xlim(low, high + 0.22 * (high - low))
    for height, cell in places:
        label = f"{cell.run.accuracy.top1 * 100:.1f} %" if cell.run.accuracy else ""
        axes.text(high + 0.03 * (high - low), height, label, va="center", fontsize=8.5)
    axes.set_xlabel("% top-1, line is the 95 % interval")
    axes.set_xticks([tick for tick in axes.get_xticks() if low <= tick <= min(high, 100)])
    return drawn


@style.settled
def pareto(group: DeviceRuns) -> Figure | None:
    """Accuracy over cost, with the Pareto front as a line."""
    cells = [cell for cell in group.cells if cell.run.accuracy and columns.cost(cell)]
    if len(cells) < 2:
        return None
    drawn, axes = style.figure(3.6)
    shapes = style.markers([name for name, _ in group.models])
    by_dataset: dict[str | None, list[Cell]] = {}
    for cell in cells:
        by_dataset.setdefault(cell.run.model.dataset, []).append(cell)
    for members in by_dataset.values():
        _draw_front(axes, members)
    for cell in cells:
        _draw_point(axes, cell, shapes[group.title(cell)])
    _finish_pareto(axes, group, cells)
    _legend(drawn, group, cells)
    return drawn


@style.settled
def samples(group: DeviceRuns) -> Figure | None:
    """All latency samples in the order of measurement, which shows drifts and bursts."""
    cells = columns.cheapest([cell for cell in group.cells if cell.latency], SHOWN_RUNS)
    if not cells:
        return None
    drawn = style.empty_figure(0.46 * len(cells) + 0.5)
    strips = drawn.subplots(len(cells), 1, squeeze=False)[:, 0]
    for axes, cell in zip(strips, cells, strict=True):
        _draw_strip(axes, cell, group.title(cell))
    drawn.suptitle("Samples in order", x=0.01, ha="left", fontsize=10.5, weight="bold")
    return drawn


@style.settled
def sustained(group: DeviceRuns) -> Figure | None:
    """Latency over a sustained run, with clock and temperature; a triangle where it throttles."""
    cells = [cell for cell in group.cells if cell.run.conditions.sustained and cell.latency]
    cells = columns.cheapest(cells, SHOWN_RUNS)
    return sustained_plot.draw(group, cells) if cells else None


PLOTS: dict[str, Callable[[DeviceRuns], Figure | None]] = {
    "size": size,
    "latency": latency,
    "instructions": instructions,
    "cpu": cpu,
    "accuracy": accuracy,
    "pareto": pareto,
    "samples": samples,
    "sustained": sustained,
}


def write(results: Results, folder: Path) -> list[Path]:
    """Write all plots of all devices into a folder, as PNG and SVG, and return their paths."""
    outputs.try_folder(folder)
    written = []
    for group in columns.groups(results):
        device = "".join(c if c.isalnum() or c in "-_." else "-" for c in group.device.id[:100])
        for name, plot in PLOTS.items():
            drawn = plot(group)
            if drawn is not None:
                stem = folder / f"{device}-{name}"
                written.append(write_text(stem.with_name(f"{stem.name}.svg"), style.svg(drawn)))
                written.append(write_bytes(stem.with_name(f"{stem.name}.png"), style.png(drawn)))
    return written


def thin(values: Sequence[float], limit: int = SHOWN_SAMPLES) -> tuple[NDArray[np.int64], ...]:
    """Return indices and values of evenly spaced samples and of all outliers.

    Args:
        values: The samples.
        limit: Most samples of either kind.
    """
    array = np.asarray(values, dtype=np.float64)
    even = np.linspace(0, len(array) - 1, min(limit, len(array))).round().astype(int)
    indices = np.union1d(even, np.flatnonzero(stats.outliers(array))[:limit])
    return indices, array[indices]


def front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the Pareto front of points ``(cost, accuracy)``, by rising cost.

    Example:
        >>> front([(2.0, 0.9), (1.0, 0.8), (3.0, 0.85)])
        [(1.0, 0.8), (2.0, 0.9)]
    """
    best: list[tuple[float, float]] = []
    for cost, right in sorted(points, key=lambda point: (point[0], -point[1])):
        if not best or right > best[-1][1]:
            best.append((cost, right))
    return best


def _rows(group: DeviceRuns, cells: list[Cell], title: str) -> tuple[Figure, Axes, list[Bar]]:
    """Return axes with one line per run below the name of its model, first run on top."""
    places: list[Bar] = []
    headings: list[tuple[float, str]] = []
    line, drawable = 0.0, set(cells)
    for name, members in group.models:
        present = [cell for cell in members if cell in drawable]
        if present:
            headings.append((line, name))
            places += [(line - 1 - index, cell) for index, cell in enumerate(present)]
            line -= len(present) + 1.35
    drawn, axes = style.figure(_ROW * (-line + 0.6) + 0.75)
    room = style.LETTERS - max(len(cell.run.model.recipe) for _, cell in places)
    above = "figure" if any(len(name) > room for _, name in headings) else "axes"
    axes.set_yticks([h for h, _ in places], [to_plot(c.run.model.recipe) for _, c in places])
    for height, name in headings:
        axes.annotate(
            style.fitted(name),
            (0, height),
            (0, 0),
            (f"{above} fraction", "data"),
            "offset points",
            va="center",
            weight="bold",
            annotation_clip=False,
        )
    axes.set_ylim(line + 0.9, 0.6)
    axes.set_title(title)
    axes.grid(axis="x")
    return drawn, axes, places


def _bars(
    group: DeviceRuns,
    title: str,
    value: Callable[[Cell], float | None],
    unit: str,
    label: Callable[[Cell], str],
) -> Figure | None:
    cells = [cell for cell in group.cells if value(cell) is not None]
    cells = columns.cheapest(cells, SHOWN_RUNS)
    if not cells:
        return None
    drawn, axes, places = _rows(group, cells, title)
    longest = style.edge(value(cell) or 0 for cell in cells)
    for height, cell in places:
        width, color = value(cell) or 0, style.recipe_color(cell.run.model.recipe)
        shown = min(width, longest)
        axes.barh(height, shown, height=0.62, color=color)
        if width > longest:
            axes.plot(longest, height, ">", color=color, markersize=9)
        axes.text(shown + longest * 0.04, height, label(cell), va="center", fontsize=8.5)
    axes.set_xlim(0, longest * _room(places, label))
    axes.set_xlabel(unit, loc="right")
    return drawn


def _room(places: Sequence[Bar], label: Callable[[Cell], str]) -> float:
    """The length of the axis, in that of the longest bar, with which the labels behind bars fit."""
    widest = max(len(cell.run.model.recipe) for _, cell in places)
    letters = max(len(label(cell)) for _, cell in places)
    share = letters / max(_SMALL_LETTERS - widest, 1)
    return max(_ROOM_FOR_LABEL, 1.06 / (1 - min(share, 0.8)))


def _size_label(cell: Cell) -> str:
    text = units.size(cell.run.model.bytes)
    return text if cell.size_change is None else f"{text}  {units.change(cell.size_change)}"


def _cpu_label(cell: Cell) -> str:
    if cell.cpu is None:
        return ""
    text = units.milliseconds(cell.cpu.ms_per_inference)
    if cell.cpu.percent_at_rate is None or cell.cpu.rate_hz is None:
        return text
    rate = "" if cell.cpu.rate_hz == USUAL_RATE else f" at {cell.cpu.rate_hz:g}/s"
    return f"{text} · {units.significant(cell.cpu.percent_at_rate, 2)} %{rate}"


def _instructions_label(cell: Cell) -> str:
    counted = cell.run.instructions
    text = units.amount(counted.total) if counted else ""
    return text if cell.speedup is None else f"{text}  {units.factor(cell.speedup)}"


def _latency_label(cell: Cell) -> str:
    return units.milliseconds(cell.latency.median_ms) if cell.latency else ""


def _draw_latency(axes: Axes, height: float, cell: Cell, edge: float) -> None:
    if cell.latency is None:
        return
    color, summary = style.recipe_color(cell.run.model.recipe), cell.latency.summary
    _, values = thin([sample / 1e6 for sample in cell.latency.samples_ns])
    values = values[values <= edge]
    jitter = np.random.default_rng(0).uniform(-0.3, 0.3, len(values))
    axes.scatter(values, height + jitter, s=3, color=color, alpha=0.35, linewidths=0)
    ends, median = [min(summary[end], edge) for end in ("p5", "p95")], summary["median"]
    axes.plot(ends, [height, height], color=color, linewidth=2.2)
    if summary["p95"] > edge:
        style.arrow(axes, edge, height, units.significant(summary["p95"]), color)
    if median <= edge:
        axes.plot(median, height, "|", color=style.INK, markersize=9, markeredgewidth=1.6)


def _draw_accuracy(axes: Axes, height: float, cell: Cell) -> None:
    measured = cell.run.accuracy
    if measured is None:
        return
    color = style.recipe_color(cell.run.model.recipe)
    low, high = measured.interval
    axes.plot([low * 100, high * 100], [height, height], color=color, linewidth=2.2)
    axes.plot(measured.top1 * 100, height, "o", color=color, markersize=6)
    if measured.reference_correct is not None:
        reference = 100 * measured.reference_correct / measured.total
        axes.plot([reference] * 2, [height - 0.5, height + 0.5], color=style.MUTED, linewidth=0.9)


def _draw_front(axes: Axes, cells: list[Cell]) -> None:
    points = [
        (columns.cost(cell) or 0, cell.run.accuracy.top1 * 100)
        for cell in cells
        if cell.run.accuracy
    ]
    best = front(points)
    axes.step(*zip(*best, strict=True), where="post", color=style.MUTED, linewidth=1, zorder=1)


def _draw_point(axes: Axes, cell: Cell, marker: str) -> None:
    measured, cost = cell.run.accuracy, columns.cost(cell)
    if measured is None or cost is None:
        return
    color = style.recipe_color(cell.run.model.recipe)
    low, high = measured.interval
    axes.plot([cost] * 2, [low * 100, high * 100], color=color, linewidth=1, alpha=0.5)
    axes.plot(
        cost, measured.top1 * 100, marker, color=color, markersize=7.5, markeredgecolor="none"
    )


def _finish_pareto(axes: Axes, group: DeviceRuns, cells: list[Cell]) -> None:
    costs = [columns.cost(cell) or 0 for cell in cells]
    timed = cells[0].latency is not None
    if max(costs) > 20 * min(costs):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_xlim(0, max(costs) * 1.08)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}" if timed else units.amount(value))
    axes.set_title(f"Accuracy over {'latency' if timed else 'instructions'}")
    axes.set_xlabel(
        "median latency, ms" if timed else f"instructions, {to_plot(group.device.name)}"
    )
    axes.set_ylabel("% top-1")
    axes.grid()


def _legend(drawn: Figure, group: DeviceRuns, cells: list[Cell]) -> None:
    shapes = style.markers([name for name, _ in group.models])
    recipes = dict.fromkeys(cell.run.model.recipe for cell in cells)
    handles = [
        Line2D([], [], marker="s", linestyle="", color=style.recipe_color(r), label=style.fitted(r))
        for r in recipes
    ]
    handles += [
        Line2D([], [], marker=marker, linestyle="", color=style.MUTED, label=style.fitted(name))
        for name, marker in (shapes.items() if len(shapes) <= _SHOWN_MODELS else ())
    ]
    style.legend(drawn, handles, closer=True)


def _draw_strip(axes: Axes, cell: Cell, title: str) -> None:
    """Draw samples as dots; one far above all others is a triangle at the upper edge."""
    if cell.latency is None:
        return
    order, values = thin([sample / 1e6 for sample in cell.latency.samples_ns])
    summary, color = cell.latency.summary, style.recipe_color(cell.run.model.recipe)
    top = summary["p95"] + 0.8 * (summary["p95"] - summary["p5"])
    far = values > top
    axes.axhline(summary["median"], color=style.MUTED, linewidth=0.7)
    axes.plot(order[~far], values[~far], ".", color=color, markersize=3.2)
    beyond = axes.scatter(order[far], np.full(far.sum(), top), s=16, marker="^", color=color)
    beyond.set(clip_on=False, in_layout=False)
    axes.set_facecolor("none")
    room = top - min(values) or top
    axes.set(xticks=[], yticks=[], ylim=(min(values) - 0.08 * room, min(values) + room))
    median, most = units.significant(summary["median"]), units.significant(summary["max"])
    text = f"median {median}, max {most} ms"
    name = style.fitted(f"{title} {cell.run.model.recipe}", _SMALL_LETTERS - len(text))
    axes.set_title(name, fontsize=8, weight="normal", pad=5)
    axes.set_title(text, loc="right", fontsize=7.5, weight="normal", color=style.MUTED, pad=5)
