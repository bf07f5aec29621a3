"""Print the table of the networks of the service from the results of its plan.

python tables.py results.json
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tflconv import results
from tflconv.core import stats
from tflconv.results import BenchmarkRun, Results

HEAD = (
    "| network | file | bytes | instructions, a76 | a55 | accuracy | 95 % interval |\n"
    "|---|---|---:|---:|---:|---:|---|"
)


def main() -> None:
    """Print the table of the file that is named."""
    print("\n".join([HEAD, *rows(results.load(Path(sys.argv[1])))]))


def rows(found: Results) -> Iterator[str]:
    """One row per file, in the order of the plan."""
    for slug in dict.fromkeys(run.model.slug for run in found.runs):
        yield row({run.device.id: run for run in found.runs if run.model.slug == slug})


def row(by_device: dict[str, BenchmarkRun]) -> str:
    """The cells of one file."""
    first = next(iter(by_device.values()))
    assert first.accuracy is not None
    correct, total = first.accuracy.correct, first.accuracy.total
    low, high = stats.wilson(correct, total)
    cells = [
        f"`{first.model.name}`",
        f"`{first.model.recipe}`",
        spaced(first.model.bytes),
        *(instructions(by_device[f"arm64:{core}"]) for core in ("cortex-a76", "cortex-a55")),
        f"{100 * correct / total:.2f} %",
        f"{100 * low:.2f} to {100 * high:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def instructions(run: BenchmarkRun) -> str:
    """Instructions of one inference, in millions."""
    assert run.instructions is not None
    return f"{run.instructions.total / 1e6:.3f} M"


def spaced(number: int) -> str:
    """A whole number with its thousands apart."""
    return f"{number:,}".replace(",", " ")


if __name__ == "__main__":
    main()
