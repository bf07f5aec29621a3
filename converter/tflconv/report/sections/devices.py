"""Devices side by side: what each file costs on each of them, and where their ranks differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tflconv.core.text import to_html as escape
from tflconv.report import columns, markup, units
from tflconv.report.columns import Cell, DeviceRuns

MOST = 60
"""Files that are listed, the first ones."""

_CLEAR = 1.02
"""Speedup from which on a file is called faster than its baseline; its inverse is slower."""


def html(groups: Sequence[DeviceRuns]) -> str:
    """Return the section; nothing if there is only one device."""
    files = _files(groups)
    if len(groups) < 2 or not files:
        return ""
    shown = dict(list(files.items())[:MOST])
    heads = ["file", "size", *(group.device.name for group in groups)]
    rest = len(files) - len(shown)
    return markup.section(
        "Devices side by side",
        markup.table(
            heads,
            (_row(cells, groups) for cells in shown.values()),
            kind="facts",
            caption="Latency or instructions of each file, and speed against its baseline",
        ),
        f'<p class="detail">{rest} more files are in the tables below.</p>' if rest else "",
        _differing(shown),
        anchor="devices",
    )


def _files(groups: Sequence[DeviceRuns]) -> dict[str, dict[str, Cell]]:
    files: dict[str, dict[str, Cell]] = {}
    for group in groups:
        for cell in group.cells:
            files.setdefault(cell.run.model.slug, {})[group.device.id] = cell
    return files


def _row(cells: dict[str, Cell], groups: Sequence[DeviceRuns]) -> str:
    model = next(iter(cells.values())).run.model
    costs = "".join(_cost(cells.get(group.device.id), group) for group in groups)
    size = markup.data(units.size(model.bytes), model.bytes, label="size")
    return f"<tr>{markup.head(f'{model.name} {model.recipe}')}{size}{costs}</tr>"


def _cost(cell: Cell | None, group: DeviceRuns) -> str:
    name, value = group.device.name, columns.cost(cell) if cell else None
    if cell is None or value is None:
        return markup.data(units.MISSING, label=name)
    text = units.milliseconds(value) if cell.latency else units.amount(value)
    if cell.speedup is not None:
        text += f" · {units.factor(cell.speedup)}"
    if cell.run.verdict not in (None, "clean"):
        text += f" ({cell.run.verdict})"
    return markup.data(text, value, label=name)


def _differing(files: dict[str, dict[str, Cell]]) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in _sentences(files))
    return f'<ul class="findings">{items}</ul>' if items else ""


def _sentences(files: dict[str, dict[str, Cell]]) -> Iterator[str]:
    for cells in files.values():
        speeds = [(c.run.device.name, c.speedup) for c in cells.values() if c.speedup is not None]
        faster = [name for name, speed in speeds if speed > _CLEAR]
        slower = [name for name, speed in speeds if speed < 1 / _CLEAR]
        if faster and slower:
            model = next(iter(cells.values())).run.model
            yield (
                f"{model.name} {model.recipe} costs less than its baseline on"
                f" {', '.join(faster)}, and more on {', '.join(slower)}."
            )
