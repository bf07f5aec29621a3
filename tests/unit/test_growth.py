"""Work grows with what there is to do, not with its square: calls are counted, no clock is read."""

from __future__ import annotations

import cProfile
import io
import json
import os
import pstats
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from tflconv import results
from tflconv.benchmark.record import FinishedRuns
from tflconv.report import columns, export, html, plots, tables
from tflconv.results import BenchmarkRun, Latency, Results, growing
from tflconv.results.exchange import part_of

FIXTURE = Path(__file__).parents[1] / "golden" / "report" / "results.json"
NOISY = "3 of 60 samples are outliers"
MOST = 2.3
"""Of twice as much: linear work, and what sorting adds."""


def many(count: int, samples: int = 20) -> Results:
    """Runs of models with four files each, which differ in all that reports group by."""
    first = results.load(FIXTURE).runs[:4]
    runs = []
    for index in range(count):
        run = first[index % 4]
        name = f"model{index // 4}"
        model = replace(
            run.model,
            name=name,
            slug=f"{name}-{run.model.recipe}",
            sha256=f"{index:064x}",
            baseline=f"{name}-fp32",
            dataset=f"set{index // 40}",
        )
        latency = Latency(samples_ns=tuple(10**6 + 7 * index + 13 * n for n in range(samples)))
        noisy = {"verdict": "noisy", "reasons": (NOISY,)} if index % 3 else {}
        runs.append(replace(run, model=model, latency=latency, warnings=(name,), **noisy))
    return Results(runs=tuple(runs))


def calls(work: Callable[[], object]) -> int:
    profile = cProfile.Profile()
    profile.runcall(work)
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]


def print_tables(found: Results) -> None:
    tables.print_results(found, Console(file=io.StringIO(), width=120))


def record_again(found: Results, folder: Path) -> None:
    """Measure everything, be interrupted, and find everything measured."""
    file = folder / f"{len(found.runs)}.json"
    record = FinishedRuns(file)
    for run in found.runs:
        record.add(run)
    resumed = FinishedRuns(file)
    resumed.resume(["host"], [(run.model.sha256, run.config) for run in found.runs])
    assert all(resumed.find(run) for run in found.runs)


WORK: dict[str, Callable[[Results, Path], object]] = {
    "table": lambda found, _: print_tables(found),
    "markdown": lambda found, _: export.to_markdown(found),
    "csv": lambda found, _: export.to_csv(found),
    "merge": lambda found, _: results.merge([found, found]),
    "record": record_again,
}


@pytest.mark.parametrize("name", WORK)
def test_twice_the_runs_are_twice_the_work(name: str, tmp_path: Path) -> None:
    WORK[name](many(4), tmp_path)  # imports
    few, more = (calls(partial(WORK[name], many(count), tmp_path)) for count in (100, 200))
    assert more / few < MOST


def test_plots_draw_some_of_many_runs_and_say_so() -> None:
    (group,) = columns.groups(many(64, 3))
    drawn = plots.latency(group)
    assert drawn is not None
    assert len(drawn.axes[0].get_yticks()) == plots.SHOWN_RUNS
    assert html._caption(group, "latency").endswith(
        "The 60 runs of the lowest cost; the table has all.</figcaption>"
    )
    (group,) = columns.groups(many(60, 3))
    assert html._caption(group, "latency") == ""


def test_bytes_written_grow_with_the_runs(tmp_path: Path) -> None:
    written = []
    for count in (100, 200):
        record = FinishedRuns(tmp_path / f"{count}.json")
        before = _written_bytes()
        for run in many(count, 100).runs:
            record.add(run)
        written.append(_written_bytes() - before)
        record.close()
    assert written[1] / written[0] < MOST


def _written_bytes() -> int:
    counters = Path("/proc/self/io")
    if not counters.exists():
        pytest.skip("this system does not count bytes written")
    return int(counters.read_text().split("wchar:")[1].split()[0])


def test_nothing_lies_beside_a_closed_file(tmp_path: Path) -> None:
    found, record = many(60, 300), FinishedRuns(tmp_path / "results.json")
    for run in found.runs:
        record.add(run)
    assert part_of(tmp_path / "results.json").exists()
    assert results.load(tmp_path / "results.json").runs == found.runs
    record.close()
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]
    assert results.load(tmp_path / "results.json").runs == found.runs


def test_a_part_beside_another_file_means_nothing(tmp_path: Path) -> None:
    record = FinishedRuns(tmp_path / "results.json")
    for run in many(60, 300).runs:
        record.add(run)
    many(1).save(tmp_path / "results.json")
    assert results.load(tmp_path / "results.json").runs == many(1).runs


def test_a_line_that_was_cut_costs_one_run(tmp_path: Path) -> None:
    record = FinishedRuns(tmp_path / "results.json")
    for run in many(60, 300).runs:
        record.add(run)
    part = part_of(tmp_path / "results.json")
    part.write_bytes(part.read_bytes()[:-10])
    assert results.load(tmp_path / "results.json").runs == many(60, 300).runs[:-1]


ENDLESS = """
import sys
from pathlib import Path
from test_growth import many
from tflconv.benchmark.record import FinishedRuns
record = FinishedRuns(Path(sys.argv[1]))
for run in many(4000, 100).runs:
    record.add(run)
    print(run.model.slug, flush=True)
"""


@pytest.mark.parametrize("seconds", [0.0, 0.13])
def test_a_killed_process_leaves_every_run_that_it_told(seconds: float, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(file)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)},
    )
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(90)]
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    told += process.stdout.read().splitlines(keepends=True)
    process.wait()
    whole = [line.decode().strip() for line in told if line.endswith(b"\n")]
    kept = [run.model.slug for run in results.load(file).runs]
    assert kept[: len(whole)] == whole
    assert len(kept) <= len(whole) + 1


def test_a_small_file_is_whole_after_every_run(tmp_path: Path) -> None:
    record = FinishedRuns(tmp_path / "results.json")
    run: BenchmarkRun
    for count, run in enumerate(many(8).runs, 1):
        record.add(run)
        assert len(json.loads((tmp_path / "results.json").read_text())["runs"]) == count
    assert (tmp_path / "results.json").stat().st_size < growing.SMALL
