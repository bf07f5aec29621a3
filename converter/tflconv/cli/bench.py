"""``tflconv bench``."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from tflconv import model_card
from tflconv.benchmark.config import BenchmarkConfig
from tflconv.errors import UsageError
from tflconv.files import write_text
from tflconv.results import Results

F = TypeVar("F", bound=Callable[..., Any])

FILE = click.Path(path_type=Path, dir_okay=False, allow_dash=True)
STDOUT = Path("-")
MODEL = click.Path(path_type=Path, dir_okay=False, exists=True)

SETTINGS = {
    "num_runs": "Runs at least.",
    "min_secs": "Seconds of runs at least.",
    "max_secs": "Seconds of runs at most.",
    "run_delay": "Seconds of rest after each run.",
    "warmup_runs": "Runs before the measurement, at least.",
    "warmup_min_secs": "Seconds of warming up, at least.",
    "num_threads": "Threads that LiteRT may use.",
    "cpu_mask": "CPU cores: big, all or hex such as 0xf0; empty leaves it to the system.",
    "rate_hz": "Inferences a second at which CPU use is measured; 0 leaves that out.",
    "rate_secs": "Seconds at that rate.",
    "profile_runs": "Runs under the profiler of ops; 0 leaves that out.",
    "sustained_secs": "Seconds of a sustained run with a time series, after the others.",
    "duty_cycle": "Share of the time that the sustained run is at work.",
    "seed": "Seed of the numbers that go into the model.",
    "timeout": "Seconds after which a process is given up, past what it is meant to take.",
}


def settings(function: F) -> F:
    """An option for every number of ``BenchmarkConfig``, with its default."""
    defaults = BenchmarkConfig().to_json()
    for name, help_text in reversed(SETTINGS.items()):
        flag = f"--{name.replace('_', '-')}"
        default = defaults[name]
        option = click.option(flag, default=default, show_default=default != "", help=help_text)
        function = option(function)
    return function


@click.command(name="bench")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=MODEL)
@click.option(
    "--device",
    "devices",
    multiple=True,
    metavar="DEVICE",
    help="host, arm64:cortex-a76 (a55, a53) or adb:SERIAL; may be given several times. [host]",
)
@click.option("-s", "serials", multiple=True, metavar="SERIAL", help="Short for adb:SERIAL.")
@click.option(
    "--dataset", metavar="NAME", help="Measure accuracy on its test split, on the device."
)
@click.option("--pictures", type=click.IntRange(1), help="Only the first so many of them.")
@click.option("--use-gpu", is_flag=True, help="Run on the GPU; needs --dataset to be believed.")
@settings
@click.option("--export-json", type=FILE, help="Write results with raw samples; - is stdout.")
@click.option("--export-csv", type=FILE, help="Write numbers as CSV; - is stdout.")
@click.option("--export-markdown", type=FILE, help="Write tables as Markdown; - is stdout.")
def command(
    files: tuple[Path, ...],
    devices: tuple[str, ...],
    serials: tuple[str, ...],
    dataset: str | None,
    pictures: int | None,
    use_gpu: bool,
    export_json: Path | None,
    export_csv: Path | None,
    export_markdown: Path | None,
    **numbers: Any,
) -> None:
    """Measure .tflite files on devices, one after the other.

    Latency, CPU, memory and the profile of ops come from processes of their own. With
    --export-json results are written after each run, so a lost device costs one run.
    """
    from tflconv import device
    from tflconv.benchmark import bench, identify

    config = BenchmarkConfig(accelerator="gpu" if use_gpu else "cpu", **numbers)
    names = [*devices, *(f"adb:{serial}" for serial in serials)] or ["host"]
    results = Results(context={"command": "tflconv bench"})
    for place in [device.find(name) for name in names]:
        for file, test_set in _with_pictures(files, dataset, pictures):
            click.echo(f"{file.name} on {place.id} ...", err=True)
            run = bench(file, place, config, identity=identify(file), test_set=test_set)
            results = results.with_run(run)
            if export_json and export_json != STDOUT:
                results.save(export_json)
    _export(results, {"json": export_json, "csv": export_csv, "markdown": export_markdown})


def _with_pictures(
    files: tuple[Path, ...], dataset: str | None, count: int | None
) -> Iterator[tuple[Path, Any]]:
    """Each file with the test set packed for it, or None without a dataset."""
    with tempfile.TemporaryDirectory(prefix="tflconv-") as folder:
        for file in files:
            target = Path(folder) / f"{file.stem}.testset"
            yield file, _packed(file, dataset, count, target) if dataset else None


def _packed(file: Path, dataset: str, count: int | None, target: Path) -> Any:
    import numpy as np

    from tflconv import data
    from tflconv.benchmark import testset

    card = model_card.read(file)
    if card is None:
        raise UsageError(
            f"{file} carries no card, so it is not known how pictures become its input.",
            hint="Convert it with tflconv, or leave out --dataset.",
        )
    height, _, channels = card.input_shape
    found = data.load(dataset, resolution=height, channels=channels)
    if found.classes != card.labels:
        raise UsageError(f"{file} was trained for other classes than those of {dataset}.")
    split = found.test.take(np.arange(min(count or len(found.test), len(found.test))))
    return testset.pack(
        target,
        split,
        card.normalization,
        dataset=found.name,
        classes=found.classes,
        subset=found.subset or len(split) < len(found.test),
    )


def _export(results: Results, targets: Mapping[str, Path | None]) -> None:
    """Write the files that were asked for; the table goes to stdout unless one of them does."""
    from rich.console import Console

    from tflconv.report import export, tables

    writers = {"json": export.to_json, "csv": export.to_csv, "markdown": export.to_markdown}
    for kind, target in targets.items():
        if target == STDOUT:
            click.echo(writers[kind](results), nl=False)
        elif target:
            write_text(target, writers[kind](results))
    if STDOUT not in targets.values():
        tables.print_results(results, Console(width=None if sys.stdout.isatty() else 400))
