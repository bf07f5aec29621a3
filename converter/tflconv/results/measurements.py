"""What one benchmark measures, part by part: each a frozen value with its unit in its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from tflconv.core import stats
from tflconv.core.shortening import shorten


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Raw wall-clock samples in nanoseconds, and the start-up that came before them."""

    samples_ns: tuple[int, ...]
    warmup_ns: tuple[int, ...] = ()
    init_ns: int | None = None
    first_inference_ns: int | None = None

    @cached_property
    def summary(self) -> stats.Summary:
        """Median, percentiles and a bootstrap interval of the median, in milliseconds."""
        return stats.summarize([sample / 1e6 for sample in self.samples_ns])

    @property
    def median_ms(self) -> float:
        """Median latency in milliseconds."""
        return self.summary["median"]

    def __repr__(self) -> str:
        count = len(self.samples_ns)
        return f"Latency({f'median {self.median_ms:.3g} ms' if count else 'none'} of {count})"


@dataclass(frozen=True, kw_only=True)
class Cpu:
    """CPU time that one inference costs; percentages are of one core."""

    ms_per_inference: float
    percent_closed_loop: float
    percent_at_rate: float | None = None
    rate_hz: float | None = None
    voluntary_switches: int | None = None
    involuntary_switches: int | None = None


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes of a fresh, unprofiled process that runs only this model."""

    peak_bytes: int
    before_init_bytes: int | None = None
    after_init_bytes: int | None = None
    current_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Op:
    """One executed node and its cost; ``delegate`` is null for built-in kernels.

    ``instructions`` come from counting the model cut before and after the node.
    """

    name: str
    kind: str
    delegate: str | None = None
    mean_ns: float | None = None
    count: int = 1
    instructions: float | None = None


@dataclass(frozen=True, kw_only=True)
class Graph:
    """Who executes the graph: XNNPACK in so many partitions, built-in kernels for the rest."""

    nodes: int
    delegated: int
    partitions: int
    ops: tuple[Op, ...] = ()

    def __repr__(self) -> str:
        return f"Graph({self.delegated} of {self.nodes} nodes in {self.partitions} partitions)"


@dataclass(frozen=True, kw_only=True)
class Instructions:
    """Instructions that one inference executes, by class; counted, not timed.

    ``sdot`` are int8 dot products, ``fmla`` fused multiply-adds of floats, ``smull`` widening
    integer multiplies and multiply-adds, ``memory`` loads, stores and prefetches; ``simd`` is all
    vector and floating point arithmetic, the first three among it.
    """

    total: float
    sdot: float | None = None
    fmla: float | None = None
    smull: float | None = None
    memory: float | None = None
    simd: float | None = None
    source: Literal["qemu", "perf_event"] = "qemu"


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Top-1 on a test set, and agreement with the reference model on the same pictures."""

    dataset: str
    correct: int
    total: int
    where: Literal["host", "device"] = "host"
    reference_correct: int | None = None
    agreeing: int | None = None
    per_class: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    digest: str | None = None
    subset: bool = False

    @property
    def top1(self) -> float:
        """Share of pictures classified correctly."""
        return self.correct / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson 95 % interval of top-1."""
        return stats.wilson(self.correct, self.total)

    @property
    def agreement(self) -> float | None:
        """Share of pictures on which the reference says the same."""
        return None if self.agreeing is None else self.agreeing / self.total

    @property
    def drop(self) -> float | None:
        """How much top-1 was lost against the reference."""
        if self.reference_correct is None:
            return None
        return (self.reference_correct - self.correct) / self.total

    def __repr__(self) -> str:
        return f"Accuracy({shorten(self.dataset)}: {self.correct} of {self.total} correct)"
