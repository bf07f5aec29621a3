"""The harness against a Python loop: ``python tests/figures/harness_against_python.py --help``.

Latency: both run the same model with the same runtime package and one thread, in turns, so that a
busy machine is busy for both; the ratio of the medians of all pairs has a bootstrap interval.
Accuracy: all pictures of a test split, once through each.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import click
import numpy as np

from tflconv import data
from tflconv.benchmark import harness, testset
from tflconv.benchmark.harness import Harness
from tflconv.core import stats
from tflconv.device.host import Host
from tflconv.model.card import read_card
from tflconv.model.interpreter import Interpreter


def harness_median(installed: Harness, model: Path, runs: int) -> float:
    """Median nanoseconds of an inference by the harness, in a process of its own."""
    argv = installed.argv(graph=model, num_runs=runs, min_secs=0, warmup_runs=5, warmup_min_secs=0)
    said = installed.run(argv, subject=model.name, timeout=600)
    return statistics.median(said.samples("steady"))


def python_median(model: Path, runs: int) -> float:
    """Median nanoseconds of ``invoke`` alone."""
    runtime = Interpreter(model)._runtime
    random = np.random.default_rng(0)
    for tensor in runtime.get_input_details():
        runtime.set_tensor(
            tensor["index"], random.uniform(-1, 1, tensor["shape"]).astype(tensor["dtype"])
        )
    for _ in range(6):
        runtime.invoke()
    samples = []
    for _ in range(runs):
        began = time.perf_counter_ns()
        runtime.invoke()
        samples.append(time.perf_counter_ns() - began)
    return statistics.median(samples)


@click.group()
def main() -> None:
    """Compare the harness with a Python interpreter loop."""


@main.command()
@click.argument("model", type=click.Path(path_type=Path, exists=True))
@click.option("--pairs", default=20, show_default=True)
@click.option("--runs", default=30, show_default=True)
def latency(model: Path, pairs: int, runs: int) -> None:
    """Ratio of medians, harness to Python, of pairs in alternating order."""
    installed = harness.install(Host())
    ours, theirs = [], []
    for pair in range(pairs):
        if pair % 2:
            theirs.append(python_median(model, runs))
        ours.append(harness_median(installed, model, runs))
        if not pair % 2:
            theirs.append(python_median(model, runs))
    ratio, low, high = stats.bootstrap_ratio(ours, theirs)
    paired = np.array(ours) / np.array(theirs)
    low_paired, high_paired = stats.bootstrap_median(paired)
    click.echo(f"harness {np.median(ours) / 1e6:.3f} ms, Python {np.median(theirs) / 1e6:.3f} ms")
    click.echo(f"ratio of medians {ratio:.4f} [{low:.4f}, {high:.4f}]")
    click.echo(
        f"median of paired ratios {np.median(paired):.4f} [{low_paired:.4f}, {high_paired:.4f}]"
    )


@main.command()
@click.argument("model", type=click.Path(path_type=Path, exists=True))
@click.option("--dataset", default="mnist", show_default=True)
def accuracy(model: Path, dataset: str) -> None:
    """Seconds for a whole test split; both must find the same."""
    card = read_card(model)
    assert card is not None
    found = data.load(dataset)
    began = time.perf_counter()
    predicted = Interpreter(model).predict(found.test.images).argmax(axis=1)
    python_seconds = time.perf_counter() - began
    installed = harness.install(Host())
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        packed = testset.pack(
            Path(folder) / "set", found.test, card.normalization,
            dataset=dataset, classes=found.classes,
        )  # fmt: skip
        argv = installed.argv(graph=model, test_set=packed.path)
        said = installed.run(argv, subject=model.name, timeout=600).accuracy
        seconds = time.perf_counter() - began
    same = int((np.array(said.predicted) == predicted).sum())
    click.echo(f"{len(predicted)} pictures, {same} classified alike")
    click.echo(
        f"harness {seconds:.2f} s, {said.wall_ns / 1e9:.2f} s of it at work;"
        f" Python {python_seconds:.2f} s"
    )


if __name__ == "__main__":
    main()
