"""What a notebook shows: ``gallery.latency(results)`` as the last line of a cell draws it.

Every function takes results and returns something that Jupyter can show. Of several devices the
first is drawn, or the one that ``device`` names. What was not measured is said, so that a notebook
runs to its end on results of any device.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from tflconv.errors import unknown
from tflconv.report import across, columns, export, matrix, plots, staircase_plot, style
from tflconv.report import staircase as staircases
from tflconv.report.columns import DeviceRuns
from tflconv.results import Results


@dataclass(frozen=True)
class Drawing:
    """A figure that Jupyter shows: as SVG, or as PNG where it has thousands of marks."""

    figure: Figure
    many_marks: bool = False

    def _repr_svg_(self) -> str | None:
        return None if self.many_marks else style.svg(self.figure)

    def _repr_png_(self) -> bytes | None:
        return _in_few_colours(style.png(self.figure)) if self.many_marks else None


@dataclass(frozen=True)
class MarkdownText:
    """Markdown that Jupyter shows."""

    markdown: str

    def _repr_markdown_(self) -> str:
        return self.markdown


Shown = Drawing | MarkdownText
NOTHING = MarkdownText("Nothing of this was measured there.")


def table(results: Results) -> MarkdownText:
    """Return one table per device, with what there is to say below it."""
    return MarkdownText(export.to_markdown(results))


def size(results: Results, device: str | None = None) -> Shown:
    """Draw the bytes of each file."""
    return _of(plots.size, results, device)


def latency(results: Results, device: str | None = None) -> Shown:
    """Draw median latency, its 5th to 95th percentile, and samples."""
    return _of(plots.latency, results, device, many_marks=True)


def cpu(results: Results, device: str | None = None) -> Shown:
    """Draw CPU time per inference."""
    return _of(plots.cpu, results, device)


def instructions(results: Results, device: str | None = None, runs: Sequence[str] = ()) -> Shown:
    """Draw instructions per inference.

    Args:
        results: What was measured.
        device: The device; by default the first.
        runs: Some of the runs, as ``MODEL RECIPE``; by default all.

    Returns:
        The drawing, or a note where nothing was counted.

    Raises:
        UsageError: There is no such device or run.
    """
    chosen = across.select(results, runs) if runs else results
    return _of(plots.instructions, chosen, device)


def accuracy(results: Results, device: str | None = None) -> Shown:
    """Draw accuracy with its 95 % interval."""
    return _of(plots.accuracy, results, device)


def pareto(results: Results, device: str | None = None) -> Shown:
    """Draw accuracy over cost, with what no other file beats in both."""
    return _of(plots.pareto, results, device)


def kinds(results: Results, runs: Sequence[str] = ()) -> Shown:
    """Draw instructions by kind; ``runs`` names some as ``MODEL RECIPE``, by default all."""
    chosen = across.select(results, runs) if runs else results
    counted = any(run.instructions for run in chosen.runs)
    return Drawing(across.kinds(chosen)) if counted else NOTHING


def devices(results: Results, model: str) -> Drawing:
    """Draw the cost of each recipe of ``model`` on every device, side by side."""
    return Drawing(across.devices(results, model))


def staircase(results: Results, recipe: str | None = None, device: str | None = None) -> Shown:
    """Draw what each step of a recipe changed.

    The recipes between must have been measured: ``fp32``, ``channels50_fp32`` and
    ``channels50_qat_static_wi8_ai8`` are the staircase of the last of them.

    Args:
        results: What was measured.
        recipe: The recipe that ends the staircase; by default the one with most steps.
        device: The device, as in ``adb:SERIAL``; by default any.

    Returns:
        The drawing, or a note where there is no staircase.

    Raises:
        UsageError: There is no such device, or no staircase of such a recipe.
    """
    device_ids = [group.device.id for group in columns.groups(results)]
    if device is not None and device not in device_ids:
        raise unknown("device", device, device_ids)
    of_device = [each for each in staircases.of(results) if device in (None, each.device)]
    finals = sorted({each.final.recipe for each in of_device})
    if recipe is not None and finals and recipe not in finals:
        raise unknown("recipe with a staircase", recipe, finals)
    chosen = [each for each in of_device if recipe in (None, each.final.recipe)]
    longest = max(chosen, key=lambda each: len(each.stairs), default=None)
    return NOTHING if longest is None else Drawing(staircase_plot.draw(longest))


def gains(results: Results) -> MarkdownText:
    """Return how many times less each file costs than its baseline, with a column per device."""
    return MarkdownText(matrix.gains(results))


def outputs(results: Results) -> MarkdownText:
    """Return how far outputs are from this computer's, with a column per device."""
    return MarkdownText(matrix.outputs(results))


def built_in(results: Results, runs: Sequence[str] = ()) -> MarkdownText:
    """Return partitions, and which operators XNNPACK left to built-in kernels."""
    return MarkdownText(matrix.built_in(across.select(results, runs) if runs else results))


def pictures(images: NDArray[np.uint8], per_row: int = 10) -> Drawing:
    """Draw the first pictures, at most five rows of them."""
    shown = images[: 5 * per_row]
    count = -(-len(shown) // per_row)
    drawn = style.empty_figure(0.45 * count)
    grid = drawn.subplots(count, per_row, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, image in zip(grid.flat, shown, strict=False):
        grey = image.shape[-1] == 1
        axes.imshow(image[..., 0] if grey else image, cmap="gray_r" if grey else None)
    return Drawing(drawn, many_marks=True)


def _in_few_colours(png: bytes) -> bytes:
    """Make a picture small, so that a notebook that keeps it stays small."""
    stream = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").quantize(96).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _of(
    plot: Callable[[DeviceRuns], Figure | None],
    results: Results,
    device: str | None,
    many_marks: bool = False,
) -> Shown:
    groups = {group.device.id: group for group in columns.groups(results)}
    if device is not None and device not in groups:
        raise unknown("device", device, list(groups))
    chosen = list(groups.values()) if device is None else [groups[device]]
    drawn = next((figure for group in chosen if (figure := plot(group))), None)
    return NOTHING if drawn is None else Drawing(drawn, many_marks)
