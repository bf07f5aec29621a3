"""Plots that look across runs: instructions by kind, and one model on several devices."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from tflconv.core.text import to_plot
from tflconv.errors import UsageError
from tflconv.report import columns, style, units
from tflconv.report.columns import Cell
from tflconv.results import BenchmarkRun, Results

KINDS = {
    "products": style.OKABE_ITO["blue"],
    "other vector arithmetic": style.OKABE_ITO["sky"],
    "loads and stores": style.OKABE_ITO["yellow"],
    "one number at a time, and control": style.OKABE_ITO["vermilion"],
    "not told apart": style.NEUTRAL,
}
"""Kinds of instructions: ``sdot``, ``fmla`` and ``smull`` are the products. A processor's own
counter does not tell kinds apart."""

_DEVICES = list(style.OKABE_ITO.values())


def shares(run: BenchmarkRun) -> dict[str, float]:
    """Return the instructions of one inference by ``KINDS``; empty where none were counted."""
    counted = run.instructions
    if counted is None:
        return {}
    if counted.simd is None or counted.memory is None:
        return {"not told apart": counted.total}
    products = (counted.sdot or 0) + (counted.fmla or 0) + (counted.smull or 0)
    rest = counted.total - counted.simd - counted.memory
    parts = (products, counted.simd - products, counted.memory, rest)
    return dict(zip(KINDS, parts, strict=False))


@style.settled
def kinds(results: Results) -> Figure:
    """Instructions per inference by kind, one bar per run.

    Raises:
        UsageError: No run has counted instructions.
    """
    runs = [run for run in results.runs if shares(run)]
    if not runs:
        raise UsageError("no run of these results has counted instructions.")
    drawn, axes = style.figure(0.9 + 0.42 * len(runs))
    several = len({run.device.id for run in runs}) > 1
    for height, run in enumerate(runs):
        left = 0.0
        for kind, count in shares(run).items():
            axes.barh(height, count / 1e6, 0.62, left / 1e6, color=KINDS[kind])
            left += count
        axes.text(left / 1e6, height, f" {units.amount(left)}", va="center", fontsize=8.5)
    axes.set_yticks(range(len(runs)), [_title(run, several=several) for run in runs])
    axes.invert_yaxis()
    axes.margins(x=0.2)
    axes.set_title("Million instructions")
    shown = dict.fromkeys(kind for run in runs for kind in shares(run))
    handles = [Patch(color=KINDS[kind], label=kind) for kind in shown]
    style.legend(drawn, handles)
    return drawn


@style.settled
def devices(results: Results, model: str) -> Figure:
    """Cost of each recipe of ``model`` on every device, as a share of the first recipe's there.

    Latency is the cost where a device has a clock, instructions where it is emulated, so devices
    of both kinds can stand side by side.

    Raises:
        UsageError: No run of the model has a cost.
    """
    by_device = _costs(results, model)
    if not by_device:
        raise UsageError(f"no run of '{model}' has latency or instructions.")
    recipes = list(dict.fromkeys(recipe for costs in by_device.values() for recipe in costs))
    drawn, axes = style.figure(0.9 + 0.2 * len(recipes) * (len(by_device) + 1))
    for index, (costs, color) in enumerate(zip(by_device.values(), _DEVICES * 9, strict=False)):
        whole = next(iter(costs.values()))
        for recipe, cost in costs.items():
            height = recipes.index(recipe) * (len(by_device) + 1) + index
            axes.barh(height, 100 * cost / whole, 0.8, color=color)
            axes.text(100 * cost / whole, height, f" {100 * cost / whole:.0f}", va="center")
    middle = (len(by_device) - 1) / 2
    places = [place * (len(by_device) + 1) + middle for place in range(len(recipes))]
    axes.set_yticks(places, [to_plot(recipe) for recipe in recipes])
    axes.invert_yaxis()
    axes.margins(x=0.14)
    # so many marks at any width, or one comes to stand at the edge once all is laid out
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2.5, 5, 10]))
    axes.set_title(to_plot(f"{model}: cost in % of {recipes[0]}"))
    handles = [
        Patch(color=c, label=to_plot(n)) for n, c in zip(by_device, _DEVICES * 9, strict=False)
    ]
    style.legend(drawn, handles)
    return drawn


def select(results: Results, names: Sequence[str]) -> Results:
    """Return the runs that are called ``MODEL RECIPE``, in the order of ``names``.

    Raises:
        UsageError: There is no such run.

    Example:
        >>> select(Results(), [])
        Results(no runs)
    """
    named = {f"{run.model.name} {run.model.recipe}": run for run in results.runs}
    missing = [name for name in names if name not in named]
    if missing:
        raise UsageError(f"no run '{missing[0]}'. There are: {', '.join(named) or 'none'}.")
    return Results(runs=tuple(named[name] for name in names), context=results.context)


def _costs(results: Results, model: str) -> dict[str, dict[str, float]]:
    """Cost by device and recipe."""
    by_device: dict[str, dict[str, float]] = {}
    for group in columns.groups(results):
        cells = [cell for cell in group.cells if cell.run.model.name == model]
        costs = {cell.run.model.recipe: cost for cell in cells if (cost := columns.cost(cell))}
        if costs:
            by_device[f"{group.device.name}, {_unit(cells[0])}"] = costs
    return by_device


def _unit(cell: Cell) -> str:
    return "instructions" if cell.latency is None else "latency"


def _title(run: BenchmarkRun, *, several: bool) -> str:
    device = f", {run.device.name}" if several else ""
    return to_plot(f"{run.model.name} {run.model.recipe}{device}")
