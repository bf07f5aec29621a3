"""What was measured: one ``BenchmarkRun`` a model and device, kept with its raw samples.

The file format is ``{schema_version, context, runs: [...]}`` and is documented field by field in
``docs/results-schema.md``. What was not measured is null. Summaries are computed from the samples
when they are asked for and stored beside them only for readers without Python.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import cattrs

from tflconv.core import stats
from tflconv.core.files import write_json
from tflconv.errors import TflconvError

SCHEMA_VERSION = 1

Verdict = Literal["clean", "throttled", "noisy"]


@dataclass(frozen=True, kw_only=True)
class Model:
    """Which file was measured. ``baseline`` is the slug that size and speed are compared with."""

    slug: str
    name: str
    recipe: str
    sha256: str
    bytes: int
    dataset: str | None = None
    baseline: str | None = None
    parameters: int | None = None
    macs: int | None = None


@dataclass(frozen=True, kw_only=True)
class DeviceInfo:
    """Where it was measured. ``id`` is what ``--device`` takes: host, arm64:CORE, adb:SERIAL."""

    id: str
    kind: Literal["host", "emulator", "phone"]
    name: str
    abi: str
    os: str
    cpu: str | None = None
    cores: int | None = None
    features: tuple[str, ...] = ()
    build: str | None = None


@dataclass(frozen=True, kw_only=True)
class Software:
    """A program or library that took part, named by content."""

    name: str
    version: str
    sha256: str
    source: str | None = None


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Raw wall-clock samples in nanoseconds, and the start-up that came before them."""

    samples_ns: tuple[int, ...]
    warmup_ns: tuple[int, ...] = ()
    init_ns: int | None = None
    first_inference_ns: int | None = None

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Median, percentiles and a bootstrap interval of the median, in milliseconds."""
        return stats.summarize([sample / 1e6 for sample in self.samples_ns])

    @property
    def median_ms(self) -> float:
        """Median latency in milliseconds."""
        return float(self.summary["median"])


@dataclass(frozen=True, kw_only=True)
class Cpu:
    """CPU time a inference costs; percentages are of one core."""

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


@dataclass(frozen=True, kw_only=True)
class Instructions:
    """Instructions an inference costs, by class; counted, not timed.

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


@dataclass(frozen=True, kw_only=True)
class BenchmarkRun:
    """Everything known about one model on one device."""

    model: Model
    device: DeviceInfo
    harness: Software | None = None
    runtime: Software | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    started: str | None = None
    latency: Latency | None = None
    cpu: Cpu | None = None
    memory: Memory | None = None
    graph: Graph | None = None
    instructions: Instructions | None = None
    accuracy: Accuracy | None = None
    conditions: Mapping[str, Any] = field(default_factory=dict)
    verdict: Verdict | None = None
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Results:
    """Runs that belong together and the context in which they were made."""

    runs: tuple[BenchmarkRun, ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict)

    def with_run(self, run: BenchmarkRun) -> Results:
        """These results and one more run, which takes the place of an older one of its kind."""
        same = (run.model.slug, run.device.id)
        others = [r for r in self.runs if (r.model.slug, r.device.id) != same]
        return replace(self, runs=(*others, run))

    def baseline_of(self, run: BenchmarkRun) -> BenchmarkRun | None:
        """The run on the same device that ``run`` is compared with, if it was made."""
        for other in self.runs:
            if other.device.id == run.device.id and other.model.slug == run.model.baseline:
                return other
        return None

    def to_json(self) -> dict[str, Any]:
        """The documented file format, with summaries beside the samples."""
        runs = []
        for run in self.runs:
            record = _converter.unstructure(run)
            if run.latency is not None:
                record["latency"]["summary_ms"] = run.latency.summary
            if run.accuracy is not None:
                record["accuracy"] |= {
                    "top1": run.accuracy.top1,
                    "interval": run.accuracy.interval,
                    "agreement": run.accuracy.agreement,
                    "drop": run.accuracy.drop,
                }
            runs.append(record)
        return {"schema_version": SCHEMA_VERSION, "context": dict(self.context), "runs": runs}

    def save(self, path: Path) -> None:
        """Write the results to ``path`` at once or not at all."""
        write_json(path, self.to_json())


def from_json(value: Any, *, source: str = "results") -> Results:
    """Read the documented format; ``source`` names the file in errors."""
    try:
        version = value["schema_version"]
        if version != SCHEMA_VERSION:
            raise TflconvError(
                f"{source} has schema_version {version}; this tflconv reads {SCHEMA_VERSION}.",
                hint="Read it with the tflconv that wrote it, or measure again.",
            )
        runs = tuple(_converter.structure(run, BenchmarkRun) for run in value["runs"])
        return Results(runs=runs, context=value.get("context", {}))
    except (KeyError, TypeError, ValueError, AttributeError, cattrs.BaseValidationError) as error:
        raise TflconvError(
            f"{source} is not a tflconv results file: {_first_line(error)}.",
            hint="tflconv bench and tflconv study write such files.",
        ) from error


def load(path: Path) -> Results:
    """Read the results file at ``path``."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise TflconvError(f"no results file at {path}.") from error
    except (OSError, ValueError) as error:
        raise TflconvError(f"cannot read {path}: {_first_line(error)}.") from error
    return from_json(value, source=str(path))


def merge(several: Iterable[Results]) -> Results:
    """All runs of ``several`` results; the context of the first."""
    merged = Results()
    for results in several:
        merged = replace(merged, context=merged.context or results.context)
        for run in results.runs:
            merged = merged.with_run(run)
    return merged


def _first_line(error: Exception) -> str:
    if isinstance(error, cattrs.BaseValidationError):
        return "; ".join(cattrs.transform_error(error)[:3])
    if isinstance(error, KeyError):
        return f"'{error.args[0]}' is missing"
    return str(error).splitlines()[0] if str(error) else type(error).__name__


_converter = cattrs.Converter()
