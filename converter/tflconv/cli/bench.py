"""``tflconv bench``."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from tflconv.benchmark.config import BenchmarkConfig
from tflconv.cli import options
from tflconv.core.files import require_writable, write_text
from tflconv.device.access import Cancellation
from tflconv.device.interface import Device
from tflconv.errors import TflconvError, UsageError
from tflconv.model.pictures import Resize
from tflconv.results import BenchmarkRun, Results

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
    "input_file": "Raw bytes of all inputs, instead of numbers drawn from the seed.",
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
@options.preprocessing
@click.option("--pictures", type=click.IntRange(1), help="Only the first so many of them.")
@click.option("--use-gpu", is_flag=True, help="Run on the GPU; needs --dataset to be believed.")
@click.option("--adb", metavar="PROGRAM", help="The adb to use. [$ADB, PATH, the wheel adbutils]")
@click.option(
    "--runtime",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="LiteRT for a phone: its .aar or libLiteRt.so for arm64.",
)
@settings
@click.option(
    "--export-json",
    type=FILE,
    help="Write results with raw samples, and measure nothing that stands in FILE; - is stdout.",
)
@click.option("--again", is_flag=True, help="Measure anew what stands in the file, too.")
@click.option("--export-csv", type=FILE, help="Write numbers as CSV; - is stdout.")
@click.option("--export-markdown", type=FILE, help="Write tables as Markdown; - is stdout.")
def command(
    files: tuple[Path, ...],
    devices: tuple[str, ...],
    serials: tuple[str, ...],
    dataset: str | None,
    normalize: str | None,
    resize: Resize | None,
    labels: Path | None,
    pictures: int | None,
    use_gpu: bool,
    adb: str | None,
    runtime: Path | None,
    export_json: Path | None,
    export_csv: Path | None,
    export_markdown: Path | None,
    again: bool,
    **numbers: Any,
) -> None:
    """Measure .tflite files on devices: phones at the same time, others one after the other.

    Latency, CPU, memory and the profile of ops come from processes of their own. With
    --export-json results are written after each run, so a lost device costs one run: give the same
    command again, and it measures the rest. A device that fails does not stop the others.
    """
    from tflconv import device
    from tflconv.benchmark import Laboratory, bench, identify_all, outline, recorded_settings
    from tflconv.benchmark.record import Record

    targets = {"json": export_json, "csv": export_csv, "markdown": export_markdown}
    for target in targets.values():
        if target and target != STDOUT:
            require_writable(target)
    config = BenchmarkConfig(accelerator="gpu" if use_gpu else "cpu", **numbers)
    identities = identify_all(files)
    names = [*devices, *(f"adb:{serial}" for serial in serials)] or ["host"]
    record = Record(export_json if export_json != STDOUT else None)
    laboratory = Laboratory()

    def measured(file: Path, place: Device, test_set: Any) -> BenchmarkRun:
        about = {"identity": identities[file], "test_set": test_set, "laboratory": laboratory}
        known = record.find(outline(place, config, **about))
        note = f"measured before, {known.started}; --again measures anew" if known else "..."
        click.echo(f"{file.name} on {place.id} {note}", err=True)
        return known or bench(file, place, config, **about)

    def measure(name: str, cancellation: Cancellation) -> None:
        place = device.find(name, adb=adb, runtime=runtime, cancellation=cancellation)
        for file, test_set in work:
            record.add(measured(file, place, test_set))

    with tempfile.TemporaryDirectory(prefix="tflconv-") as folder:
        with options.warnings_on_stderr():
            said = {"normalize": normalize, "resize": resize, "labels": labels}
            work = _with_pictures(files, dataset, pictures, Path(folder), said)
        if not again:
            how = {file: recorded_settings(config, test_set) for file, test_set in work}
            record.resume(names, [(identities[file].sha256, how[file]) for file in files])
        failures = _on_each(names, measure)
    if record.results.runs:
        _export(record.results, targets)
    _raise_last(failures)


def _on_each(
    names: Sequence[str], measure: Callable[[str, Cancellation], None]
) -> list[TflconvError]:
    """Measure on every device; what shares this computer's cores does not share the time."""
    from tflconv.device.parallel import side_by_side

    phones = [name for name in names if name.startswith("adb")]
    others = [[name] for name in names if name not in phones]
    outcomes = [one for group in (phones, *others) for one in side_by_side(measure, group)]
    return [one for one in outcomes if one is not None]


def _raise_last(failures: Sequence[TflconvError]) -> None:
    """Tell every failure; the last one ends the command with its exit code."""
    for failure in failures[:-1]:
        click.echo(f"Error: {failure}", err=True)
    if failures:
        raise failures[-1]


def _with_pictures(
    files: tuple[Path, ...],
    dataset: str | None,
    count: int | None,
    folder: Path,
    said: Mapping[str, Any],
) -> list[tuple[Path, Any]]:
    """Each file with the test set packed for it in ``folder``, or None without a dataset."""
    return [
        (file, _packed(file, dataset, count, folder / f"{index}.testset", said))
        if dataset
        else (file, None)
        for index, file in enumerate(files)
    ]


def _packed(
    file: Path, dataset: str, count: int | None, target: Path, said: Mapping[str, Any]
) -> Any:
    """The test split as ``file`` takes it; ``said`` is what ``options.preprocessing`` asked."""
    import numpy as np

    from tflconv import data, verification
    from tflconv.benchmark import testset

    labels = data.read_labels(said["labels"]) if said["labels"] else None
    card = verification.known(file, **{**said, "labels": labels})
    found = data.load_for(card, dataset)
    found.warn()
    if found.classes != card.labels:
        raise UsageError(
            f"{file} was trained for other classes than those of {dataset}.",
            hint="If it only does not name them: --labels FILE, in the order of its outputs.",
        )
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
