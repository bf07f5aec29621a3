"""Record the demo: the quietest of five runs of the demo becomes this folder's results.

    python studies/demo/record.py RUN_FOLDER

Models are trained once. Then everything is measured five times, and the recording is kept whose
latencies are spread least: the mean, over files, of the interquartile range over the median.
Counted instructions are the same in all five, which is checked.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from statistics import mean, quantiles

from tflconv import results
from tflconv.report import plots
from tflconv.results import Results

HERE = Path(__file__).parent
TIMES = 5


def main() -> None:
    """Record, choose, and write ``results.json`` and ``plots``."""
    folder = Path(sys.argv[1])
    recordings = [recorded(folder, again=number > 0) for number in range(TIMES)]
    assert len({counts(recording) for recording in recordings}) == 1, "instructions differ"
    quietest = min(recordings, key=spread)
    for number, recording in enumerate(recordings, start=1):
        kept = " (kept)" if recording is quietest else ""
        print(f"recording {number}: spread {spread(recording):.1%}, {noisy(recording)} noisy{kept}")
    quietest.save(HERE / "results.json")
    shutil.rmtree(HERE / "plots", ignore_errors=True)
    plots.write(quietest, HERE / "plots")
    for drawing in (HERE / "plots").glob("*.svg"):
        drawing.unlink()  # pages show the PNG files


def recorded(folder: Path, *, again: bool) -> Results:
    """Run the demo into ``folder`` and return its results."""
    command = [sys.executable, "-m", "tflconv", "study", "demo", "-o", str(folder)]
    subprocess.run([*command, *(["--again"] if again else [])], check=True)
    return results.load(folder / "results.json")


def spread(recording: Results) -> float:
    """Mean over files of the interquartile range of latency over its median."""
    spreads = []
    for run in recording.runs:
        if run.latency and run.device.kind == "host":
            low, median, high = quantiles(run.latency.samples_ns, n=4)
            spreads.append((high - low) / median)
    return mean(spreads)


def noisy(recording: Results) -> int:
    """How many files were not measured cleanly."""
    return sum(run.verdict not in (None, "clean") for run in recording.runs)


def counts(recording: Results) -> tuple[tuple[str, int], ...]:
    """Instructions by file."""
    return tuple(
        (run.model.slug, run.instructions.total)
        for run in recording.runs
        if run.instructions and run.device.kind == "emulator"
    )


if __name__ == "__main__":
    main()
