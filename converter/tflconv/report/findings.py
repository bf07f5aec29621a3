"""What a reader must know beside the numbers: verdicts, warnings, and what the numbers betray.

Each finding names its cause and, where there is one, the option that helps (as hyperfine's
warnings do). Findings of the same kind are said once, with all the runs that they concern.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tflconv.report import units
from tflconv.report.columns import Cell, Group
from tflconv.results import BenchmarkRun

OUTLIER_SHARE = 0.05
"""Share of samples past which outliers are no longer single accidents."""
SLOWER = 0.95
"""A quantized model below this speed-up is called slower than its baseline."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One statement about some runs (slugs) of one device."""

    text: str
    slugs: tuple[str, ...]
    device: str
    severe: bool = False


def of(group: Group) -> list[Finding]:
    """Everything to say about ``group``, severe findings first, each said once."""
    found: dict[tuple[str, bool], list[str]] = {}
    for cell in group.cells:
        for text, severe in _said(cell):
            found.setdefault((text, severe), []).append(cell.run.model.slug)
    findings = [
        Finding(text=text, slugs=tuple(slugs), device=group.device.id, severe=severe)
        for (text, severe), slugs in found.items()
    ]
    return sorted(findings, key=lambda finding: not finding.severe)


def subject(finding: Finding, group: Group) -> str:
    """Whom a finding concerns, in few words."""
    if len(finding.slugs) == len(group.cells):
        return "all"
    return ", ".join(finding.slugs)


def _said(cell: Cell) -> Iterator[tuple[str, bool]]:
    run = cell.run
    if run.verdict not in (None, "clean"):
        reasons = "; ".join(run.reasons) or "no reason was recorded"
        yield f"verdict {run.verdict}: {reasons}.", True
    yield from ((warning, False) for warning in run.warnings)
    yield from _slower(cell)
    yield from _scattered(cell)
    if run.accuracy is not None and run.accuracy.subset:
        yield (
            f"accuracy on a subset of {run.accuracy.dataset} ({run.accuracy.total} pictures): not"
            " comparable with published figures.",
            False,
        )


def _slower(cell: Cell) -> Iterator[tuple[str, bool]]:
    speedup, graph = cell.speedup, cell.run.graph
    if speedup is None or speedup >= SLOWER or cell.run.verdict not in (None, "clean"):
        return
    text = f"slower than its baseline ({units.factor(speedup)})."
    if graph is not None and graph.partitions > _partitions(cell.baseline):
        text += (
            f" XNNPACK runs it in {graph.partitions} partitions with built-in kernels between"
            " them: `tflconv inspect` names the ops; recipe selective_wi8_ai8 leaves them in float."
        )
    elif cell.run.device.kind == "host":
        text += " Desktop CPUs without VNNI gain nothing from int8: measure with --device arm64."
    yield text, True


def _partitions(run: BenchmarkRun | None) -> int:
    return run.graph.partitions if run and run.graph else 1


def _scattered(cell: Cell) -> Iterator[tuple[str, bool]]:
    if cell.latency is None:
        return
    summary = cell.latency.summary
    if summary["outliers"] > OUTLIER_SHARE * summary["count"]:
        yield (
            f"{summary['outliers']} of {summary['count']} latencies are outliers: close other"
            " programs, or raise --warmup-runs and --num-runs.",
            False,
        )
