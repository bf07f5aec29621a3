"""Results as tables: a row per run or per sample, for pandas and for notebooks."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tflconv.core.jsonvalue import JsonValue
from tflconv.errors import TflconvError
from tflconv.results.measurements import Latency
from tflconv.results.run import BenchmarkRun

Row = Mapping[str, JsonValue]

COLUMNS = (
    "model",
    "recipe",
    "dataset",
    "device",
    "bytes",
    "latency_ms",
    "latency_low_ms",
    "latency_high_ms",
    "cpu_ms",
    "peak_bytes",
    "instructions",
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "agreement",
    "verdict",
    "started",
    "slug",
)
SAMPLE_COLUMNS = ("model", "recipe", "device", "phase", "run", "block", "latency_ms")
_SHOWN = ("model", "recipe", "device", "bytes", "latency_ms", "peak_bytes", "instructions")


def row_of(run: BenchmarkRun) -> Row:
    """Return the figures of a run, each in the unit that its name ends in; None: not measured."""
    latency, accuracy = run.latency, run.accuracy
    low, high = (None, None) if accuracy is None else accuracy.interval
    median, ends = (None, (None, None)) if latency is None else _median(latency)
    return {
        "model": run.model.name,
        "recipe": run.model.recipe,
        "dataset": run.model.dataset,
        "device": run.device.id,
        "bytes": run.model.bytes,
        "latency_ms": median,
        "latency_low_ms": ends[0],
        "latency_high_ms": ends[1],
        "cpu_ms": None if run.cpu is None else run.cpu.ms_per_inference,
        "peak_bytes": None if run.memory is None else run.memory.peak_bytes,
        "instructions": None if run.instructions is None else run.instructions.total,
        "accuracy": None if accuracy is None else accuracy.top1,
        "accuracy_low": low,
        "accuracy_high": high,
        "agreement": None if accuracy is None else accuracy.agreement,
        "verdict": run.verdict,
        "started": run.started,
        "slug": run.model.slug,
    }


def _median(latency: Latency) -> tuple[float, tuple[float, float]]:
    low, high = latency.summary["median_ci95"]
    return latency.summary["median"], (low, high)


def shown(run: BenchmarkRun) -> Row:
    """Return the figures of a run that a notebook shows."""
    row = row_of(run)
    return {name: row[name] for name in (*_SHOWN, "accuracy", "verdict")}


def sample_rows(run: BenchmarkRun) -> Iterator[Row]:
    """Yield every latency sample of a run, the warm-up first."""
    if run.latency is None:
        return
    blocks = _blocks(run)
    for phase, samples in (("warmup", run.latency.warmup_ns), ("steady", run.latency.samples_ns)):
        for number, sample in enumerate(samples):
            yield {
                "model": run.model.name,
                "recipe": run.model.recipe,
                "device": run.device.id,
                "phase": phase,
                "run": number,
                "block": blocks[number] if phase == "steady" and blocks else None,
                "latency_ms": sample / 1e6,
            }


def _blocks(run: BenchmarkRun) -> list[int]:
    if run.schedule is None:
        return []
    blocks = run.schedule.blocks
    return [number for number, block in enumerate(blocks) for _ in range(block.runs)]


def frame(rows: Sequence[Row], columns: Sequence[str]) -> Any:
    """Return ``rows`` as a ``pandas.DataFrame``.

    Raises:
        TflconvError: pandas is not installed.
    """
    try:
        pandas = importlib.import_module("pandas")
    except ImportError as error:
        raise TflconvError(
            "pandas is not installed, which makes the frames.",
            hint="python -m pip install 'tflconv[pandas]'",
        ) from error
    return pandas.DataFrame([dict(row) for row in rows], columns=list(columns))
