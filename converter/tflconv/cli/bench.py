"""``tflconv bench``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from tflconv.benchmark.config import BenchmarkConfig
from tflconv.cli import commands, completing, options
from tflconv.cli.console import say_next, showing, standard_output
from tflconv.model.pictures import Resize
from tflconv.results import Results

FILE = options.OutputFile()
MODEL = click.Path(path_type=Path, dir_okay=False, exists=True)

SETTINGS = {
    "blocks": "Process starts per file, interleaved with those of the other files; `compare` needs"
    " 20. Runs and seconds are those of one block; 0 shares them among four where there are several"
    " files, and leaves a file alone one.",
    "num_runs": "Runs at least.",
    "min_secs": "Seconds of runs at least; 20000 runs end them sooner.",
    "max_secs": "Seconds of runs at most.",
    "run_delay": "Seconds of rest after each run.",
    "warmup_runs": "Warmup runs at least.",
    "warmup_min_secs": "Seconds of warmup runs at least.",
    "num_threads": "Threads that LiteRT may use.",
    "cpu_mask": "CPU cores: big, all or hex such as 0xf0; empty leaves it to the system.",
    "precision": "fp32, or fp16: half precision in place of floats (XNNPACK, Armv8.2 and newer).",
    "memory": "Measure peak memory in a process of its own.",
    "weight_cache": "Measure start-up and memory with XNNPACK's weight cache and without, too.",
    "rate_hz": "Inferences per second at which CPU use is measured; 0 leaves that out.",
    "rate_secs": "Seconds at that rate.",
    "profile_runs": "Runs under the profiler of ops; 0 leaves that out.",
    "sustained_secs": "Seconds of a sustained run with a time series, after the others.",
    "duty_cycle": "Share of the time that the sustained run is at work.",
    "burst_secs": "Seconds of work in a row before the sustained run rests; 0: after each run.",
    "input_file": "Raw bytes of all inputs, instead of numbers drawn from the seed.",
    "seed": "Seed of the numbers that go into the model.",
    "timeout": "Seconds beyond its expected time after which a process is ended.",
}


@commands.command(name="bench")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=MODEL)
@options.devices("host")
@click.option(
    "--dataset",
    metavar="DATASET",
    shell_complete=completing.datasets,
    help="Measure accuracy on its test split, on the device; or on an .npz file with x and y.",
)
@options.preprocessing
@options.pictures
@click.option(
    "--reference",
    type=click.Path(path_type=Path, exists=True),
    metavar="MODEL",
    help="Compare each file with this model on the test split, on this computer instead.",
)
@click.option(
    "--golden",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Golden contract (convert --golden): run its exact inputs on each device; ends with exit"
    " code 4 where outputs are beyond its tolerance.",
)
@click.option(
    "--use-gpu", is_flag=True, help="Run on the GPU; needs --dataset, to check its answers."
)
@options.phone
@options.history
@options.settings(BenchmarkConfig, SETTINGS)
@options.export_json(
    "Write results with raw samples; what FILE holds already is not measured again; - is stdout."
)
@click.option("--again", is_flag=True, help="Measure again what --export-json already holds.")
@click.option("--export-csv", type=FILE, help="Write numbers as CSV; - is stdout.")
@click.option("--export-markdown", type=FILE, help="Write tables as Markdown; - is stdout.")
@options.json_output
def command(
    files: tuple[Path, ...],
    devices: tuple[str, ...],
    dataset: str | None,
    normalize: str | None,
    resize: Resize | None,
    labels: Path | None,
    pictures: int | None,
    reference: Path | None,
    golden: Path | None,
    use_gpu: bool,
    adb: str | None,
    adb_servers: tuple[str, ...],
    runtime: Path | None,
    history: Path | None,
    config: BenchmarkConfig,
    export_json: Path | None,
    export_csv: Path | None,
    export_markdown: Path | None,
    again: bool,
    as_json: bool,
) -> None:
    """Measure .tflite files on devices: phones at the same time, others one after the other.

    Latency, CPU, memory and the profile of ops come from processes of their own; latency of
    several files in turns (--blocks). With --export-json results are written as runs are finished:
    give the same command again after a device was lost, and it measures the rest. A device that
    fails does not stop the others.

    \b
    Examples:
      tflconv bench models/*.tflite
      tflconv bench models/*.tflite -s R58M123 --dataset mnist --export-json phone.json
    """
    from dataclasses import replace

    from tflconv import data, pipeline

    targets = {"json": export_json, "csv": export_csv, "markdown": export_markdown}
    request = pipeline.BenchRequest(
        files=files,
        devices=devices or ("host",),
        config=replace(config, accelerator="gpu" if use_gpu else "cpu"),
        dataset=dataset,
        pictures=pictures,
        reference=reference,
        normalize=normalize,
        resize=resize,
        labels=None if labels is None else data.read_labels(labels),
        adb=adb,
        adb_servers=adb_servers,
        runtime=runtime,
        history=history,
        golden=golden,
    )
    record = export_json if export_json != options.STDOUT else None
    with options.warnings_on_stderr(), showing() as progress:
        results, failures = pipeline.bench(request, record=record, again=again, progress=progress)
    if results.runs:
        _export(results, targets, as_json=as_json)
    options.raise_gravest(failures)
    if record is None:
        say_next("tflconv", "bench", *files, "--export-json", "results.json", why="keeps samples")
    else:
        say_next("tflconv", "report", record, "--html", "report.html")


def _export(results: Results, targets: Mapping[str, Path | None], *, as_json: bool) -> None:
    """Write the files that were asked for; the table goes to stdout unless one of them does."""
    from tflconv.report import export, tables

    writers = {"json": export.to_json, "csv": export.to_csv, "markdown": export.to_markdown}
    for kind, target in targets.items():
        if target:
            options.write_or_print(target, writers[kind](results))
    if as_json:
        options.write_or_print(options.STDOUT, export.to_json(results))
    elif options.STDOUT not in targets.values():
        tables.print_results(results, standard_output())
