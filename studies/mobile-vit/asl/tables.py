"""Print the tables of README.md from the results of the plan.

python tables.py run/results.json host.json
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

from tflconv import results
from tflconv.report import units
from tflconv.results import BenchmarkRun, Results

NETWORKS = {
    "vit": "selective_wi8_ai8",
    "mobilenet_v2": "static_wi8_ai8",
    "vit_int8": "static_wi8_ai8",
}
"""The networks, and the recipe by which they are compared."""

SEEDS = (0, 1, 2)
A76, A55 = "arm64:cortex-a76", "arm64:cortex-a55"

COMPARED = (
    "| network | file | size | instructions, a76 | a55 | three seeds | mean |\n"
    "|---|---|---:|---:|---:|---|---:|"
)
TECHNIQUES = (
    "| network | graph | file | size | change | on a76 | times fewer | accuracy | points |\n"
    "|---|---|---|---:|---:|---:|---:|---:|---:|"
)
HERE = (
    "| network | file | latency | times faster | CPU time | CPU use | memory |\n"
    "|---|---|---:|---:|---:|---:|---:|"
)


CURVES = "| network | validation after epoch 5 | 10 | 15 | 20 |\n|---|---:|---:|---:|---:|"


def main() -> None:
    """Print the tables of the files that are named."""
    counted, timed = (results.load(Path(name)) for name in sys.argv[1:3])
    for head, rows in TABLES:
        print("\n".join([head, *rows(counted)]), end="\n\n")
    print("\n".join([HERE, *here(timed)]))


def compared(found: Results) -> Iterator[str]:
    """Each network in float and INT8, over its seeds."""
    for name, best in NETWORKS.items():
        for recipe in ("fp32", best):
            runs = [run_of(found, f"{name}-{seed}", recipe, A76) for seed in SEEDS]
            shares = [accuracy(run) for run in runs]
            yield row(
                f"`{name}`",
                f"`{recipe}`",
                units.size(runs[0].model.bytes),
                units.amount(instructions(runs[0])),
                units.amount(instructions(run_of(found, f"{name}-0", recipe, A55))),
                ", ".join(f"{share:.2f}" for share in shares) + " %",
                f"{mean(shares):.2f} %",
            )


def techniques(found: Results) -> Iterator[str]:
    """Everything that was made of the first seed, beside its float file as Keras made it."""
    for name in NETWORKS:
        whole = run_of(found, f"{name}-0-as-it-came", "unfused_fp32", A76)
        for title, graph in ((f"{name}-0-as-it-came", "as-is"), (f"{name}-0", "auto")):
            for run in runs_of(found, title, A76):
                kind = "unfused" if run.model.recipe.startswith("unfused") else graph
                yield row(
                    f"`{name}`",
                    kind,
                    f"`{run.model.recipe.removeprefix('unfused_')}`",
                    units.size(run.model.bytes),
                    units.change(run.model.bytes / whole.model.bytes - 1),
                    units.amount(instructions(run)),
                    units.factor(instructions(whole) / instructions(run)),
                    f"{accuracy(run):.2f} %",
                    signed(accuracy(run) - accuracy(whole)),
                )


def here(found: Results) -> Iterator[str]:
    """What the float file and the compared INT8 file cost on this computer."""
    for name, best in NETWORKS.items():
        whole, small = (
            next(r for r in found.runs if r.model.slug == f"{name}-0-asl-alphabet-{recipe}")
            for recipe in ("fp32", best)
        )
        for run in (whole, small):
            assert run.latency is not None
            assert whole.latency is not None
            assert run.cpu is not None
            assert run.memory is not None
            yield row(
                f"`{name}`",
                f"`{run.model.slug.rpartition('-')[2]}`",
                units.milliseconds(run.latency.median_ms),
                units.factor(whole.latency.median_ms / run.latency.median_ms),
                units.milliseconds(run.cpu.ms_per_inference),
                f"{run.cpu.percent_closed_loop:.0f} %",
                units.size(run.memory.peak_bytes),
            )


def curves(found: Results) -> Iterator[str]:
    """How accurate each training was on validation pictures, on its way."""
    trained = found.context["training"]
    for title in (f"{name}-{seed}" for name in NETWORKS for seed in SEEDS):
        shares = {epoch["epoch"]: epoch["validation_accuracy"] for epoch in trained[title]}
        yield row(f"`{title}`", *(f"{100 * shares[n]:.2f} %" for n in (5, 10, 15, 20)))


def runs_of(found: Results, title: str, device: str) -> list[BenchmarkRun]:
    """The runs of one model on one device."""
    return [r for r in found.runs if r.model.name == title and r.device.id == device]


def run_of(found: Results, title: str, recipe: str, device: str) -> BenchmarkRun:
    """The run of one file on one device."""
    (run,) = [r for r in runs_of(found, title, device) if r.model.recipe == recipe]
    return run


def accuracy(run: BenchmarkRun) -> float:
    """Per cent of the test pictures that the file gets right."""
    assert run.accuracy is not None
    return 100 * run.accuracy.correct / run.accuracy.total


def instructions(run: BenchmarkRun) -> float:
    """Instructions of one inference."""
    assert run.instructions is not None
    return run.instructions.total


def signed(points: float) -> str:
    """A difference in points."""
    return f"{points:+.2f}".replace("-", "−")


def row(*cells: str) -> str:
    """One line of a table."""
    return f"| {' | '.join(cells)} |"


TABLES = ((COMPARED, compared), (TECHNIQUES, techniques), (CURVES, curves))
"""Heads of the tables, and what makes their rows."""

if __name__ == "__main__":
    main()
