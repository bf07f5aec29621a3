"""Columns of a result table.

Terminal, Markdown and HTML show the texts of ``TABLE``; CSV has the values of ``numbers``. Times
and memory peaks of an emulator say nothing about a real machine, so no column shows them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from tflconv.report import units
from tflconv.results import (
    BenchmarkRun,
    Cpu,
    DeviceInfo,
    Latency,
    Memory,
    Results,
    endurance,
    energy,
)
from tflconv.results.endurance import Endurance
from tflconv.results.energy import Energy

Number = float | int | str | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Cell:
    """One run and its baseline, if that was measured on the same device."""

    run: BenchmarkRun
    baseline: BenchmarkRun | None

    @property
    def is_emulated(self) -> bool:
        """Whether an emulator ran it, which knows nothing of time and memory."""
        return self.run.device.kind == "emulator"

    @property
    def latency(self) -> Latency | None:
        """Latency; None on an emulator."""
        return None if self.is_emulated else self.run.latency

    @property
    def cpu(self) -> Cpu | None:
        """CPU time; None on an emulator."""
        return None if self.is_emulated else self.run.cpu

    @property
    def memory(self) -> Memory | None:
        """Memory; None on an emulator."""
        return None if self.is_emulated else self.run.memory

    @property
    def endurance(self) -> Endurance | None:
        """Figures of the sustained run; None on an emulator."""
        series = self.run.conditions.sustained or ()
        return None if self.is_emulated else endurance.of(series)

    @property
    def energy(self) -> Energy | None:
        """What the sustained run took from the battery; None where that cannot be told."""
        taken = energy.of(self.run.conditions)
        return taken if isinstance(taken, Energy) else None

    @property
    def size_change(self) -> float | None:
        """Relative change of the file size against the baseline; None for the baseline itself."""
        if self.baseline is None or self.baseline is self.run:
            return None
        return self.run.model.bytes / self.baseline.model.bytes - 1

    @property
    def speedup(self) -> float | None:
        """Cost of the baseline over cost of this run (``cost``); None for the baseline itself."""
        if self.baseline is None or self.baseline is self.run:
            return None
        before = cost(Cell(run=self.baseline, baseline=None))
        after = cost(self)
        return before / after if before and after else None


@dataclass(frozen=True, kw_only=True)
class DeviceRuns:
    """All runs on one device, grouped by model, in the order of the results."""

    device: DeviceInfo
    cells: tuple[Cell, ...]

    @cached_property
    def datasets(self) -> list[str]:
        """Names of the datasets that the models were trained for."""
        named = (cell.run.model.dataset for cell in self.cells)
        return list(dict.fromkeys(name for name in named if name))

    @cached_property
    def models(self) -> list[tuple[str, list[Cell]]]:
        """Cells by name of their model."""
        members: dict[str, list[Cell]] = {}
        for cell in self.cells:
            members.setdefault(self.title(cell), []).append(cell)
        return list(members.items())

    def title(self, cell: Cell) -> str:
        """Return the name of the model, and its dataset where the group has several."""
        model = cell.run.model
        several = len(self.datasets) > 1 and model.dataset
        return f"{model.name} · {model.dataset}" if several else model.name


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column.

    Attributes:
        key: Its name.
        title: What stands above it.
        text: What it shows of a run; None where there is nothing to show.
        sorts_by: Which of ``numbers`` it is sorted by; an unknown one for its text.
    """

    key: str
    title: str
    text: Callable[[Cell], str | None]
    sorts_by: str = ""


def groups(results: Results) -> list[DeviceRuns]:
    """Group runs by device, each with its baseline."""
    devices: dict[str, list[BenchmarkRun]] = {}
    for run in results.runs:
        devices.setdefault(run.device.id, []).append(run)
    return [_group(runs) for runs in devices.values()]


def detail(group: DeviceRuns) -> str:
    """Return CPU, system and ABI of a device, and the datasets of its models, in one line."""
    device = group.device
    cpu = None if device.cpu == device.name else device.cpu
    return " · ".join(part for part in (cpu, device.os, device.abi, *group.datasets) if part)


def cost(cell: Cell) -> float | None:
    """Return the cost of one inference: median latency in milliseconds, else instructions."""
    if cell.latency is not None:
        return cell.latency.median_ms
    return cell.run.instructions.total if cell.run.instructions else None


def cheapest(cells: Sequence[Cell], limit: int) -> list[Cell]:
    """Return the ``limit`` cells of the lowest cost in their order, those without a cost last."""
    ranked = sorted(cells, key=lambda cell: value if (value := cost(cell)) else math.inf)
    chosen = set(ranked[:limit])
    return [cell for cell in cells if cell in chosen]


def shown(group: DeviceRuns) -> list[Column]:
    """Return the columns that are not empty for a group."""
    return [c for c in TABLE if any(c.text(cell) is not None for cell in group.cells)]


def _group(runs: Sequence[BenchmarkRun]) -> DeviceRuns:
    """Return the group of runs on one device."""
    by_slug = {run.model.slug: run for run in reversed(runs)}
    families: dict[tuple[str, str | None], list[Cell]] = {}
    for run in runs:
        cell = Cell(run=run, baseline=by_slug.get(run.model.baseline or ""))
        families.setdefault(_family(cell), []).append(cell)
    cells = tuple(cell for members in families.values() for cell in members)
    return DeviceRuns(device=runs[0].device, cells=cells)


def _family(cell: Cell) -> tuple[str, str | None]:
    return cell.run.model.name, cell.run.model.dataset


def _accuracy(cell: Cell) -> str | None:
    accuracy = cell.run.accuracy
    if accuracy is None:
        return None
    low, high = accuracy.interval
    return f"{accuracy.top1 * 100:.1f} % [{low * 100:.1f}–{high * 100:.1f}]"


def _agreement(cell: Cell) -> str | None:
    accuracy = cell.run.accuracy
    if accuracy is None or accuracy.agreement is None:
        return None
    return units.percent(accuracy.agreement)


def _latency(cell: Cell) -> str | None:
    return units.milliseconds(cell.latency.median_ms) if cell.latency else None


def _spread(cell: Cell) -> str | None:
    if cell.latency is None:
        return None
    summary = cell.latency.summary
    return f"{units.significant(summary['p5'])}–{units.significant(summary['p95'])}"


def _cpu_at_rate(cell: Cell) -> str | None:
    if cell.cpu is None or cell.cpu.percent_at_rate is None:
        return None
    rate = f" @ {cell.cpu.rate_hz:g}/s" if cell.cpu.rate_hz not in (None, 10.0) else ""
    return f"{units.significant(cell.cpu.percent_at_rate, 2)} %{rate}"


def _held(cell: Cell) -> str | None:
    endured = cell.endurance
    if endured is None:
        return None
    until = "" if endured.throttled_at_s is None else f" from {endured.throttled_at_s:.0f} s"
    return f"{units.percent(endured.held, 0)}{until}"


def _energy(cell: Cell) -> str | None:
    per_inference = cell.energy and cell.energy.mj_per_inference
    if not per_inference:
        return None
    figure, low, high = map(units.significant, per_inference)
    return f"{figure} mJ [{low}–{high}]"


def _partitions(cell: Cell) -> str | None:
    return str(cell.run.graph.partitions) if cell.run.graph else None


def _instructions(cell: Cell) -> str | None:
    return units.amount(cell.run.instructions.total) if cell.run.instructions else None


def _emulated(cell: Cell) -> str | None:
    emulated = cell.run.conditions.instructions_emulated
    return f"{units.amount(emulated.total)} ({emulated.core})" if emulated else None


def _download(cell: Cell) -> str | None:
    packed = cell.run.model.download_bytes
    return None if packed is None else units.size(packed)


TABLE = (
    Column(key="accuracy", sorts_by="accuracy", title="accuracy [95 %]", text=_accuracy),
    Column(key="agreement", sorts_by="agreement", title="agrees", text=_agreement),
    Column(
        key="size", sorts_by="bytes", title="size", text=lambda c: units.size(c.run.model.bytes)
    ),
    Column(
        key="change",
        sorts_by="bytes_change",
        title="change",
        text=lambda c: None if c.size_change is None else units.change(c.size_change),
    ),
    Column(key="download", sorts_by="download_bytes", title="gzip", text=_download),
    Column(key="latency", sorts_by="latency_median_ms", title="latency", text=_latency),
    Column(key="spread", sorts_by="latency_p95_ms", title="p5–p95, ms", text=_spread),
    Column(key="instructions", sorts_by="instructions", title="instructions", text=_instructions),
    Column(key="emulated", title="emulated", text=_emulated),
    Column(
        key="speedup",
        sorts_by="speedup",
        title="speed",
        text=lambda c: None if c.speedup is None else units.factor(c.speedup),
    ),
    Column(
        key="cpu",
        sorts_by="cpu_ms",
        title="CPU",
        text=lambda c: units.milliseconds(c.cpu.ms_per_inference) if c.cpu else None,
    ),
    Column(
        key="cpu_at_rate", sorts_by="cpu_percent_at_rate", title="CPU at 10/s", text=_cpu_at_rate
    ),
    Column(
        key="memory",
        sorts_by="peak_memory_bytes",
        title="peak memory",
        text=lambda c: units.size(c.memory.peak_bytes) if c.memory else None,
    ),
    Column(key="held", title="held of peak", text=_held),
    Column(key="energy", title="energy, whole device", text=_energy),
    Column(key="partitions", sorts_by="partitions", title="partitions", text=_partitions),
)


def numbers(cell: Cell) -> dict[str, Number]:
    """Return all figures of one run in base units; None where not measured."""
    model, accuracy, graph = cell.run.model, cell.run.accuracy, cell.run.graph
    low, high = accuracy.interval if accuracy else (None, None)
    summary = cell.latency.summary if cell.latency else None
    counted = cell.run.instructions
    lasting, taken = cell.endurance, cell.energy
    return {
        "slug": model.slug,
        "model": model.name,
        "dataset": model.dataset,
        "recipe": model.recipe,
        "device": cell.run.device.id,
        "sha256": model.sha256,
        "bytes": model.bytes,
        "bytes_change": cell.size_change,
        "download_bytes": model.download_bytes,
        "accuracy": accuracy.top1 if accuracy else None,
        "accuracy_low": low,
        "accuracy_high": high,
        "agreement": accuracy.agreement if accuracy else None,
        "pictures": accuracy.total if accuracy else None,
        "latency_median_ms": summary["median"] if summary else None,
        "latency_p5_ms": summary["p5"] if summary else None,
        "latency_p95_ms": summary["p95"] if summary else None,
        "latency_samples": summary["count"] if summary else None,
        "speedup": cell.speedup,
        "cpu_ms": cell.cpu.ms_per_inference if cell.cpu else None,
        "cpu_cycles": cell.cpu.cycles_per_inference if cell.cpu else None,
        "cpu_percent_at_rate": cell.cpu.percent_at_rate if cell.cpu else None,
        "rate_hz": cell.cpu.rate_hz if cell.cpu else None,
        "peak_memory_bytes": cell.memory.peak_bytes if cell.memory else None,
        "sustained_peak_ms": lasting.peak_ms if lasting else None,
        "sustained_held_ms": lasting.held_ms if lasting else None,
        "sustained_first_minute_ms": lasting.first_ms if lasting else None,
        "sustained_last_minute_ms": lasting.last_ms if lasting else None,
        "throttled_at_s": lasting.throttled_at_s if lasting else None,
        "energy_uah": taken.charge_uah if taken else None,
        "energy_low_uah": taken.charge_low_uah if taken else None,
        "energy_high_uah": taken.charge_high_uah if taken else None,
        "instructions": counted.total if counted else None,
        "instructions_sdot": counted.sdot if counted else None,
        "nodes": graph.nodes if graph else None,
        "delegated": graph.delegated if graph else None,
        "partitions": graph.partitions if graph else None,
        "verdict": cell.run.verdict,
    }
