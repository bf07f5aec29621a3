"""Put accuracies beside counts: ``python record.py COUNTS.json ACCURACIES.json OUTPUT.json``.

COUNTS come from ``tflconv bench --device arm64:cortex-a76``, ACCURACIES from ``--device host
--dataset mnist`` of the very same files: a file gives the same answers wherever it runs, and
10 000 pictures take minutes on an emulated core. A file's name says what its model is called.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from tflconv import results
from tflconv.results import BenchmarkRun, Results

NOTE = "Accuracies were measured on the host with the very same files."


def main(counts: Path, accuracies: Path, output: Path) -> None:
    """Write the runs of ``counts`` with the accuracies of the files of the same content."""
    known = {run.model.sha256: run for run in results.load(accuracies).runs}
    found = results.load(counts)
    joined = (_joined(run, known[run.model.sha256]) for run in found.runs)
    runs = tuple(sorted(joined, key=_place))
    Results(runs=runs, context={**found.context, "note": NOTE}).save(output)


def _place(run: BenchmarkRun) -> tuple[str, bool, str]:
    """A model's baseline comes before its other files."""
    return run.model.name, run.model.slug != run.model.baseline, run.model.slug


def _joined(run: BenchmarkRun, other: BenchmarkRun) -> BenchmarkRun:
    stem, _, _ = run.model.slug.rpartition("-")
    named = replace(run.model, name=stem.partition("-")[0], baseline=f"{stem}-fp32")
    return replace(run, accuracy=other.accuracy, model=named)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
