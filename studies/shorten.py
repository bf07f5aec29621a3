"""Keep the results of a plan in few bytes: without lists of operators and pictures, on one line.

python shorten.py run/results.json measured.json
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from tflconv import results
from tflconv.core.files import write_text
from tflconv.core.text import to_json
from tflconv.results import BenchmarkRun


def main() -> None:
    """Read the file that is named first, and write the one that is named second."""
    found = results.load(Path(sys.argv[1]))
    kept = replace(found, runs=tuple(shortened(run) for run in found.runs))
    target = Path(sys.argv[2])
    kept.save(target)
    write_text(target, to_json(json.loads(target.read_text(encoding="utf-8")), indent=None) + "\n")


def shortened(run: BenchmarkRun) -> BenchmarkRun:
    """The run without each operator and without the pictures that it got wrong."""
    graph, accuracy = run.graph, run.accuracy
    return replace(
        run,
        graph=None if graph is None else replace(graph, ops=()),
        accuracy=None if accuracy is None else replace(accuracy, disagreements=()),
    )


if __name__ == "__main__":
    main()
