"""Time training and inference of Keras on TensorFlow, with XLA and with its standard kernels.

    python xla.py xla.json [--rounds 3] [--seconds 10]

Each cell of the table is a process of its own: one network in float32, with ``jit_compile`` or
without. Its first call, which traces and compiles, is told apart from the rest.
Cells take turns, so that what the computer does meanwhile concerns all of them. Pictures are noise
of the size of CIFAR-10: time does not depend on what they show.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SHAPE, CLASSES, BATCH = (32, 32, 3), 10, 128
NETWORKS: dict[str, dict[str, Any]] = {
    "resnet": {"width": 16, "blocks": 3},
    "mobilenet_v2": {"alpha": 0.35, "halvings": 3},
}
WORK = ("training step", "inference, batch", "inference, one")


def main() -> None:
    """Measure every cell in turns and write all samples; or measure one, as a child."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path, help="JSON file to write.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="Of each cell and kind of work."
    )
    parser.add_argument("--cell", nargs=2, metavar=("NETWORK", "JIT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.cell:
        network, jit = given.cell
        print(json.dumps(cell(network, given.seconds, jit=jit == "jit")))
        return
    rows = []
    for number in range(given.rounds):
        order = [(name, jit) for name in NETWORKS for jit in ("jit", "standard")]
        for name, jit in order if number % 2 == 0 else order[::-1]:
            command = [sys.executable, __file__, str(given.out), "--seconds", str(given.seconds)]
            done = subprocess.run(
                [*command, "--cell", name, jit], check=True, capture_output=True, text=True
            )
            rows.append({"network": name, "way": jit, **json.loads(done.stdout.splitlines()[-1])})
            print(name, jit, {work: median(rows[-1], work) for work in WORK}, flush=True)
    found = {"settings": NETWORKS, "batch": BATCH, **machine(), "cells": rows}
    given.out.write_text(json.dumps(found, indent=1) + "\n")
    print(table(found))


def cell(network: str, seconds: float, *, jit: bool) -> dict[str, Any]:
    """Time one network: first call and further calls of each kind of work, in ms."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import numpy as np

    from tflconv import models
    from tflconv.core.tensorflow import keras2, tf

    tf.random.set_seed(0)
    model = models.build(network, SHAPE, CLASSES, **NETWORKS[network])
    loss = keras2.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, jit_compile=jit)
    draw = np.random.default_rng(0)
    pictures = draw.uniform(-1, 1, (BATCH, *SHAPE)).astype(np.float32)
    labels = draw.integers(0, CLASSES, BATCH)
    called = tf.function(lambda batch: model(batch, training=False), jit_compile=jit)
    batch, one = tf.constant(pictures), tf.constant(pictures[:1])
    calls = (
        lambda: model.train_on_batch(pictures, labels),
        lambda: called(batch).numpy(),
        lambda: called(one).numpy(),
    )
    found: dict[str, Any] = dict(zip(WORK, [timed(call, seconds) for call in calls], strict=True))
    found["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return found


def timed(call: Callable[[], object], seconds: float) -> dict[str, Any]:
    """Return ms of the first call and of the calls of some seconds, at least three."""
    first, *rest = [_ms(call)]
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(rest) < 3:
        rest.append(_ms(call))
    return {"first": first, "samples": rest[:200]}


def _ms(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return round((time.perf_counter() - start) * 1000, 3)


def median(row: dict[str, Any], work: str) -> float:
    """Median of the calls after the first."""
    return statistics.median(row[work]["samples"])


def table(found: dict[str, Any]) -> str:
    """The medians over rounds as a table in Markdown."""
    lines = [
        "| network | work | standard, first call | standard | XLA, first call | XLA | XLA is |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for network in found["settings"]:
        for work in WORK:
            first, later = {}, {}
            for way in ("standard", "jit"):
                rows = [c for c in found["cells"] if (c["network"], c["way"]) == (network, way)]
                first[way] = statistics.median(row[work]["first"] for row in rows)
                later[way] = statistics.median(median(row, work) for row in rows)
            cells = [
                f"{value:.0f} ms" if value >= 10 else f"{value:.2f} ms"
                for way in ("standard", "jit")
                for value in (first[way], later[way])
            ]
            ratio = later["standard"] / later["jit"]
            word = f"{ratio:.2f}x faster" if ratio >= 1 else f"{1 / ratio:.2f}x slower"
            lines.append(f"| `{network}` | {work} | {' | '.join(cells)} | {word} |")
    return "\n".join(lines)


def machine() -> dict[str, str]:
    """What was measured on, and with what."""
    from importlib.metadata import version

    lines = Path("/proc/cpuinfo").read_text().splitlines()
    processor = next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return {
        "processor": f"{processor}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "tensorflow": version("tensorflow"),
    }


if __name__ == "__main__":
    main()
