"""Prints results on a terminal: one table per device, with the findings below it.

On a narrow terminal the columns are divided among several tables, so that no figure is cut.
"""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.console import Group as Stack
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from tflconv.core.terminal import cell
from tflconv.report import columns, findings, units
from tflconv.report.columns import Column, DeviceRuns
from tflconv.results import Results


def print_results(results: Results, console: Console) -> None:
    """Print tables and findings of all results."""
    for group in columns.groups(results):
        console.print(_heading(group))
        console.print(*_tables(group, console), sep="\n")
        console.print(_findings(group))


def _heading(group: DeviceRuns) -> Text:
    device, detail = group.device, columns.detail(group)
    return Text.assemble(cell(device.name, "bold"), cell(f" ({device.id})  "), cell(detail, "dim"))


def _tables(group: DeviceRuns, console: Console) -> list[Table]:
    tables, fitting = [], list[Column]()
    for column in columns.shown(group):
        if fitting and not _fits(_table(group, [*fitting, column]), console):
            tables.append(_table(group, fitting))
            fitting = []
        fitting.append(column)
    return [*tables, _table(group, fitting)]


def _fits(table: Table, console: Console) -> bool:
    unlimited = console.options.update(max_width=10_000)
    return Measurement.get(console, unlimited, table).maximum <= console.width


def _table(group: DeviceRuns, shown: list[Column]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("model", no_wrap=True)
    table.add_column("recipe", no_wrap=True)
    for column in shown:
        table.add_column(column.title, justify="right", no_wrap=True)
    for name, cells in group.models:
        for index, entry in enumerate(cells):
            style = "yellow" if entry.run.verdict not in (None, "clean") else None
            texts = [cell(column.text(entry) or units.MISSING) for column in shown]
            label = cell(name if index == 0 else "", "bold")
            table.add_row(label, cell(entry.run.model.recipe), *texts, style=style)
    return table


def _findings(group: DeviceRuns) -> RenderableType:
    lines = [
        Text.assemble(
            ("! " if finding.severe else "· ", "bold yellow" if finding.severe else "dim"),
            cell(f"{finding.subject}: ", "dim"),
            cell(finding.text),
        )
        for finding in findings.of(group)
    ]
    return Stack(*lines, Text())
