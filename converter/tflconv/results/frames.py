"""Results as tables: a row per run or per sample, for pandas and for notebooks."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from typing import Any

from tflconv.errors import TflconvError
from tflconv.results.run import BenchmarkRun, Row

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
