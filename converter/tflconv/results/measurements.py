"""The parts of one benchmark, each a frozen value; names of fields end in their unit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from tflconv.core import stats
from tflconv.core.files import sha256_json
from tflconv.core.shortening import shorten
from tflconv.errors import require
from tflconv.results import mistakes
from tflconv.results.mistakes import MOST_CONFUSIONS, MOST_DISAGREEMENTS, Disagreement
from tflconv.results.ranges import require_counts

_MOST_OPS = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Wall-clock samples of one model, in nanoseconds.

    Attributes:
        samples_ns: One sample per measured run.
        warmup_ns: One sample per warmup run.
        init_ns: Time to load the model and to allocate its tensors.
        first_inference_ns: Time of the first inference.

    Example:
        >>> Latency(samples_ns=(1_000_000, 3_000_000)).median_ms
        2.0
    """

    samples_ns: tuple[int, ...]
    warmup_ns: tuple[int, ...] = ()
    init_ns: int | None = None
    first_inference_ns: int | None = None

    def __post_init__(self) -> None:
        require_counts("latency", self)
        timed = bool(self.samples_ns) and min(self.samples_ns) > 0
        require("latency", self, samples_ns=(timed, "at least one, each above 0"))

    @cached_property
    def summary(self) -> stats.Summary:
        """Median, percentiles and a bootstrap interval of the median, in milliseconds."""
        return stats.summarize([sample / 1e6 for sample in self.samples_ns])

    @cached_property
    def median_ms(self) -> float:
        """Median latency in milliseconds; without what else ``summary`` takes its time for."""
        return stats.median([sample / 1e6 for sample in self.samples_ns])

    def __repr__(self) -> str:
        return f"Latency(median {self.median_ms:.3g} ms of {len(self.samples_ns)})"


@dataclass(frozen=True, kw_only=True)
class Cpu:
    """CPU time of inference; percentages are of one core.

    Attributes:
        ms_per_inference: CPU time per inference in milliseconds, all threads together.
        percent_closed_loop: CPU use while inferences follow each other without pause.
        percent_at_rate: CPU use at ``rate_hz``.
        rate_hz: Inferences per second of that measurement.
        voluntary_switches: Context switches in which the process waited.
        involuntary_switches: Context switches in which the system took the CPU away.
        cycles_per_inference: Cycles per inference by the processor's counter, in user mode.
    """

    ms_per_inference: float
    percent_closed_loop: float
    percent_at_rate: float | None = None
    rate_hz: float | None = None
    voluntary_switches: int | None = None
    involuntary_switches: int | None = None
    cycles_per_inference: float | None = None

    def __post_init__(self) -> None:
        require_counts("cpu", self)

    def __repr__(self) -> str:
        share = f"{self.percent_closed_loop:.3g} % of a core"
        return f"Cpu({self.ms_per_inference:.3g} ms per inference, {share} in a closed loop)"


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Resident memory, in bytes, of a fresh process that runs only this model, unprofiled."""

    peak_bytes: int
    before_init_bytes: int | None = None
    after_init_bytes: int | None = None
    current_bytes: int | None = None

    def __post_init__(self) -> None:
        require_counts("memory", self)


@dataclass(frozen=True, kw_only=True)
class Op:
    """One executed node and its cost.

    Attributes:
        name: Name of the node.
        kind: Its operator.
        delegate: The delegate that ran it; None for a built-in kernel.
        mean_ns: Mean time in nanoseconds.
        count: Number of nodes that this entry stands for.
        instructions: Instructions, counted on the model cut before and after the node.
    """

    name: str
    kind: str
    delegate: str | None = None
    mean_ns: float | None = None
    count: int = 1
    instructions: float | None = None

    def __post_init__(self) -> None:
        require_counts("operator", self)


@dataclass(frozen=True, kw_only=True)
class Graph:
    """Number of nodes, of those that XNNPACK runs, and of its partitions."""

    nodes: int
    delegated: int
    partitions: int
    ops: tuple[Op, ...] = ()

    def __post_init__(self) -> None:
        require_counts("graph", self)
        require("graph", self, delegated=(self.delegated <= self.nodes, "at most all nodes"))
        require("graph", self, ops=(len(self.ops) <= _MOST_OPS, f"at most {_MOST_OPS}"))

    def __repr__(self) -> str:
        return f"Graph({self.delegated} of {self.nodes} nodes in {self.partitions} partitions)"


@dataclass(frozen=True, kw_only=True)
class Instructions:
    """Instructions per inference, by class; counted, not timed.

    Attributes:
        total: All instructions.
        sdot: int8 dot products.
        fmla: Fused multiply-adds of floats.
        smull: Widening integer multiplies and multiply-adds.
        memory: Loads, stores and prefetches.
        simd: All vector and floating-point arithmetic, the first three included.
        source: Who counted: the emulator or the processor's own counters.
    """

    total: float
    sdot: float | None = None
    fmla: float | None = None
    smull: float | None = None
    memory: float | None = None
    simd: float | None = None
    source: Literal["qemu", "perf_event"] = "qemu"

    def __post_init__(self) -> None:
        require_counts("instructions", self)


def right_of(bits: Iterable[bool]) -> str:
    """Return the field ``right`` of ``Accuracy`` for each picture being classified correctly.

    Example:
        >>> right_of([True, False, False, False, True])
        '11'
    """
    digits = "".join("1" if bit else "0" for bit in bits)
    return f"{int(digits, 2):0{-(-len(digits) // 4)}x}"


def pictures_of(ids: Iterable[str], labels: Iterable[str]) -> str:
    """Return the field ``pictures`` of ``Accuracy``: a hash of names and classes, in order."""
    return sha256_json([list(pair) for pair in zip(ids, labels, strict=True)])[:16]


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Top-1 accuracy on a test set, and agreement with the reference on the same pictures.

    Attributes:
        dataset: Name of the dataset.
        correct: Pictures classified correctly.
        total: Number of pictures.
        where: Whether device or host ran the model.
        reference_correct: Pictures that the reference classifies correctly.
        agreeing: Pictures that model and reference put into the same class.
        per_class: Correct pictures and all pictures of each class.
        digest: Hash of the dataset.
        subset: Whether the dataset has fewer pictures than were published.
        cosine: Least cosine of the model's answers with those of the float model, on a few
            calibration samples.
        right: Which pictures are classified correctly: a hex number with a bit per picture, the
            first picture in the highest bit; see ``right_of``.
        pictures: Hash of which pictures these are, whatever the size that a model takes them in.
        confusions: Of each class, how many pictures were taken for which other class; the pairs
            that occur most.
        disagreements: Pictures on which the model parts from its reference, those first on which
            the reference was the surest.

    Example:
        >>> Accuracy(dataset="mnist", correct=9, total=10).top1
        0.9
    """

    dataset: str
    correct: int
    total: int
    where: Literal["host", "device"] = "host"
    reference_correct: int | None = None
    agreeing: int | None = None
    per_class: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    digest: str | None = None
    subset: bool = False
    cosine: float | None = None
    right: str | None = None
    pictures: str | None = None
    confusions: mistakes.Confusions = field(default_factory=dict)
    disagreements: tuple[Disagreement, ...] = ()

    def __post_init__(self) -> None:
        require_counts("accuracy", self)
        require("accuracy", self, total=(self.total > 0, "above 0"))
        for name in ("correct", "reference_correct", "agreeing"):
            fits = (getattr(self, name) or 0) <= self.total
            require("accuracy", self, **{name: (fits, f"at most the total of {self.total}")})
        counted = all(correct <= total for correct, total in self.per_class.values())
        require("accuracy", self, per_class=(counted, "correct pictures, then at least as many"))
        require(
            "accuracy", self, right=(self._is_counted(), "a hex number of the correct pictures")
        )
        self._check_mistakes()

    def _check_mistakes(self) -> None:
        few = mistakes.count(self.confusions) <= MOST_CONFUSIONS
        wrong = mistakes.pictures(self.confusions) <= self.total - self.correct
        rule = f"at most {MOST_CONFUSIONS} pairs of classes, and the wrong pictures at most"
        require("accuracy", self, confusions=(few and wrong, rule))
        fits = len(self.disagreements) <= MOST_DISAGREEMENTS
        require("accuracy", self, disagreements=(fits, f"at most {MOST_DISAGREEMENTS}"))

    @property
    def top1(self) -> float:
        """Share of pictures classified correctly."""
        return self.correct / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of top-1 accuracy."""
        return stats.wilson(self.correct, self.total)

    @property
    def agreement(self) -> float | None:
        """Share of pictures that model and reference put into the same class."""
        return None if self.agreeing is None else self.agreeing / self.total

    @property
    def drop(self) -> float | None:
        """Top-1 accuracy of the reference, less that of this model."""
        if self.reference_correct is None:
            return None
        return (self.reference_correct - self.correct) / self.total

    @property
    def bits(self) -> tuple[bool, ...] | None:
        """Whether each picture is classified correctly, in the order of the dataset."""
        if self.right is None:
            return None
        return tuple(bit == "1" for bit in f"{int(self.right, 16):0{self.total}b}")

    def _is_counted(self) -> bool:
        if self.right is None:
            return True
        if re.fullmatch("[0-9a-f]+", self.right) is None or len(self.right) != -(-self.total // 4):
            return False
        number = int(self.right, 16)
        return number.bit_length() <= self.total and number.bit_count() == self.correct

    def __repr__(self) -> str:
        return f"Accuracy({shorten(self.dataset)}: {self.correct} of {self.total} correct)"
