"""Plots of runs that are far apart, of one sample, and of long names: nothing is lost silently."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from fakes.rich_results import rich
from tflconv.report import columns, plots, style
from tflconv.results import BenchmarkRun, Results, SustainedSecond

LONG = "a_model_with_a_really_long_name_of_some_company_{}_version_2026_final"


def stretched(run: BenchmarkRun, factor: int) -> BenchmarkRun:
    """The run of a file that is ``factor`` times as large and as slow."""
    latency, cpu, counted = run.latency, run.cpu, run.instructions
    return replace(
        run,
        model=replace(run.model, bytes=run.model.bytes * factor),
        latency=latency
        and replace(latency, samples_ns=tuple(factor * each for each in latency.samples_ns)),
        cpu=cpu and replace(cpu, ms_per_inference=cpu.ms_per_inference * factor),
        instructions=counted and replace(counted, total=counted.total * factor),
    )


def drawn(runs: list[BenchmarkRun]) -> Iterator[tuple[str, Figure]]:
    for group in columns.groups(Results(runs=tuple(runs))):
        for name, plot in plots.PLOTS.items():
            if (figure := plot(group)) is not None:
                FigureCanvasAgg(figure).draw()
                yield f"{group.device.kind} {name}", figure


def outside(figure: Figure) -> list[str]:
    """Texts that end beyond the figure; labels of the axis below are not drawn there."""
    texts = [each for legend in figure.legends for each in legend.get_texts()]
    for axes in figure.axes:
        texts += [*axes.texts, axes.xaxis.label, *axes.get_yticklabels()]
        texts += [axes.title, axes._left_title, axes._right_title]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text()]
    return [name for name, box in boxes if box.x1 > figure.bbox.width + 2 or box.x0 < -2]


def arrows(figure: Figure) -> int:
    return sum(line.get_marker() in (">", "^") for axes in figure.axes for line in axes.lines)


def test_one_of_a_thousand_times_does_not_hide_the_others() -> None:
    runs = [stretched(run, 1000) if i % 5 == 2 else run for i, run in enumerate(rich().runs)]
    for name, figure in drawn(runs):
        assert outside(figure) == [], name
        if name.endswith(("size", "latency", "instructions", "cpu")):
            assert arrows(figure) > 0, name
            (axes,) = figure.axes
            assert axes.get_xlim()[1] < 60, name


def test_bars_of_one_size_are_whole() -> None:
    assert [name for name, figure in drawn(list(rich().runs)) if arrows(figure)] == []


@pytest.mark.parametrize("length", [1, 2])
def test_thirty_long_names_stay_within(length: int) -> None:
    runs = [
        replace(run, model=replace(run.model, name=LONG.format("x" * n) * length, baseline=None))
        for n, run in enumerate(rich().runs[:12])
    ]
    for name, figure in drawn(runs):
        assert outside(figure) == [], name


def test_one_sample_is_drawn_without_a_warning() -> None:
    run = rich().runs[0]
    assert run.latency is not None
    second = SustainedSecond(at_s=0.0, runs=1, median_ms=1.0, mhz=(2000.0,))
    latency = replace(run.latency, samples_ns=run.latency.samples_ns[:1])
    conditions = replace(run.conditions, sustained=(second,))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = dict(drawn([replace(run, latency=latency, conditions=conditions)]))
    (line,) = found["host sustained"].axes[0].lines
    assert line.get_marker() == "."


def test_a_second_of_a_thousand_times_ends_in_an_arrow() -> None:
    seconds = [
        SustainedSecond(at_s=float(at), runs=9, median_ms=1000.0 if at == 7 else 1.0)
        for at in range(20)
    ]
    run = rich().runs[0]
    conditions = replace(run.conditions, sustained=tuple(seconds))
    figure = dict(drawn([replace(run, conditions=conditions)]))["host sustained"]
    assert arrows(figure) == 1
    assert figure.axes[0].get_ylim()[1] < 2
    assert "1000" in [text.get_text() for text in figure.findobj(Text)]


def test_lines_are_cut_only_where_most_are_far_shorter() -> None:
    assert style.edge([1, 20, 400]) == 400
    assert style.edge([1, 1000]) == 1000
    assert style.edge([1, 1000, 1100]) == 1100
    assert style.edge([1, 2, 1000, 900, 3, 2]) == pytest.approx(3.3)
    assert style.edge([0, 0, 5]) == 5
    assert style.edge([]) == 0
