"""Tells how processes, threads and batches of LiteRT share the cores: pictures per second.

Each row has so many processes, each with an interpreter of so many threads, all busy at once. Rows
are interleaved over several rounds; medians are told.

    python studies/resnet-service/serving/threads.py resnet-fp32.tflite mobilenet-fp32.tflite
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import time
from multiprocessing import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

CORES = len(os.sched_getaffinity(0))
ROWS = ((CORES, 1, 1), (1, CORES, 1), (CORES, CORES, 1), (CORES, 1, 4), (CORES, 1, 8))
"""Processes, threads of each, pictures per call."""


def rates(model: Path, row: tuple[int, int, int], seconds: float) -> tuple[float, float]:
    """Pictures per second of time and per second of processor time of all processes together."""
    processes, threads, batch = row
    context = multiprocessing.get_context("spawn")
    barrier, told = context.Barrier(processes), context.Queue()
    running = [
        context.Process(target=_run, args=(model, threads, batch, seconds, barrier, told))
        for _ in range(processes)
    ]
    for process in running:
        process.start()
    found = [told.get() for _ in running]
    for process in running:
        process.join()
    return sum(rate for rate, _ in found), statistics.mean(per_cpu for _, per_cpu in found)


def _run(
    model: Path, threads: int, batch: int, seconds: float, barrier: Barrier,
    told: Queue[tuple[float, float]],
) -> None:  # fmt: skip
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    runtime = Interpreter(str(model), num_threads=threads)
    source = runtime.get_input_details()[0]
    runtime.resize_tensor_input(source["index"], [batch, *source["shape"][1:]])
    runtime.allocate_tensors()
    runtime.set_tensor(source["index"], np.ones([batch, *source["shape"][1:]], source["dtype"]))
    runtime.invoke()
    barrier.wait()
    count, began, worked = 0, time.monotonic(), time.process_time()
    while time.monotonic() < began + seconds:
        runtime.invoke()
        count += batch
    told.put((count / (time.monotonic() - began), count / (time.process_time() - worked)))


def table(models: list[Path], *, rounds: int, seconds: float) -> str:
    """Return the medians of all rows as Markdown."""
    lines = [
        "| model | processes | threads of each | pictures per call | pictures per second |"
        " per CPU second |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for model in models:
        found = [[rates(model, row, seconds) for row in ROWS] for _ in range(rounds)]
        for row, each in zip(ROWS, zip(*found, strict=True), strict=True):
            medians = (statistics.median(values) for values in zip(*each, strict=True))
            cells = [model.stem, *map(str, row), *(f"{value:.0f}" for value in medians)]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    given = parser.parse_args()
    print(table(given.models, rounds=given.rounds, seconds=given.seconds))


if __name__ == "__main__":
    main()
