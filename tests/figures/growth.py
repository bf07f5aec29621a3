"""CPU seconds and memory by the number of runs, models and pictures: ``docs/growth.md``.

``python tests/figures/growth.py --write`` runs each job at three sizes, in a fresh process of its
own, and writes the table. CPU seconds are those of the process and of all that it started; memory
is its largest resident set. Both come from the kernel (``wait4``).
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "growth.md"
GOLDEN = REPOSITORY / "tests" / "golden"
RUNS, MODELS, PICTURES = (500, 1000, 2000), (50, 100, 200), (7_500, 15_000, 30_000)
QUICK = ["--num-runs=5", "--min-secs=0", "--warmup-min-secs=0", "--rate-secs=0.1"]
CLASSES = 1000
HEAD = """# How cost grows

Made by `python tests/figures/growth.py --write`. Each row is a job at three sizes, each in a fresh
process: CPU seconds of it and of all that it started, and its peak memory. The last size is 4 times
the first; the last column is the factor of the CPU seconds.

| job | sizes | CPU s | peak MB | factor |
|---|---|---:|---:|---:|
"""
TAIL = """
Runs have 100 samples each, in families of eight files. Where a device has more than 60 runs, plots
draw the 60 of the lowest cost, so a page costs a part that is always the same, and one that grows.
The models are copies of one small file under other names, measured on the host with 5 runs.
Pictures are PNG files of 32 x 32 pixels in 1 000 class folders; loading hashes and decodes them,
draws the splits and looks for copies.
"""


def runs_file(count: int, folder: Path) -> Path:
    """Write results with ``count`` runs of as many files."""
    from tflconv import results
    from tflconv.results import Latency, Results

    first = results.load(GOLDEN / "report" / "results.json").runs[:8]
    runs = []
    for index in range(count):
        run, name = first[index % 8], f"model{index // 8}"
        slug = f"{name}-{index % 8}"
        model = replace(
            run.model, name=name, slug=slug, baseline=f"{name}-0", sha256=f"{index:064x}"
        )
        samples = tuple(10**6 + 7 * index + 13 * (n * n % 101) for n in range(100))
        runs.append(replace(run, model=model, latency=Latency(samples_ns=samples)))
    target = folder / "results.json"
    Results(runs=tuple(runs)).save(target)
    return target


def model_files(count: int, folder: Path) -> Path:
    """Write ``count`` models that differ by the names in their cards."""
    from tflconv.model.card import embed_card, require_card

    source = GOLDEN / "models" / "tiny_int8.tflite"
    card = require_card(source)
    for index in range(count):
        target = folder / f"model{index:03}.tflite"
        target.write_bytes(source.read_bytes())
        embed_card(target, replace(card, model=f"model{index}"))
    return folder


def picture_files(count: int, folder: Path) -> Path:
    """Write ``count`` smooth pictures in class folders."""
    import numpy as np
    from PIL import Image

    for index in range(count):
        place = folder / f"class{index % CLASSES:04}"
        place.mkdir(exist_ok=True)
        coarse = np.random.default_rng(index).integers(0, 256, (5, 5, 3), np.uint8)
        Image.fromarray(coarse).resize((32, 32)).save(place / f"{index}.png", compress_level=1)
    return folder


def print_table(source: Path) -> None:
    """Load results and print their tables."""
    from rich.console import Console

    from tflconv import results
    from tflconv.report import tables

    tables.print_results(results.load(source), Console(file=io.StringIO(), width=120))


def draw_page(source: Path) -> None:
    """Load results and make the page of them."""
    from tflconv import results
    from tflconv.report.html import to_html

    to_html(results.load(source))


def save_each(source: Path) -> None:
    """Load results, and save them again a run at a time."""
    from tflconv import results
    from tflconv.benchmark.record import FinishedRuns

    record = FinishedRuns(source.with_name("again.json"))
    for run in results.load(source).runs:
        record.add(run)
    record.close()


def bench(source: Path) -> None:
    """Measure all models in one call."""
    files = sorted(map(str, source.glob("*.tflite")))
    command = [sys.executable, "-m", "tflconv", "bench", *files, *QUICK]
    export = ["--export-json", str(source / "results.json")]
    subprocess.run([*command, *export], check=True, stdout=subprocess.DEVNULL)


def load_pictures(source: Path) -> None:
    """Load pictures for the first time."""
    from tflconv import data

    dataset = data.load(source, resolution=32)
    assert len(dataset.classes) == CLASSES
    assert len(dataset.train)


JOBS: dict[
    str, tuple[str, tuple[int, ...], Callable[[int, Path], Path], Callable[[Path], None]]
] = {
    "table": ("table of runs", RUNS, runs_file, print_table),
    "page": ("HTML page of runs", RUNS, runs_file, draw_page),
    "save": ("saving after each run", RUNS, runs_file, save_each),
    "bench": ("bench of models in one call", MODELS, model_files, bench),
    "pictures": ("loading pictures in 1 000 classes", PICTURES, picture_files, load_pictures),
}


def measured(job: str, size: int) -> tuple[float, float]:
    """Return CPU seconds and peak memory in MB of a job, less what making its input takes."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "input").mkdir()
        environment = os.environ | {"TFLCONV_CACHE_DIR": f"{name}/cache"}
        call = [sys.executable, __file__, "--folder", f"{name}/input", "--size", str(size)]
        made = subprocess.run([*call, "--make", job], check=True, capture_output=True, text=True)
        child = subprocess.Popen([*call, "--do", job, "--source", made.stdout], env=environment)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{job} of {size} ended with {child.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def row(job: str) -> str:
    """Measure a job at its sizes."""
    title, sizes, _, _ = JOBS[job]
    costs = [measured(job, size) for size in sizes]
    cells = [
        title,
        " / ".join(f"{size:,}".replace(",", " ") for size in sizes),
        " / ".join(f"{seconds:.1f}" for seconds, _ in costs),
        " / ".join(f"{memory:.0f}" for _, memory in costs),
        f"{costs[-1][0] / costs[0][0]:.1f}",
    ]
    return f"| {' | '.join(cells)} |\n"


@click.command()
@click.option("--write", is_flag=True, help="Write docs/growth.md.")
@click.option("--job", "jobs", multiple=True, type=click.Choice(list(JOBS)))
@click.option("--make", hidden=True)
@click.option("--do", "doing", hidden=True)
@click.option("--folder", type=click.Path(path_type=Path), hidden=True)
@click.option("--source", type=click.Path(path_type=Path), hidden=True)
@click.option("--size", type=int, hidden=True)
def main(
    write: bool,
    jobs: tuple[str, ...],
    make: str | None,
    doing: str | None,
    folder: Path,
    source: Path,
    size: int,
) -> None:
    """Print a row per job, or write the page."""
    if make is not None:
        click.echo(JOBS[make][2](size, folder), nl=False)
        return
    if doing is not None:
        JOBS[doing][3](source)
        return
    rows = []
    for job in jobs or JOBS:
        rows.append(row(job))
        click.echo(rows[-1], nl=False)
    if write:
        PAGE.write_text(HEAD + "".join(rows) + TAIL, encoding="utf-8")


if __name__ == "__main__":
    main()
