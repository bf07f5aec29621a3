"""Exports results as text: CSV, Markdown and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from tflconv.core.text import to_csv as to_cell
from tflconv.core.text import to_json as as_text
from tflconv.core.text import to_markdown as escape
from tflconv.core.text import to_markdown_with_code
from tflconv.report import columns, findings, staircase, units
from tflconv.report.columns import Cell, DeviceRuns, Number
from tflconv.results import Results
from tflconv.results.exchange import to_text


def to_json(results: Results) -> str:
    """Return the documented results format, with raw samples, summaries and staircases."""
    staircases = staircase.of(results)
    if not staircases:
        return to_text(results)
    stairs = {"staircases": [staircase.to_json(each) for each in staircases]}
    return as_text({**results.to_json(), **stairs}) + "\n"


def to_csv(results: Results) -> str:
    """Return one row per run, in base units; a cell is empty where nothing was measured.

    Example:
        >>> to_csv(Results())
        '\\n'
    """
    rows = [columns.numbers(cell) for group in columns.groups(results) for cell in group.cells]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(_cells, rows))
    return stream.getvalue()


def _cells(row: dict[str, Number]) -> dict[str, Number]:
    return {key: to_cell(value) if isinstance(value, str) else value for key, value in row.items()}


def to_markdown(results: Results) -> str:
    """Return one table per device, with the findings below it."""
    return "\n".join(_markdown_group(group) for group in columns.groups(results))


def _markdown_group(group: DeviceRuns) -> str:
    shown = columns.shown(group)
    header = ["model", "recipe", *(column.title for column in shown)]
    rows = [
        _row(map(escape, [group.title(cell), cell.run.model.recipe, *_texts(cell, shown)]))
        for cell in group.cells
    ]
    rule = _row(["---", "---", *("---:" for _ in shown)])
    notes = [f"- {escape(f.subject)}: {to_markdown_with_code(f.text)}" for f in findings.of(group)]
    heading = f"### {escape(group.device.name)} ({escape(group.device.id)})"
    return "\n".join([heading, "", _row(header), rule, *rows, "", *notes, ""])


def _texts(cell: Cell, shown: list[columns.Column]) -> list[str]:
    return [column.text(cell) or units.MISSING for column in shown]


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
