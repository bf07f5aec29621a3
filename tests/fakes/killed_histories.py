"""Processes that keep runs in a history until they are killed, and what is there afterwards."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

from tflconv.history import History
from tflconv.results import BenchmarkRun, DeviceInfo, Latency, MeasuredModel

WRITERS = 2


def run(
    number: int, *, slug: str = "m", started: str = "2030-01-01T00:00:00+00:00"
) -> BenchmarkRun:
    """A run like no other."""
    return BenchmarkRun(
        model=MeasuredModel(slug=slug, name=slug, recipe="fp32", sha256="a" * 64, bytes=1),
        device=DeviceInfo(id="host", kind="host", name="pc", abi="x86_64", os="Linux"),
        started=started,
        latency=Latency(samples_ns=(1_000_000 + number, 1_000_000, 1_000_000)),
    )


@dataclass(frozen=True, kw_only=True)
class Survival:
    """What all kills together left.

    Attributes:
        kept: Runs that are in the histories.
        told: Runs of which the killed processes had said that they are.
        lost: Runs that were said to be kept and are not.
        extra: The most runs that a kill left beyond those that were said to be kept.
        damaged: Histories that SQLite or a hash calls damaged.
    """

    kept: int
    told: int
    lost: int
    extra: int
    damaged: int


def survive(folder: Path, *, kills: int, seed: int = 0) -> Survival:
    """Kill two processes that write one history, ``kills`` times, each at a random moment."""
    draw, path = random.Random(seed), folder / "history.sqlite"
    told = set[int]()
    extra = damaged = 0
    for number in range(kills):
        said = set(_killed(path, 1_000_000 * number, draw.uniform(0.0, 0.05)))
        told |= said
        with closing(sqlite3.connect(path)) as connection:
            damaged += connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok"
        present = _numbers(path)
        extra = max(extra, len({n for n in present if n // 1_000_000 == number} - said))
    present = _numbers(path)
    return Survival(
        kept=len(present),
        told=len(told),
        lost=len(told - present),
        extra=extra,
        damaged=damaged,
    )


def _killed(path: Path, first: int, seconds: float) -> Iterator[int]:
    """Yield what writers said before they were killed, ``seconds`` after the first word."""
    context = multiprocessing.get_context("fork")
    pipes = [context.Pipe(duplex=False) for _ in range(WRITERS)]
    processes = [
        context.Process(target=_write, args=(path, first + 100_000 * place, pipe[1]))
        for place, pipe in enumerate(pipes)
    ]
    for process in processes:
        process.start()
    for _, writer in pipes:
        writer.close()
    pipes[0][0].poll(60)
    time.sleep(seconds)
    for process in processes:
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    for reader, _ in pipes:
        with contextlib.suppress(EOFError):
            while True:
                yield reader.recv()


def _write(path: Path, first: int, pipe: Connection) -> None:
    for number in range(first, first + 100_000):
        History(path).add([run(number)])
        pipe.send(number)


def _numbers(path: Path) -> set[int]:
    latencies = (kept.run.latency for kept in History(path).runs())
    return {latency.samples_ns[0] - 1_000_000 for latency in latencies if latency}


def renamed(kept: BenchmarkRun, slug: str) -> BenchmarkRun:
    """The same run of another model."""
    return replace(kept, model=replace(kept.model, slug=slug))
