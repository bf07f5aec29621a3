"""Draw what files of products cost and get right, and what each step of a recipe did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tables import INT8, WHOLE, Files, read

from tflconv.core import stats
from tflconv.report import plots, staircase_plot, style
from tflconv.report.staircase import Stair, Staircase

HERE = Path(__file__).parent
CORE = "arm64:cortex-a76"
NETWORKS = {"resnet": ("ResNet-20", "o", "blue"), "mobilenet_v2": ("MobileNetV2", "^", "vermilion")}


class Point(NamedTuple):
    """A file: millions of instructions, and the test pictures it gets right in percent."""

    cost: float
    accuracy: float


Panel = Mapping[str, list[Point]]


def products() -> Mapping[str, Panel]:
    """Return the files of both networks of each set."""
    found = zip(("Fashion-MNIST", "clothing"), read(HERE / "measured.json"), strict=True)
    return {
        title: {name: _points(networks[name]) for name in NETWORKS} for title, networks in found
    }


@style.settled
def pareto(panels: Mapping[str, Panel]) -> Figure:
    """Draw each set's files, and the line of the best."""
    drawn = style.empty_figure(3.1 * len(panels))
    grid = drawn.subplots(len(panels), 1, squeeze=False, sharex=True)[:, 0]
    for axes, (title, panel) in zip(grid, panels.items(), strict=True):
        _draw(axes, panel)
        axes.set_title(f"{title}: test accuracy in percent")
    grid[0].legend(loc="lower right")
    grid[-1].set_xlabel("million instructions of one inference, cortex-a76, emulated")
    return drawn


def staircase(network: str, recipe: str) -> Figure:
    """Draw size, instructions and accuracy after each step of a recipe, on Fashion-MNIST."""
    files = read(HERE / "measured.json")[0][network]
    stairs = tuple(
        _stair(files, name, step) for name, step in _chain(recipe, files) if name in files
    )
    found = Staircase(model=network, dataset="fashion-mnist", device=CORE, stairs=stairs)
    return staircase_plot.draw(found)


def _chain(recipe: str, files: Files) -> Iterator[tuple[str, str]]:
    """Files from the whole one to that of the recipe, each with its last step."""
    steps = recipe.removesuffix(f"_{INT8}").split("_")
    yield WHOLE, WHOLE
    for count in range(1, len(steps) + 1):
        yield f"{'_'.join(steps[:count])}_{WHOLE}", steps[count - 1]
    has_float = f"{'_'.join(steps)}_{WHOLE}" in files
    yield recipe, INT8 if has_float else f"{steps[-1]} and {INT8}"


def _stair(files: Files, name: str, step: str) -> Stair:
    one = files[name]
    return Stair(
        step=step,
        slug=name,
        recipe=name,
        bytes=one["bytes"],
        accuracy=one["correct"] / one["total"],
        accuracy_interval=stats.wilson(one["correct"], one["total"]),
        instructions=one["instructions"],
    )


def _points(files: Files) -> list[Point]:
    return [
        Point(one["instructions"] / 1e6, 100 * one["correct"] / one["total"])
        for one in files.values()
    ]


def _draw(axes: Axes, panel: Panel) -> None:
    best = plots.front([point for points in panel.values() for point in points])
    axes.step(*zip(*best, strict=True), where="post", color=style.MUTED, linewidth=1, zorder=1)
    for name, (label, marker, color) in NETWORKS.items():
        axes.plot(
            *zip(*panel[name], strict=True),
            marker,
            label=label,
            color=style.OKABE_ITO[color],
            markersize=5,
            markeredgecolor=style.PAPER,
            markeredgewidth=0.6,
        )
    axes.set_xscale("log")
    axes.set_xticks([0.3, 1, 3, 10, 30], labels=["0.3", "1", "3", "10", "30"])
    axes.minorticks_off()
    axes.grid(axis="both")
