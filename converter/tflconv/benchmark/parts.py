"""Turn the harness's output into the parts of a ``BenchmarkRun``; nothing is measured here."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from tflconv.benchmark.protocol import AccuracyLine, HarnessOutput, InitLine
from tflconv.benchmark.testset import PackedSet
from tflconv.core import doubts
from tflconv.results import (
    Accuracy,
    Cpu,
    Graph,
    Instructions,
    Latency,
    Memory,
    Op,
    SustainedSecond,
    pictures_of,
    right_of,
)


def latency(steady: Sequence[HarnessOutput]) -> Latency:
    """Return the durations of start-up, warm-up and steady state, in nanoseconds.

    Args:
        steady: One output per block; start-up is that of the first.

    """
    init = steady[0].init
    return Latency(
        samples_ns=tuple(ns for output in steady for ns in output.samples("steady")),
        warmup_ns=tuple(ns for output in steady for ns in output.samples("warmup")),
        init_ns=init.init_ns,
        first_inference_ns=init.first_inference_ns,
    )


def cpu(steady: Sequence[HarnessOutput], at_rate: HarnessOutput | None) -> Cpu:
    """Return the CPU time of all threads in a closed loop and at a fixed rate.

    Percentages are of one core.

    Args:
        steady: One output per block of the closed loop.
        at_rate: The output at a fixed rate, if that was measured.

    """
    closed, paced = [output.cpu for output in steady], at_rate.cpu if at_rate else None
    used = sum(line.cpu_ns for line in closed)
    return Cpu(
        ms_per_inference=used / sum(line.runs for line in closed) / 1e6,
        percent_closed_loop=100 * used / sum(line.wall_ns for line in closed),
        percent_at_rate=paced.percent if paced else None,
        rate_hz=paced.rate_hz if paced else None,
        voluntary_switches=sum(line.voluntary_switches for line in closed),
        involuntary_switches=sum(line.involuntary_switches for line in closed),
        cycles_per_inference=_per_inference([(line.cycles, line.runs) for line in closed]),
    )


def memory(output: HarnessOutput) -> Memory:
    """Return the peak and current memory of the process that reported it."""
    line = output.memory
    return Memory(
        peak_bytes=line.peak_bytes,
        before_init_bytes=line.before_init_bytes,
        after_init_bytes=line.after_init_bytes,
        current_bytes=line.current_bytes,
    )


def graph(profile: HarnessOutput, *, timed: bool) -> Graph:
    """Return which delegate executes each operator, and its mean time.

    XNNPACK names operators like ``Fully Connected (NC, QS8) GEMM``.

    Args:
        profile: Output of a process that profiled.
        timed: Whether the device's clock is meaningful; if not, times are left out.

    """
    line = profile.ops
    ops = tuple(
        Op(
            name=op.name,
            kind=op.name.partition(" (")[0],
            delegate=op.delegate,
            mean_ns=op.mean_ns if timed else None,
        )
        for op in line.ops
    )
    return Graph(nodes=line.nodes, delegated=line.delegated, partitions=line.partitions, ops=ops)


def instructions(steady: Sequence[HarnessOutput]) -> Instructions | None:
    """Return the instructions per inference by the processor's counters, None if unavailable."""
    total = _per_inference([(output.cpu.instructions, output.cpu.runs) for output in steady])
    return None if total is None else Instructions(total=total, source="perf_event")


def _per_inference(counts: Sequence[tuple[int | None, int]]) -> float | None:
    """Return the mean of pairs of a count and a number of inferences; None where one is missing."""
    known = [(count, runs) for count, runs in counts if count is not None]
    if len(known) < len(counts):
        return None
    return sum(count for count, _ in known) / sum(runs for _, runs in known)


def accuracy(
    output: HarnessOutput, test_set: PackedSet, where: Literal["host", "device"]
) -> Accuracy:
    """Return the top-1 accuracy, in all and per class."""
    line = output.accuracy
    per_class = zip(test_set.classes, line.per_class, strict=True)
    return Accuracy(
        dataset=test_set.dataset,
        correct=line.correct,
        total=line.total,
        where=where,
        per_class={name: (correct, total) for name, (correct, total) in per_class},
        digest=test_set.digest,
        subset=test_set.subset,
        right=right_of(map(operator.eq, line.predicted, test_set.labels)),
        pictures=pictures_of(test_set.ids, (test_set.classes[n] for n in test_set.labels)),
    )


def doubts_of(line: AccuracyLine, test_set: PackedSet) -> tuple[str, ...]:
    """Return what speaks against trusting an accuracy, one sentence each."""
    counts = zip(test_set.classes, line.per_class, strict=True)
    return doubts.about(
        "the model",
        totals={name: total for name, (_, total) in counts if total},
        correct=line.correct,
        answers=len(set(line.predicted)),
    )


def series(sustained: HarnessOutput) -> tuple[SustainedSecond, ...]:
    """Return one entry per second of a sustained run."""
    return tuple(
        SustainedSecond(
            at_s=line.at_ns / 1e9,
            runs=line.runs,
            median_ms=float(np.median(line.samples_ns)) / 1e6,
            mhz=tuple(khz / 1e3 for khz in line.khz),
        )
        for line in sustained.runs("steady")
    )


def warnings(output: HarnessOutput) -> Iterator[str]:
    """Yield a warning for each request that the harness could not fulfil."""
    init, end = output.init, output.end
    if init.cpu_mask_chosen_again:
        yield f"the requested CPU cores are not available; these were used: {_cores(init)}"
    if end is not None and not end.cpu_mask_kept:
        yield f"CPU cores went offline or online during the run; it began on {_cores(init)}"


def mask(output: HarnessOutput) -> str:
    """Return the CPU cores that a process ran on, as the hex mask that ``cpu_mask`` takes."""
    return hex(output.init.cpu_mask)


def _cores(init: InitLine) -> str:
    bits = init.cpu_mask
    return ", ".join(str(core) for core in range(bits.bit_length()) if bits >> core & 1)
