"""``tflconv bench``."""

from __future__ import annotations

from pathlib import Path

import click

from tflconv import artifact, benchmark, device, model_card
from tflconv.benchmark.config import BenchmarkConfig
from tflconv.results import BenchmarkRun, Model, Results


@click.command(name="bench")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option("--device", "devices", multiple=True, default=("host",), show_default=True)
@click.option("--export-json", type=click.Path(path_type=Path))
def command(files: tuple[Path, ...], devices: tuple[str, ...], export_json: Path | None) -> None:
    """Measure .tflite files on a device."""
    results = Results()
    for name in devices:
        place = device.find(name)
        for file in files:
            run = benchmark.bench(file, place, BenchmarkConfig(), identity=identity(file))
            results = results.with_run(run)
            click.echo(_row(run))
    if export_json:
        results.save(export_json)


def identity(file: Path) -> Model:
    """What a model file says about itself; its name says the rest."""
    card = model_card.read(file)
    found = artifact.ModelArtifact.of(file)
    return Model(
        slug=file.stem,
        name=card.model if card else file.stem,
        recipe=card.recipe or "unknown" if card else "unknown",
        sha256=found.sha256,
        bytes=found.bytes,
        dataset=card.dataset if card else None,
    )


def _row(run: BenchmarkRun) -> str:
    assert run.latency and run.cpu
    assert run.memory and run.graph
    return (
        f"{run.model.slug} {run.device.id} {run.latency.median_ms:.3f} ms"
        f" {run.cpu.ms_per_inference:.3f} {run.cpu.percent_at_rate} {run.memory.peak_bytes}"
        f" {run.graph.partitions} {run.graph.delegated}/{run.graph.nodes}"
    )
