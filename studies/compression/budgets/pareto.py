"""Draw what the INT8 networks of CIFAR-10 cost and get right: ``pareto.svg`` beside this script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tflconv.core.files import write_text
from tflconv.report import plots, style

HERE = Path(__file__).parent
CORE = "cortex-a76"
STUDIES = ("students", "pruned", "budgets")
LABELLED = (
    "quarter-soft",
    "four128-soft",
    "mixed-whole",
    "vit96-2-patient",
    "cut35-soft-2",
    "cut20-w32-soft",
    "w64",
)


class Point(NamedTuple):
    """An INT8 file: millions of instructions, and the test pictures it gets right in percent."""

    name: str
    cost: float
    accuracy: float

    @property
    def transformer(self) -> bool:
        """Whether it is the vision transformer."""
        return self.name.startswith("vit")


def main() -> None:
    """Read what was recorded and write the picture."""
    write_text(HERE / "pareto.svg", style.svg(draw(read())))


def read() -> list[Point]:
    """Return all INT8 files of CIFAR-10 that were scored on the test pictures."""
    recorded = [
        json.loads((HERE.parent / study / "results.json").read_text(encoding="utf-8"))
        for study in STUDIES
    ]
    return [
        Point(name, one["instructions"][CORE] / 1e6, 100 * one["correct"] / one["total"])
        for networks in recorded
        for name, one in networks.items()
        if "right" in one and name != "teacher"
    ]


@style.settled
def draw(points: list[Point]) -> Figure:
    """Draw accuracy against instructions, and the line of the best."""
    drawn, axes = style.figure(3.6)
    best = plots.front([(point.cost, point.accuracy) for point in points])
    axes.step(*zip(*best, strict=True), where="post", color=style.MUTED, linewidth=1, zorder=1)
    for kind, marker, color in ((False, "o", "blue"), (True, "^", "vermilion")):
        of_kind = [point for point in points if point.transformer == kind]
        axes.plot(
            [point.cost for point in of_kind],
            [point.accuracy for point in of_kind],
            marker,
            color=style.OKABE_ITO[color],
            markersize=5,
            markeredgecolor=style.PAPER,
            markeredgewidth=0.6,
        )
    for point in points:
        if point.name in LABELLED:
            _label(axes, point)
    axes.set_xscale("log")
    axes.set_xticks([0.3, 1, 3, 10, 30], labels=["0.3", "1", "3", "10", "30"])
    axes.minorticks_off()
    axes.set_xlabel("million instructions of one inference, cortex-a76, emulated")
    axes.set_title("CIFAR-10 in INT8: test accuracy in percent")
    axes.grid(axis="both")
    return drawn


def _label(axes: Axes, point: Point) -> None:
    axes.annotate(
        point.name.removesuffix("-soft"),
        (point.cost, point.accuracy),
        xytext=(0, -11 if point.transformer else 6),
        textcoords="offset points",
        ha="left" if point.transformer else "right",
        fontsize=8,
        color=style.INK,
    )


if __name__ == "__main__":
    main()
