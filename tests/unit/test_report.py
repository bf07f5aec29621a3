"""What a report may say and show, beyond the words that the golden files hold."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tflconv import results
from tflconv.cli.report import command
from tflconv.report import columns, export, findings, method, plots, style, tables, units
from tflconv.report.html import to_html
from tflconv.results import (
    BenchmarkRun,
    Conditions,
    EmulatedInstructions,
    Instructions,
    Results,
    SustainedSecond,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "report" / "results.json"


@pytest.fixture(scope="module")
def fixture() -> Results:
    return results.load(GOLDEN)


def on(fixture: Results, kind: str) -> Results:
    return replace(fixture, runs=tuple(r for r in fixture.runs if r.device.kind == kind))


def changed(run: BenchmarkRun, **changes: object) -> columns.DeviceRuns:
    (group,) = columns.groups(Results(runs=(replace(run, **changes),)))  # type: ignore[arg-type]
    return group


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.02134, "0.0213"), (1.2, "1.20"), (486.4, "486"), (12345.0, "12300"), (9.996, "10.0"),
     (0, "0"), (-1.5, "−1.50")],
)  # fmt: skip
def test_three_significant_digits(value: float, text: str) -> None:
    assert units.significant(value) == text


@given(st.floats(1e-6, 1e9))
def test_significant_digits_lose_at_most_half_a_step(value: float) -> None:
    assert float(units.significant(value)) == pytest.approx(value, rel=0.0051)


@pytest.mark.parametrize(
    ("count", "text"),
    [(999, "999 B"), (1000, "1.00 KB"), (630_288, "630 KB"), (999_700, "1.00 MB")],
)
def test_sizes_are_decimal(count: int, text: str) -> None:
    assert units.size(count) == text


def test_no_output_shows_an_emulators_latency(fixture: Results) -> None:
    timed = on(fixture, "host").runs[0]
    emulated = on(fixture, "emulator").runs[0]
    run = replace(emulated, latency=timed.latency, cpu=timed.cpu, memory=timed.memory)
    found = Results(runs=(run,))
    (group,) = columns.groups(found)
    keys = {column.key for column in columns.shown(group)}
    assert keys.isdisjoint({"latency", "spread", "cpu", "cpu_at_rate", "memory"})
    assert "instructions" in keys
    numbers = columns.numbers(group.cells[0])
    assert numbers["latency_median_ms"] is numbers["cpu_ms"] is numbers["peak_memory_bytes"] is None
    assert plots.latency(group) is plots.cpu(group) is plots.samples(group) is None
    assert " ms" not in export.to_markdown(found)


def test_speed_and_change_are_against_the_baseline_of_the_device(fixture: Results) -> None:
    (group,) = columns.groups(on(fixture, "emulator"))
    by_recipe = {c.run.model.recipe: c for c in group.cells if c.run.model.name == "fixture_cnn"}
    assert by_recipe["fp32"].speedup is by_recipe["fp32"].size_change is None
    assert by_recipe["static_wi8_ai8"].speedup == pytest.approx(740 / 402)
    assert by_recipe["static_wi8_ai8"].size_change == pytest.approx(63 / 164 - 1)


def test_the_same_words_of_several_runs_are_said_once(fixture: Results) -> None:
    runs = tuple(
        replace(run, verdict="noisy", reasons=(f"the runs got {share} % of a core",))
        for run, share in zip(on(fixture, "host").runs[:4], (35, 27, 30, 27), strict=True)
    )
    (group,) = columns.groups(Results(runs=runs))
    said = next(f for f in findings.of(group) if f.text.startswith("noisy"))
    assert said.subject == "all"
    assert said.severe
    assert said.text == (
        "noisy: the runs got 27 to 35 % of a core. Close other programs and measure again."
    )


def test_names_with_digits_are_no_numbers(fixture: Results) -> None:
    texts = ("use recipe static_wi8_ai8 on arm64:cortex-a76", "use recipe static_wi8_ai8")
    run = on(fixture, "host").runs[0]
    group = changed(run, warnings=texts)
    assert {f.text for f in findings.of(group)} >= {f"{text}." for text in texts}


def test_a_slow_int8_file_is_explained_by_its_partitions(fixture: Results) -> None:
    (group,) = columns.groups(on(fixture, "phone"))
    (slow,) = [f for f in findings.of(group) if "34 partitions" in f.text]
    assert slow.subject == "fixture_vit static_wi8_ai8"
    assert "tflconv inspect" in slow.text


def test_many_outliers_are_told_with_a_cure(fixture: Results) -> None:
    run = on(fixture, "host").runs[0]
    samples = tuple(1_000_000 + 1000 * i for i in range(50)) + (9_000_000,) * 10
    group = changed(run, latency=results.Latency(samples_ns=samples))
    (said,) = [f for f in findings.of(group) if "outliers" in f.text]
    assert "(17 %)" in said.text
    assert "--num-runs" in said.text


def test_a_line_that_is_cut_off_ends_in_an_arrow_with_its_number(fixture: Results) -> None:
    run = on(fixture, "host").runs[0]
    usual = tuple(1_000_000 + 1000 * i for i in range(80))
    far = changed(run, latency=results.Latency(samples_ns=usual + (40_000_000,) * 20))
    near = changed(run, latency=results.Latency(samples_ns=usual))
    for group, clipped in ((far, True), (near, False)):
        drawn = plots.latency(group)
        assert drawn is not None
        (axes,) = drawn.axes
        assert (">" in {line.get_marker() for line in axes.get_lines()}) is clipped
        assert ("40.0" in {text.get_text() for text in axes.texts}) is clipped


@pytest.mark.parametrize("name", plots.PLOTS)
def test_plots_are_drawn_where_there_is_something_to_show(fixture: Results, name: str) -> None:
    drawn = {g.device.kind: plots.PLOTS[name](g) is not None for g in columns.groups(fixture)}
    timed = name not in ("latency", "cpu", "samples", "sustained")
    everywhere = name not in ("instructions", "sustained")
    assert drawn == {"host": everywhere, "phone": everywhere, "emulator": timed}


def test_a_sustained_run_is_drawn_and_counted_not_listed(fixture: Results) -> None:
    run = on(fixture, "phone").runs[0]
    series = [SustainedSecond(at_s=s, runs=90, median_ms=1.0 + s / 60) for s in range(60)]
    conditions = Conditions(sustained=tuple(series), mhz_first=(1800.0, 2400.0))
    group = changed(run, conditions=conditions)
    drawn = plots.sustained(group)
    assert drawn is not None
    (line,) = drawn.axes[0].get_lines()
    assert len(line.get_xdata()) == 60  # type: ignore[arg-type]
    told = method.conditions(group)
    assert (told["sustained"], told["mhz first"]) == ("60 entries", "1800, 2400")


def test_no_label_of_a_plot_leaves_its_picture(fixture: Results) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    (group,) = columns.groups(on(fixture, "phone"))
    for name, plot in plots.PLOTS.items():
        drawn = plot(group)
        assert drawn is not None or name in ("instructions", "sustained")
        if drawn is None:
            continue
        canvas = FigureCanvasAgg(drawn)
        canvas.draw()
        inches = drawn.get_tightbbox(canvas.get_renderer())
        width, height = drawn.get_size_inches()
        assert inches.x0 >= -0.02, name
        assert inches.y0 >= -0.02, name
        assert inches.x1 <= width + 0.02, name
        assert inches.y1 <= height + 0.02, name


def test_the_front_holds_what_nothing_beats() -> None:
    points = [(1.0, 0.90), (2.0, 0.95), (2.5, 0.94), (3.0, 0.95), (1.0, 0.85), (4.0, 0.99)]
    assert plots.front(points) == [(1.0, 0.90), (2.0, 0.95), (4.0, 0.99)]


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 1)), min_size=1, max_size=30))
def test_every_point_is_on_the_front_or_beaten_by_it(points: list[tuple[float, float]]) -> None:
    best = plots.front(points)
    for cost, right in points:
        assert any(c <= cost and r >= right for c, r in best)
    assert best == sorted(best)


def test_thinning_keeps_the_order_the_ends_and_the_outliers() -> None:
    samples = [1.0 + (i % 7) / 100 for i in range(5000)]
    samples[1234] = 50.0
    order, values = plots.thin(samples)
    assert len(order) <= plots.SHOWN_SAMPLES + 1
    assert (order[0], order[-1]) == (0, 4999)
    assert 50.0 in values
    assert list(order) == sorted(order)


def test_a_recipe_keeps_its_colour_with_a_prefix() -> None:
    assert style.recipe_color("qat_static_wi8_ai8") == style.recipe_color("static_wi8_ai8")
    named = {style.recipe_color(name) for name in ("fp32", "fp16", "static_wi8_ai8")}
    assert len(named) == 3


def test_equal_results_give_an_equal_page(fixture: Results) -> None:
    assert to_html(on(fixture, "host")) == to_html(on(fixture, "host"))


def test_the_page_needs_nothing_else(fixture: Results) -> None:
    page = to_html(on(fixture, "phone"))
    links = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(link.startswith("#") for link in links), links
    assert "url(http" not in page
    assert page.count("<script") == 1
    for figure in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL):
        ElementTree.fromstring(figure)


def test_the_page_escapes_what_it_is_told(fixture: Results) -> None:
    run = on(fixture, "host").runs[0]
    evil = replace(
        run,
        device=replace(run.device, name="<script>alert(1)</script>"),
        model=replace(run.model, name="<b>&", recipe='"><i>'),
        conditions=Conditions(other={"<k>": "<v>"}),
        warnings=("<u>`x`",),
    )
    page = to_html(Results(runs=(evil,), context={"title": "</title><script>", "<a>": {"b": [{}]}}))
    assert page.count("<script") == 1
    for part in ("<script>", "<b>&", '"><i>', "<k>", "<v>", "<u>", "<a>"):
        assert part not in page


def test_colour_only_on_a_terminal(fixture: Results) -> None:
    piped, shown = io.StringIO(), io.StringIO()
    tables.print_results(fixture, Console(file=piped, width=200))
    tables.print_results(fixture, Console(file=shown, width=200, force_terminal=True))
    assert "\x1b[" not in piped.getvalue()
    assert "\x1b[" in shown.getvalue()


def test_no_results_make_an_empty_report() -> None:
    assert export.to_csv(Results()) == "\n"
    assert export.to_markdown(Results()) == ""
    assert "0 model files on 0 devices" in to_html(Results())


def test_exports_to_stdout_leave_the_table_out(fixture: Results) -> None:
    result = CliRunner().invoke(command, [str(GOLDEN), "--export-csv", "-"])
    assert result.stdout == export.to_csv(fixture)


def test_everything_is_written_where_it_was_asked_for(tmp_path: Path) -> None:
    names = ("csv", "markdown", "json")
    arguments = [part for n in names for part in (f"--export-{n}", str(tmp_path / f"r.{n}"))]
    result = CliRunner().invoke(
        command, [str(GOLDEN), *arguments, "--html", str(tmp_path / "deep" / "r.html")]
    )
    assert result.exit_code == 0, result.output
    assert (tmp_path / "r.json").read_bytes() == GOLDEN.read_bytes()
    assert (tmp_path / "deep" / "r.html").read_text().endswith("</html>\n")


def test_plots_are_written_as_png_and_svg(tmp_path: Path, fixture: Results) -> None:
    written = plots.write(on(fixture, "emulator"), tmp_path)
    assert {path.name for path in written} == {
        f"arm64-cortex-a76-{name}.{kind}"
        for name in ("size", "instructions", "accuracy", "pareto")
        for kind in ("png", "svg")
    }
    for path in written:
        assert path.read_bytes()[:4] in (b"\x89PNG", b"<?xm")


def test_a_missing_file_is_one_message(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, [str(tmp_path / "none.json")])
    assert "no results file at" in str(result.exception)


def printed(run: BenchmarkRun) -> str:
    out = io.StringIO()
    tables.print_results(Results(runs=(run,)), Console(file=out, width=400))
    return out.getvalue()


def test_measured_and_emulated_instructions_stand_side_by_side(fixture: Results) -> None:
    phone = on(fixture, "phone").runs[0]
    counted = Instructions(total=51_300_000, source="perf_event")
    elsewhere = EmulatedInstructions(core="cortex-a76", total=49_200_000.0)
    emulated = Conditions(instructions_emulated=elsewhere)
    text = printed(replace(phone, instructions=counted, conditions=emulated))
    assert re.search(r"instructions +emulated", text)
    assert re.search(r"51\.3 M +49\.2 M \(cortex-a76\)", text)


def test_a_phone_that_may_not_count_says_why(fixture: Results) -> None:
    phone = on(fixture, "phone").runs[0]
    refused = Conditions(instructions_not_counted="perf_event_open: Permission denied")
    text = printed(replace(phone, conditions=refused))
    assert "not counted (perf_event_open: Permission denied)" in text
    assert "setprop security.perf_harden 0" in text
