"""What notebooks show: drawings and tables of recorded results, and what is refused."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from fakes.rich_results import rich
from tflconv import results
from tflconv.errors import UsageError
from tflconv.report import across, gallery, matrix, summary
from tflconv.results import Instructions, Latency, Results

STUDIES = Path(__file__).parents[2] / "studies"
ARM64 = results.load(STUDIES / "mobile-vit" / "int8-vit" / "arm64.json")
HOST = results.load(STUDIES / "mobile-vit" / "int8-vit" / "host.json")
CORES = results.load(STUDIES / "emulated-phone" / "results.json")
BOTH = results.merge([ARM64, HOST])


@pytest.mark.parametrize(
    "draw", [gallery.size, gallery.instructions, gallery.accuracy, gallery.pareto]
)
def test_a_drawing_is_an_svg(draw: Callable[[Results], gallery.Shown]) -> None:
    drawn = draw(ARM64)
    assert isinstance(drawn, gallery.Drawing)
    assert str(drawn._repr_svg_()).startswith("<?xml")
    assert drawn._repr_png_() is None


def test_a_drawing_of_many_marks_is_a_picture() -> None:
    drawn = gallery.latency(HOST)
    assert isinstance(drawn, gallery.Drawing)
    assert str(drawn._repr_png_())[2:].startswith(repr(b"\x89PNG")[2:-1])
    assert drawn._repr_svg_() is None


def test_what_was_not_measured_is_said() -> None:
    assert gallery.latency(ARM64) is gallery.NOTHING
    assert gallery.kinds(HOST) is gallery.NOTHING


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown device 'phone'"):
        gallery.size(ARM64, "phone")
    with pytest.raises(UsageError, match=r"no run 'vit int9'\. There are: vit fp32"):
        gallery.kinds(ARM64, ["vit int9"])
    with pytest.raises(UsageError, match="no run of 'vti'"):
        gallery.devices(ARM64, "vti")


def test_a_staircase_has_a_stair_per_step_and_says_what_changed() -> None:
    drawn = str(gallery.staircase(rich())._repr_svg_())  # type: ignore[union-attr]
    for word in ("fp32", "+ channels50", "+ qat and static_wi8_ai8", "Size", "Accuracy", "−"):
        assert word in drawn, word
    counted = gallery.staircase(rich(), device="arm64:cortex-a76")
    assert "Instructions per inference" in str(counted._repr_svg_())  # type: ignore[union-attr]
    assert gallery.staircase(ARM64) is gallery.NOTHING
    with pytest.raises(UsageError, match="unknown device 'phone'"):
        gallery.staircase(rich(), device="phone")
    with pytest.raises(UsageError, match=r"unknown recipe .*\nDid you mean channels50_qat"):
        gallery.staircase(rich(), "channels50_static_wi8_ai8")


def test_kinds_add_up_to_all_instructions() -> None:
    for run in ARM64.runs:
        assert run.instructions
        assert sum(across.shares(run).values()) == run.instructions.total
    drawn = gallery.kinds(ARM64, ["vit fp32"])
    assert isinstance(drawn, gallery.Drawing)
    assert str(drawn._repr_svg_()).count("products") == 1


def test_a_counter_that_knows_no_kinds_is_one_bar() -> None:
    (run,) = across.select(ARM64, ["vit fp32"]).runs
    assert run.instructions
    total = run.instructions.total
    plain = replace(run, instructions=Instructions(total=total, source="perf_event"))
    assert across.shares(plain) == {"not told apart": total}
    drawn = gallery.kinds(Results(runs=(plain,)))
    assert isinstance(drawn, gallery.Drawing)
    assert "products" not in str(drawn._repr_svg_())


def test_devices_stand_side_by_side_whatever_they_measure() -> None:
    drawn = str(gallery.devices(BOTH, "vit_int8")._repr_svg_())
    assert "qemu cortex-a76, instructions" in drawn
    assert ", latency" in drawn


def test_tables_across_devices() -> None:
    assert "| vit | static_wi8_ai8 | 0.61× |" in matrix.gains(ARM64)
    header = matrix.outputs(CORES).splitlines()[0]
    assert header.count("qemu") >= 3
    assert "same bits" in matrix.outputs(CORES)
    assert "| vit_int8 static_wi8_ai8 | 1 | none |" in matrix.built_in(ARM64)


def test_the_summary_has_a_row_per_file_and_both_devices_in_it() -> None:
    text = summary.to_markdown(BOTH)
    table, notes = text.split("\n\n")
    header, _, *lines = table.splitlines()
    assert header.endswith("| arm64 instructions | times fewer | partitions | latency here |")
    assert len(lines) == len(ARM64.runs)
    assert "| vit_int8 | static_wi8_ai8 |" in lines[-1]
    assert "–" not in lines[-1].split("|")[6]
    assert len(notes.splitlines()) == 1
    assert summary.to_markdown(ARM64).splitlines()[0].endswith("partitions |")


def test_pictures_are_drawn_in_rows() -> None:
    images = np.zeros((23, 8, 8, 1), np.uint8)
    assert gallery.pictures(images)._repr_png_()
    assert gallery.pictures(np.zeros((3, 8, 8, 3), np.uint8), per_row=3)._repr_png_()


def test_no_word_of_a_figure_is_cut_or_meets_another_below() -> None:
    """Widths are those of the font that figures are laid out with, wider than a browser's."""
    demo = results.load(STUDIES / "demo" / "results.json")
    drawn = [
        *(draw(demo) for draw in (gallery.size, gallery.cpu, gallery.accuracy, gallery.pareto)),
        gallery.devices(results.merge([CORES, demo]), "mobilenet_v2"),
        gallery.kinds(ARM64),
        gallery.staircase(rich()),
        gallery.staircase(tiny(rich())),
    ]
    figures = [each.figure for each in drawn if isinstance(each, gallery.Drawing)]
    assert len(figures) == len(drawn)
    for figure in figures:
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        below = [shown(axes) for axes in figure.axes]
        ticks = {tick.label1 for axes in figure.axes for tick in axes.xaxis.get_major_ticks()}
        words = set(figure.findobj(Text)) - ticks | {label for labels in below for label in labels}
        boxes = {text: text.get_window_extent(canvas.get_renderer()) for text in words}
        for text, box in boxes.items():
            if text.get_visible() and text.get_text():
                assert box.x0 >= -1, text.get_text()
                assert box.x1 <= figure.bbox.width + 1, text.get_text()
        for labels in below:
            assert all(boxes[one].x1 < boxes[two].x0 for one, two in itertools.pairwise(labels))


def shown(axes: Axes) -> list[Text]:
    """The numbers below a panel, but those of marks beyond its ends."""
    low, high = axes.get_xlim()
    ticks = axes.xaxis.get_major_ticks() if axes.xaxis.get_visible() else []
    return [tick.label1 for tick in ticks if low <= tick.get_loc() <= high]


def tiny(found: Results) -> Results:
    """The same runs of a network that takes a few microseconds, whose numbers are long."""
    return replace(
        found,
        runs=tuple(
            run
            if run.latency is None
            else replace(
                run, latency=Latency(samples_ns=tuple(2400 + 7600 * (n % 2) for n in range(9)))
            )
            for run in found.runs
        ),
    )
