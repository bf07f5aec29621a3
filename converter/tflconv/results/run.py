"""One ``BenchmarkRun``: the model file, the device, the software, and what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tflconv.core import markup
from tflconv.core.jsonvalue import JsonObject, JsonValue
from tflconv.core.shortening import shorten
from tflconv.errors import require
from tflconv.results.cold_start import ColdStart
from tflconv.results.conditions import Conditions
from tflconv.results.measurements import (
    Accuracy,
    Cpu,
    Graph,
    Instructions,
    Latency,
    Memory,
)
from tflconv.results.ranges import require_counts
from tflconv.results.schedule import Schedule

Row = Mapping[str, JsonValue]
"""Figures by the columns of ``Results.to_frame``."""

_SHOWN = ("model", "recipe", "device", "bytes", "latency_ms", "peak_bytes", "instructions")

Verdict = Literal["clean", "throttled", "noisy"]

Reason = tuple[Verdict, str]
"""A verdict other than clean, and the reason in one sentence."""


@dataclass(frozen=True, kw_only=True)
class MeasuredModel:
    """The measured model file.

    ``slug`` names model, dataset and recipe; ``baseline`` is the slug of the model that size and
    speed are compared with; ``download_bytes`` is the size of the file as gzip packs it.
    """

    slug: str
    name: str
    recipe: str
    sha256: str
    bytes: int
    dataset: str | None = None
    baseline: str | None = None
    parameters: int | None = None
    macs: int | None = None
    download_bytes: int | None = None

    def __post_init__(self) -> None:
        require_counts("model", self)

    def __repr__(self) -> str:
        return f"MeasuredModel({shorten(self.slug)}: {self.bytes:,} bytes, {self.sha256[:12]})"


@dataclass(frozen=True, kw_only=True)
class DeviceInfo:
    """The device. ``id`` is what ``--device`` takes: host, arm64:CORE or adb:SERIAL."""

    id: str
    kind: Literal["host", "emulator", "phone"]
    name: str
    abi: str
    os: str
    cpu: str | None = None
    cores: int | None = None
    features: tuple[str, ...] = ()
    build: str | None = None

    def __post_init__(self) -> None:
        require_counts("device", self)

    def __repr__(self) -> str:
        return f"DeviceInfo({shorten(self.id)}: {shorten(self.name)}, {shorten(self.os, 40)})"


@dataclass(frozen=True, kw_only=True)
class Software:
    """A program or library that took part, identified by the hash of its content."""

    name: str
    version: str
    sha256: str
    source: str | None = None

    def __repr__(self) -> str:
        return f"Software({shorten(self.name)} {shorten(self.version, 40)}, {self.sha256[:12]})"


@dataclass(frozen=True, kw_only=True)
class BenchmarkRun:
    """The measurements of one model on one device.

    ``config`` holds the settings of ``BenchmarkConfig`` as the measuring version of tflconv
    recorded them, and the hashes of the files that they name. A part is None where it was not
    measured; ``cold_start`` is there where a weight cache was asked for; ``schedule`` is None where
    all samples come from one process.
    """

    model: MeasuredModel
    device: DeviceInfo
    harness: Software | None = None
    runtime: Software | None = None
    config: JsonObject = field(default_factory=dict)
    started: str | None = None
    latency: Latency | None = None
    cpu: Cpu | None = None
    memory: Memory | None = None
    graph: Graph | None = None
    instructions: Instructions | None = None
    accuracy: Accuracy | None = None
    conditions: Conditions = field(default_factory=Conditions)
    verdict: Verdict | None = None
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    schedule: Schedule | None = None
    cold_start: ColdStart | None = None

    def __post_init__(self) -> None:
        if self.schedule is not None:
            runs = sum(block.runs for block in self.schedule.blocks)
            fits = self.latency is not None and runs == len(self.latency.samples_ns)
            require("run", self, schedule=(fits, "of as many runs as there are samples"))

    @property
    def outcome(self) -> str:
        """The main figure as text: median latency, else instructions per inference."""
        if self.latency is not None:
            return f"{self.latency.median_ms:.2f} ms"
        if self.instructions is not None:
            return f"{self.instructions.total:.4g} instructions"
        return "not measured"

    def __repr__(self) -> str:
        model, device = shorten(self.model.slug), shorten(self.device.id, 40)
        return f"BenchmarkRun({model} on {device} {self.outcome})"

    def _repr_html_(self) -> str:
        figures = markup.table([shown(self)], repr(self))
        if self.latency is None:
            return figures
        samples = [sample / 1e6 for sample in self.latency.samples_ns]
        return figures + markup.series(samples, "ms")


def row_of(run: BenchmarkRun) -> Row:
    """Return the figures of a run, each in the unit that its name ends in; None: not measured."""
    latency, accuracy = run.latency, run.accuracy
    low, high = (None, None) if accuracy is None else accuracy.interval
    median, ends = (None, (None, None)) if latency is None else _median(latency)
    return {
        "model": run.model.name,
        "recipe": run.model.recipe,
        "dataset": run.model.dataset,
        "device": run.device.id,
        "bytes": run.model.bytes,
        "latency_ms": median,
        "latency_low_ms": ends[0],
        "latency_high_ms": ends[1],
        "cpu_ms": None if run.cpu is None else run.cpu.ms_per_inference,
        "peak_bytes": None if run.memory is None else run.memory.peak_bytes,
        "instructions": None if run.instructions is None else run.instructions.total,
        "accuracy": None if accuracy is None else accuracy.top1,
        "accuracy_low": low,
        "accuracy_high": high,
        "agreement": None if accuracy is None else accuracy.agreement,
        "verdict": run.verdict,
        "started": run.started,
        "slug": run.model.slug,
    }


def _median(latency: Latency) -> tuple[float, tuple[float, float]]:
    low, high = latency.summary["median_ci95"]
    return latency.summary["median"], (low, high)


def shown(run: BenchmarkRun) -> Row:
    """Return the figures of a run that a notebook shows."""
    row = row_of(run)
    return {name: row[name] for name in (*_SHOWN, "accuracy", "verdict")}
