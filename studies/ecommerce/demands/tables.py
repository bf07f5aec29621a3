"""Print the tables of README.md from the results of both plans.

python tables.py measured.json again.json
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tflconv import results
from tflconv.comparison.evidence import SamePictures
from tflconv.report import units
from tflconv.results import BenchmarkRun, Results

INT8 = "static_wi8_ai8"
SETS = {"cifar": "CIFAR-10", "fashion": "Fashion-MNIST"}
WHOLE = "width-16"
HEAD = (
    "| network | CIFAR-10: instructions, a76 | accuracy | points behind"
    " | Fashion-MNIST: instructions, a76 | accuracy | points behind |\n"
    "|---|---:|---:|---|---:|---:|---|"
)

TWICE = "| network | CIFAR-10, points behind | Fashion-MNIST |\n|---|---|---|"


def main() -> None:
    """Print the tables of the files that are named."""
    first, second = (results.load(Path(name)) for name in sys.argv[1:])
    print("\n".join([HEAD, *rows(first), "", TWICE, *pairs(first, second)]))


def pairs(first: Results, second: Results) -> Iterator[str]:
    """Points behind the whole network in both trainings."""
    for shape in shapes(first)[1:]:
        cells = [
            " and ".join(f"{behind(each, kind, shape)[0]:.2f}" for each in (first, second))
            for kind in SETS
        ]
        yield f"| `{shape}` | {' | '.join(cells)} |"


def rows(found: Results) -> Iterator[str]:
    """Each network on both sets, in INT8."""
    for shape in shapes(found):
        cells = [cell for kind in SETS for cell in _cells(found, kind, shape)]
        yield f"| `{shape}` | {' | '.join(cells)} |"


def shapes(found: Results) -> list[str]:
    """The networks in the order of the plan."""
    names = (run.model.name for run in found.runs)
    return list(dict.fromkeys(name.partition("-")[2] for name in names))


def run_of(found: Results, kind: str, shape: str) -> BenchmarkRun:
    """The INT8 file of a network on a set."""
    name = f"{kind}-{shape}"
    (run,) = (r for r in found.runs if (r.model.name, r.model.recipe) == (name, INT8))
    return run


def instructions(run: BenchmarkRun) -> float:
    """Instructions of one inference."""
    assert run.instructions is not None
    return float(run.instructions.total)


def right(run: BenchmarkRun) -> tuple[int, int]:
    """How many test pictures it gets right, and of how many."""
    assert run.accuracy is not None
    return run.accuracy.correct, run.accuracy.total


def behind(found: Results, kind: str, shape: str) -> tuple[float, float, float]:
    """Points behind the whole network, with Tango's 95 % interval on the same pictures."""
    whole, less = (list(_told(run_of(found, kind, each))) for each in (WHOLE, shape))
    pairs = list(zip(whole, less, strict=True))
    drop = SamePictures(
        lost=pairs.count((True, False)), won=pairs.count((False, True)), total=len(pairs)
    )
    low, high = drop.interval(0.95)
    return 100 * drop.estimate, 100 * low, 100 * high


def _told(run: BenchmarkRun) -> tuple[bool, ...]:
    """Which test pictures a file gets right."""
    assert run.accuracy is not None
    told = run.accuracy.bits
    assert told is not None
    return told


def _cells(found: Results, kind: str, shape: str) -> Iterator[str]:
    run = run_of(found, kind, shape)
    correct, total = right(run)
    yield units.amount(instructions(run))
    yield units.percent(correct / total)
    points, low, high = behind(found, kind, shape)
    yield "–" if shape == WHOLE else f"{points:.2f} [{low:.2f}, {high:.2f}]"


if __name__ == "__main__":
    main()
