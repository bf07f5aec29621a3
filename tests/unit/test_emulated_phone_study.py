"""What was recorded without a phone claims nothing that only a phone can know."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tflconv import results
from tflconv.results import BenchmarkRun

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "studies" / "emulated-phone"
NOTEBOOK = ROOT / "notebooks" / "03_phone_results.ipynb"
GOLDEN = ROOT / "tests" / "golden" / "report" / "results.json"
RUNS = results.load(FOLDER / "results.json").runs
FILES = {run.model.sha256 for run in results.load(ROOT / "studies/demo/results.json").runs}
CORES = {"arm64:cortex-a76", "arm64:cortex-a55", "arm64:cortex-a53"}
OF_A_PHONE = ("battery", "celsius", "thermal", "mhz", "screen", "charging", "governor")


def counted(recipe: str, core: str, model: str = "mobilenet_v2") -> BenchmarkRun:
    (run,) = [
        run
        for run in RUNS
        if (run.model.recipe, run.device.id, run.model.name) == (recipe, core, model)
    ]
    return run


def test_every_file_was_measured_everywhere() -> None:
    pairs = {(run.model.slug, run.device.id) for run in RUNS}
    assert {device for _, device in pairs} == {*CORES, "adb:test-phone"}
    assert len(RUNS) == len(pairs) == 4 * len(FILES)


def test_the_files_are_those_of_the_recorded_demo() -> None:
    assert {run.model.sha256 for run in RUNS} == FILES


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run.model.slug} {run.device.id}")
def test_an_emulator_has_no_clock_and_no_battery(run: BenchmarkRun) -> None:
    assert run.device.kind == "emulator"
    assert (run.latency, run.cpu, run.memory, run.verdict) == (None, None, None, None)
    assert not [key for key in run.conditions.to_json() if key.startswith(OF_A_PHONE)]


def test_only_cores_with_dot_products_used_them() -> None:
    for core in CORES:
        instructions = counted("static_wi8_ai8", core).instructions
        assert instructions is not None
        assert bool(instructions.sdot) == (core != "arm64:cortex-a53")


def test_pictures_were_classified_as_on_the_host() -> None:
    told = [run.conditions.pictures_vs_host for run in RUNS if run.accuracy]
    assert len(told) == len(FILES)
    assert not any(told)


def drawn(notebook: nbformat.NotebookNode) -> list[object]:
    """Its outputs that are pictures."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [one for one in outputs if {"image/png", "image/svg+xml"} & one.get("data", {}).keys()]


def test_the_notebook_works_on_a_file_of_ones_own() -> None:
    """Host, emulator and phone, with latencies; the phone counted nothing."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    (choice,) = [cell for cell in notebook.cells if "MINE = None" in cell.source]
    choice.source = choice.source.replace("MINE = None", f"MINE = Path({str(GOLDEN)!r})")
    NotebookClient(
        notebook, timeout=200, resources={"metadata": {"path": NOTEBOOK.parent}}
    ).execute()
    assert len(drawn(notebook)) == 5


def test_the_notebook_is_kept_with_its_plots_and_says_that_no_phone_was_there() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert len(drawn(notebook)) == 5
    assert not [output for output in outputs if output.output_type == "error"]
    assert "No phone was at hand" in notebook.cells[0].source
    assert NOTEBOOK.stat().st_size < 300_000
