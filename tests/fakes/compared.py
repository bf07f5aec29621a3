"""Two runs to compare, made of block medians, and what a comparison says of them."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

from tflconv.comparison import Limit, Settings, compare
from tflconv.results import (
    Accuracy,
    BenchmarkRun,
    Block,
    Cpu,
    DeviceInfo,
    Instructions,
    Latency,
    MeasuredModel,
    Results,
    Schedule,
    Software,
    right_of,
)

BLOCKS = 20


def run(
    slug: str = "m",
    *,
    blocks: list[float] | None = None,
    schedule: str = "s",
    number: int = 0,
    size: int = 1000,
    instructions: float | None = None,
    right: str | None = None,
    **changes: Any,
) -> BenchmarkRun:
    """A run whose blocks have these median latencies in milliseconds."""
    medians = blocks or [1.0] * BLOCKS
    samples = tuple(round(1e6 * ms) for ms in medians for _ in range(3))
    made = tuple(
        Block(place=2 * n + number, runs=3, cpu_ms=ms, percent_closed_loop=99, peak_bytes=4096)
        for n, ms in enumerate(medians)
    )
    accuracy = right and Accuracy(
        dataset="d", correct=right.count("1"), total=len(right), digest="d",
        right=right_of(bit == "1" for bit in right),
    )  # fmt: skip
    return replace(
        BenchmarkRun(
            model=MeasuredModel(
                slug=slug, name=slug, recipe="fp32", sha256=slug[0] * 64, bytes=size
            ),
            device=DeviceInfo(id="host", kind="host", name="pc", abi="x86_64", os="Linux"),
            runtime=Software(name="LiteRT", version="2", sha256="0" * 64),
            config={"num_threads": 1, "blocks": BLOCKS},
            latency=Latency(samples_ns=samples),
            cpu=Cpu(ms_per_inference=1.0, percent_closed_loop=99),
            instructions=instructions and Instructions(total=instructions),
            accuracy=accuracy,
            schedule=Schedule(id=schedule, files=2, seed=0, blocks=made),
        ),
        **changes,
    )


def noisy(seed: int, factor: float = 1.0, spread: float = 0.03, count: int = BLOCKS) -> list[float]:
    draw = random.Random(seed)
    return [factor * math.exp(draw.gauss(0, spread)) for _ in range(count)]


def verdicts(baseline: BenchmarkRun, contender: BenchmarkRun, **how: Any) -> dict[str, str]:
    sides = Results(runs=(baseline,)), Results(runs=(contender,))
    (pair,) = compare(*sides, Settings(**how)).pairs
    return {effect.metric: effect.verdict for effect in pair.effects}


def gate(baseline: BenchmarkRun, contender: BenchmarkRun, *limits: str, **how: Any) -> Any:
    sides = Results(runs=(baseline,)), Results(runs=(contender,))
    return compare(*sides, Settings(limits=tuple(map(Limit.parse, limits)), **how))
