"""What two runs say about each other, figure by figure, and the verdict in words."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from tflconv.comparison import evidence as evidences
from tflconv.comparison.evidence import Evidence, Exact, OtherPictures, SamePictures
from tflconv.results import Accuracy, BenchmarkRun, Block, EmulatedInstructions, Instructions

Metric = Literal["latency", "cpu", "memory", "instructions", "bytes", "accuracy"]

METRICS: tuple[Metric, ...] = ("latency", "cpu", "memory", "instructions", "bytes", "accuracy")

BLOCKS = 20
"""Blocks that each side must have."""

CONFIDENCE = 0.99
"""That of intervals and verdicts: one of 100 comparisons of a file with itself may fail."""

THRESHOLDS: dict[Metric, float] = {
    "latency": 0.02,
    "cpu": 0.02,
    "memory": 0.02,
    "instructions": 0.001,
    "bytes": 0.001,
    "accuracy": 0.005,
}
"""Smallest changes that matter; the last one is half a percentage point."""

WORDS: dict[Metric, tuple[str, str]] = {
    "latency": ("faster", "slower"),
    "cpu": ("less CPU time", "more CPU time"),
    "memory": ("less memory", "more memory"),
    "instructions": ("fewer instructions", "more instructions"),
    "bytes": ("smaller", "larger"),
    "accuracy": ("more accurate", "less accurate"),
}

SAME, UNKNOWN = "no practical difference", "cannot tell"


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One figure of both runs.

    Attributes:
        metric: Which figure.
        baseline: Its value in the baseline: milliseconds, bytes, instructions or a share.
        contender: Its value in the contender.
        evidence: What is known about the change; None where nothing can be said.
        obstacle: Why nothing can be said, or not surely.
        seconds: How long one more block of both files takes; None where time plays no part.
        confidence: That of the interval and of the verdict.
        threshold: The smallest change that matters, as a share.
    """

    metric: Metric
    baseline: float
    contender: float
    evidence: Evidence | None = None
    obstacle: str = ""
    seconds: float | None = None
    confidence: float = CONFIDENCE
    threshold: float

    @property
    def interval(self) -> tuple[float, float] | None:
        """The changes for the worse that are not excluded, as shares."""
        return self.evidence.interval(self.confidence) if self.evidence else None

    @property
    def verdict(self) -> str:
        """Faster or slower and the like, no practical difference, or cannot tell."""
        if self.interval is None:
            return UNKNOWN
        low, high = self.interval
        if -self.threshold <= low and high <= self.threshold:
            return SAME
        if low <= 0 <= high:
            return UNKNOWN
        return WORDS[self.metric][low > 0]

    @property
    def advice(self) -> str:
        """What would tell, where the verdict cannot."""
        if self.verdict != UNKNOWN:
            return ""
        if self.evidence is None:
            return self.obstacle
        return self.needed(self.threshold)

    def needed(self, change: float) -> str:
        """Return how many blocks or pictures would tell whether there is a ``change``."""
        assert self.evidence is not None
        count = self.evidence.needed(change, self.confidence)
        if count is None:
            return ""
        if self.metric == "accuracy":
            return f"{count:,} pictures would do".replace(",", " ")
        count = max(count, BLOCKS)
        time = f" ({_duration(count * self.seconds)})" if self.seconds else ""
        return f"{count} blocks would do{time}"


def of(
    baseline: BenchmarkRun,
    contender: BenchmarkRun,
    *,
    confidence: float = CONFIDENCE,
    threshold: float | None = None,
    apart: bool = False,
) -> Iterator[Effect]:
    """Yield the effect of each figure that both runs have.

    Args:
        baseline: The run that the other one is held against.
        contender: The other one, of the same device.
        confidence: That of intervals and verdicts.
        threshold: The smallest change of times and memory that matters, as a share.
        apart: Whether blocks that were measured apart count, too.
    """
    for metric in METRICS:
        values = value_of(metric, baseline), value_of(metric, contender)
        if values[0] is None or values[1] is None:
            continue
        evidence, obstacle = _evidence(metric, baseline, contender, apart)
        is_time = metric in _OF_BLOCKS
        yield Effect(
            metric=metric,
            baseline=values[0],
            contender=values[1],
            evidence=evidence,
            obstacle=obstacle,
            seconds=_seconds(baseline, contender) if is_time else None,
            confidence=confidence,
            threshold=threshold if is_time and threshold is not None else THRESHOLDS[metric],
        )


def value_of(metric: Metric, run: BenchmarkRun) -> float | None:
    """Return a figure of ``run``: milliseconds, bytes, instructions or a share."""
    counted, blocks = _counted(run), run.schedule.blocks if run.schedule else ()
    peaks = [block.peak_bytes for block in blocks if block.peak_bytes is not None]
    values: dict[Metric, float | None] = {
        "latency": run.latency.median_ms if run.latency else None,
        "cpu": run.cpu.ms_per_inference if run.cpu else None,
        "memory": statistics.median(peaks) if peaks else None,
        "instructions": counted.total if counted else None,
        "bytes": run.model.bytes,
        "accuracy": run.accuracy.top1 if run.accuracy else None,
    }
    if run.memory is not None and values["memory"] is None:
        values["memory"] = run.memory.peak_bytes
    return values[metric]


def _counted(run: BenchmarkRun) -> Instructions | EmulatedInstructions | None:
    """Return the counted instructions, those of the emulated core if there are some."""
    return run.conditions.instructions_emulated or run.instructions


def _evidence(
    metric: Metric, baseline: BenchmarkRun, contender: BenchmarkRun, apart: bool
) -> tuple[Evidence | None, str]:
    if metric == "bytes":
        return Exact.of(baseline.model.bytes, contender.model.bytes), ""
    if metric == "accuracy":
        assert baseline.accuracy is not None
        assert contender.accuracy is not None
        return _of_answers(baseline.accuracy, contender.accuracy), ""
    if metric == "instructions":
        counts = _counted(baseline), _counted(contender)
        assert counts[0] is not None
        assert counts[1] is not None
        sources = {counts[0].source, counts[1].source}
        if sources == {"qemu"}:
            return Exact.of(counts[0].total, counts[1].total), ""
        if len(sources) > 1:
            return None, "one side was counted by an emulator and the other by a processor"
    return _of_blocks(metric, baseline, contender, apart)


def _of_answers(baseline: Accuracy, contender: Accuracy) -> Evidence:
    first, second = baseline.bits, contender.bits
    same = (baseline.pictures or baseline.digest) == (contender.pictures or contender.digest)
    if first is None or second is None or len(first) != len(second) or not same:
        return OtherPictures(
            (baseline.correct, baseline.total), (contender.correct, contender.total)
        )
    pairs = list(zip(first, second, strict=True))
    return SamePictures(
        lost=pairs.count((True, False)), won=pairs.count((False, True)), total=len(pairs)
    )


def _peak(block: Block) -> float | None:
    return block.peak_bytes


def _cpu(block: Block) -> float | None:
    return block.cpu_ms


def _count(block: Block) -> float | None:
    return block.instructions


_OF_BLOCKS: dict[Metric, Callable[[Block], float | None]] = {
    "cpu": _cpu,
    "memory": _peak,
    "instructions": _count,
    "latency": _cpu,  # replaced by the medians of the samples
}


def _of_blocks(
    metric: Metric, baseline: BenchmarkRun, contender: BenchmarkRun, apart: bool
) -> tuple[Evidence | None, str]:
    """Return what the blocks of two runs say, paired by rounds if they were measured together."""
    if baseline.schedule is None or contender.schedule is None:
        return None, f"not measured in blocks: bench both files with --blocks {BLOCKS}"
    first, second = _figures(metric, baseline), _figures(metric, contender)
    together = baseline.schedule.id == contender.schedule.id
    if not together and not apart:
        return None, "measured apart: what changed in between cannot be told from the files"
    if together:
        rounds = sorted(first.keys() & second.keys())
        first, second = ({r: side[r] for r in rounds} for side in (first, second))
    fewest = min(len(first), len(second))
    if fewest < BLOCKS:
        return None, f"{fewest} blocks, and at least {BLOCKS} are needed"
    compare = evidences.of_rounds if together else evidences.of_separate
    return compare(list(first.values()), list(second.values())), ""


def _figures(metric: Metric, run: BenchmarkRun) -> dict[int, float]:
    """Return a figure per round."""
    assert run.schedule is not None
    rounds, blocks = run.schedule.rounds, run.schedule.blocks
    if metric == "latency":
        return dict(zip(rounds, _medians(run), strict=True))
    values = zip(rounds, map(_OF_BLOCKS[metric], blocks), strict=True)
    return {number: value for number, value in values if value}


def _medians(run: BenchmarkRun) -> list[float]:
    """Return the median latency of each block."""
    assert run.schedule is not None
    return [statistics.median(samples) for samples in _samples(run)]


def _samples(run: BenchmarkRun) -> Iterator[Sequence[int]]:
    assert run.schedule is not None
    assert run.latency is not None
    ends = [0]
    for block in run.schedule.blocks:
        ends.append(ends[-1] + block.runs)
    yield from (run.latency.samples_ns[start:end] for start, end in pairwise(ends))


def _seconds(*runs: BenchmarkRun) -> float | None:
    """Return how long a block of all ``runs`` takes, warm-up included."""
    if any(run.schedule is None or run.latency is None for run in runs):
        return None
    return sum(
        sum((*run.latency.samples_ns, *run.latency.warmup_ns)) / 1e9 / len(run.schedule.blocks)
        for run in runs
        if run.latency and run.schedule
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
