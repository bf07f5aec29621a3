"""Print the tables of README.md from the results of the three plans.

python tables.py ARCHITECTURES.json RESNET.json MOBILENET_V2.json
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tflconv import results
from tflconv.core import stats
from tflconv.report import units
from tflconv.results import BenchmarkRun, Results

A76, A55 = "arm64:cortex-a76", "arm64:cortex-a55"
DATASET = "clothing-small"
WHOLE = "fp32"

ARCHITECTURES = (
    "| network | parameters | multiply-adds | file | size | instructions, a76 | a55 | accuracy"
    " | 95 % interval |\n"
    "|---|---:|---:|---|---:|---:|---:|---:|---|"
)
TECHNIQUES = (
    "| recipe | size | gzip | instructions, a76 | times fewer | accuracy | points |\n"
    "|---|---:|---:|---:|---:|---:|---:|"
)


TUNED = (
    "| network | 40 epochs from new weights | 30 epochs from CIFAR-10 | points |\n"
    "|---|---:|---:|---:|"
)


def main() -> None:
    """Print the tables of the files that are named."""
    first, resnet, mobilenet = (results.load(Path(name)) for name in sys.argv[1:])
    print("\n".join([ARCHITECTURES, *architectures(first)]))
    print("\n".join(["", TUNED, *tuned(first, {"resnet": resnet, "mobilenet_v2": mobilenet})]))
    for found in (resnet, mobilenet):
        print("\n".join(["", TECHNIQUES, *techniques(found)]))


def architectures(found: Results) -> Iterator[str]:
    """Each network, in float and INT8."""
    for run in counted(found):
        low, high = stats.wilson(*right(run))
        (small,) = (r for r in found.runs if r.model.slug == run.model.slug and r.device.id == A55)
        yield row(
            f"`{run.model.name}`",
            units.amount(run.model.parameters or 0),
            units.amount(run.model.macs or 0),
            f"`{run.model.recipe}`",
            units.size(run.model.bytes),
            units.amount(instructions(run)),
            units.amount(instructions(small)),
            units.percent(accuracy(run)),
            f"{100 * low:.1f} to {100 * high:.1f}",
        )


def techniques(found: Results) -> Iterator[str]:
    """What was made of the fine-tuned network, in the order of the plan."""
    whole = run_of(found, WHOLE)
    for run in counted(found):
        yield row(
            f"`{run.model.recipe}`",
            units.size(run.model.bytes),
            units.size(run.model.download_bytes or 0),
            units.amount(instructions(run)),
            units.factor(instructions(whole) / instructions(run)),
            units.percent(accuracy(run)),
            points(accuracy(run) - accuracy(whole)),
        )


def tuned(first: Results, others: Mapping[str, Results]) -> Iterator[str]:
    """What weights from another set gain, in float."""
    for name, found in others.items():
        (new,) = (
            run for run in counted(first) if (run.model.name, run.model.recipe) == (name, WHOLE)
        )
        before, after = accuracy(new), accuracy(run_of(found, WHOLE))
        yield row(f"`{name}`", units.percent(before), units.percent(after), points(after - before))


def points(share: float) -> str:
    """A difference of two shares in points."""
    return f"{100 * share:+.1f}".replace("-", "−")


def counted(found: Results) -> list[BenchmarkRun]:
    """The runs on the larger core, of what knows clothing."""
    return [r for r in found.runs if (r.device.id, r.model.dataset) == (A76, DATASET)]


def run_of(found: Results, recipe: str) -> BenchmarkRun:
    """The run of one file of the only network."""
    (run,) = (run for run in counted(found) if run.model.recipe == recipe)
    return run


def right(run: BenchmarkRun) -> tuple[int, int]:
    """Test pictures that the file gets right, and all of them."""
    assert run.accuracy is not None
    return run.accuracy.correct, run.accuracy.total


def accuracy(run: BenchmarkRun) -> float:
    """Share of the test pictures that the file gets right."""
    correct, total = right(run)
    return correct / total


def instructions(run: BenchmarkRun) -> float:
    """Instructions of one inference."""
    assert run.instructions is not None
    return run.instructions.total


def row(*cells: str) -> str:
    """One line of a table."""
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
