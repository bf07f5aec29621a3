"""One row per file: what an emulated core counted, and beside it what another device timed.

Instructions are the same on every run, so they come first; latency tells of one computer on one
day. Used for the table at the top of the README.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tflconv.core.text import to_markdown as escape
from tflconv.report import columns, units
from tflconv.report.columns import Cell, DeviceRuns
from tflconv.results import BenchmarkRun, Results, Verdict


@dataclass(frozen=True, kw_only=True)
class SummaryRow:
    """A file on the emulated core and on the device that was timed; either may lack it."""

    counted: Cell | None
    timed: Cell | None

    @property
    def run(self) -> BenchmarkRun:
        """The run that says what the file is."""
        return (self.counted or self.timed or _nothing()).run


def rows(results: Results) -> list[SummaryRow]:
    """Return a row per file, in the order of the results."""
    counted, timed = _cells(results, emulated=True), _cells(results, emulated=False)
    slugs = dict.fromkeys(run.model.slug for run in results.runs)
    return [SummaryRow(counted=counted.get(slug), timed=timed.get(slug)) for slug in slugs]


def to_markdown(results: Results) -> str:
    """Return the table as Markdown, with at most two lines below it."""
    table_rows = rows(results)
    shown = [column for column in _COLUMNS if any(column[1](row) for row in table_rows)]
    lines = [
        ["model", "recipe", *(title for title, _ in shown)],
        ["---", "---", *("---:" for _ in shown)],
        *(_texts(row, shown) for row in table_rows),
    ]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join([table, *_notes(results, table_rows)])


Column = tuple[str, Callable[[SummaryRow], str | None]]


def _texts(row: SummaryRow, shown: list[Column]) -> list[str]:
    model = row.run.model
    texts = [model.name, model.recipe, *(text(row) or units.MISSING for _, text in shown)]
    return [escape(text) for text in texts]


def _cells(results: Results, *, emulated: bool) -> dict[str, Cell]:
    """Cells by slug on the first device of the kind that was asked for."""
    groups = [
        group for group in columns.groups(results) if (group.device.kind == "emulator") == emulated
    ]
    return {cell.run.model.slug: cell for cell in groups[0].cells} if groups else {}


def _nothing() -> Cell:
    raise ValueError("a row has a file")


def _accuracy(row: SummaryRow) -> str | None:
    measured = row.run.accuracy
    return None if measured is None else f"{100 * measured.top1:.1f} %"


def _size(row: SummaryRow) -> str:
    return units.size(row.run.model.bytes)


def _change(row: SummaryRow) -> str | None:
    cell = row.counted or row.timed
    change = None if cell is None else cell.size_change
    return None if change is None else units.change(change)


def _instructions(row: SummaryRow) -> str | None:
    counted = None if row.counted is None else row.counted.run.instructions
    return None if counted is None else units.amount(counted.total)


def _fewer(row: SummaryRow) -> str | None:
    times = None if row.counted is None else row.counted.speedup
    return None if times is None else units.factor(times)


def _partitions(row: SummaryRow) -> str | None:
    graph = row.run.graph
    return None if graph is None else str(graph.partitions)


def _latency(row: SummaryRow) -> str | None:
    latency = None if row.timed is None else row.timed.latency
    return None if latency is None else units.milliseconds(latency.median_ms)


_COLUMNS: list[Column] = [
    ("accuracy", _accuracy),
    ("size", _size),
    ("change", _change),
    ("arm64 instructions", _instructions),
    ("times fewer", _fewer),
    ("partitions", _partitions),
    ("latency here", _latency),
]


def _notes(results: Results, table_rows: list[SummaryRow]) -> list[str]:
    names = {group.device.kind: _name(group) for group in columns.groups(results)}
    parts = []
    if core := names.get("emulator"):
        parts.append(f"Instructions of one inference, {core}: the same on every run.")
    if host := names.get("host"):
        parts.append(f"Latency: median on {host}, no phone.")
    noisy = [row for row in table_rows if row.timed and row.timed.run.verdict not in _CLEAN]
    if noisy:
        parts.append(f"{len(noisy)} of {len(table_rows)} latencies are noisy; the report says why.")
    return [" ".join(parts)] if parts else []


_CLEAN: tuple[Verdict | None, ...] = (None, "clean")


def _name(group: DeviceRuns) -> str:
    return escape(group.device.name)
