"""From the harness's lines to the parts of a ``BenchmarkRun``; nothing is measured here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from tflconv.benchmark.protocol import Conversation, InitLine
from tflconv.benchmark.testset import PackedSet
from tflconv.results import (
    Accuracy,
    Cpu,
    Graph,
    Instructions,
    Latency,
    Memory,
    Op,
    SustainedSecond,
)


def latency(steady: Conversation) -> Latency:
    """Start-up, warm-up and steady state, apart."""
    init = steady.init
    return Latency(
        samples_ns=steady.samples("steady"),
        warmup_ns=steady.samples("warmup"),
        init_ns=init.init_ns,
        first_inference_ns=init.first_inference_ns,
    )


def cpu(steady: Conversation, at_rate: Conversation | None) -> Cpu:
    """CPU time of all threads, in a closed loop and at a rate; percentages are of one core."""
    closed, paced = steady.cpu, at_rate.cpu if at_rate else None
    return Cpu(
        ms_per_inference=closed.cpu_ns / closed.runs / 1e6,
        percent_closed_loop=closed.percent,
        percent_at_rate=paced.percent if paced else None,
        rate_hz=paced.rate_hz if paced else None,
        voluntary_switches=closed.voluntary_switches,
        involuntary_switches=closed.involuntary_switches,
    )


def memory(conversation: Conversation) -> Memory:
    """Peak and current memory of the process that said so."""
    line = conversation.memory
    return Memory(
        peak_bytes=line.peak_bytes,
        before_init_bytes=line.before_init_bytes,
        after_init_bytes=line.after_init_bytes,
        current_bytes=line.current_bytes,
    )


def graph(profile: Conversation, *, timed: bool) -> Graph:
    """Who executes which op (XNNPACK says ``Fully Connected (NC, QS8) GEMM``), and how long.

    The time is left out unless the device's clock means something.
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


def instructions(steady: Conversation) -> Instructions | None:
    """Instructions of an inference by the processor's own counters, where it may be asked."""
    line = steady.cpu
    if line.instructions is None:
        return None
    return Instructions(total=line.instructions / line.runs, source="perf_event")


def accuracy(
    conversation: Conversation, test_set: PackedSet, where: Literal["host", "device"]
) -> Accuracy:
    """Top-1 and what it consists of."""
    line = conversation.accuracy
    per_class = zip(test_set.classes, line.per_class, strict=True)
    return Accuracy(
        dataset=test_set.dataset,
        correct=line.correct,
        total=line.total,
        where=where,
        per_class={name: (correct, total) for name, (correct, total) in per_class},
        digest=test_set.digest,
        subset=test_set.subset,
    )


def series(sustained: Conversation) -> tuple[SustainedSecond, ...]:
    """One entry for each second of a sustained run."""
    return tuple(
        SustainedSecond(
            at_s=line.at_ns / 1e9,
            runs=len(line.samples_ns),
            median_ms=float(np.median(line.samples_ns)) / 1e6,
            mhz=tuple(khz / 1e3 for khz in line.khz),
        )
        for line in sustained.runs("steady")
    )


def warnings(conversation: Conversation) -> Iterator[str]:
    """What the harness could not do as it was told."""
    init, end = conversation.init, conversation.end
    if init.cpu_mask_chosen_again:
        yield f"the CPU cores asked for are not available; these were used: {_cores(init)}"
    if end is not None and not end.cpu_mask_kept:
        yield f"CPU cores went off or came on during the run; it began on {_cores(init)}"


def mask(conversation: Conversation) -> str:
    """The CPU cores that a process ran on, as the hex number that ``cpu_mask`` takes."""
    return hex(conversation.init.cpu_mask)


def _cores(init: InitLine) -> str:
    bits = init.cpu_mask
    return ", ".join(str(core) for core in range(bits.bit_length()) if bits >> core & 1)
