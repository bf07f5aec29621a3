"""Cost per kind of operator, where it was profiled: the files of a model side by side."""

from __future__ import annotations

from collections.abc import Sequence

from tflconv.core.plural import plural
from tflconv.inspection import op_costs
from tflconv.inspection.op_costs import KindCost
from tflconv.report import markup, style, units
from tflconv.report.columns import Cell, DeviceRuns

MOST_MODELS, MOST_FILES, MOST_KINDS = 4, 8, 30

Kind = tuple[str, str | None]
"""Name of an operator, and the delegate that ran it; None for a built-in kernel."""


def html(group: DeviceRuns) -> str:
    """Return a table with bars per model; nothing where nothing was profiled."""
    profiled = [(name, _profiled(cells)) for name, cells in group.models]
    tables = [_table(name, cells) for name, cells in profiled if cells][:MOST_MODELS]
    return "\n".join(("<h3>Cost per operator</h3>", *tables)) if tables else ""


def _profiled(cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells that have costs; times of an emulator are none."""
    return [
        cell
        for cell in cells
        if op_costs.kinds(cell.run)
        and not (cell.run.device.kind == "emulator" and op_costs.unit(cell.run) == "µs")
    ][:MOST_FILES]


def _table(name: str, cells: Sequence[Cell]) -> str:
    costs = [{(k.kind, k.delegate): k for k in op_costs.kinds(cell.run)} for cell in cells]
    kinds = sorted({kind for each in costs for kind in each}, key=lambda kind: -_most(kind, costs))
    longest = max(_most(kind, costs) for kind in kinds)
    unit = op_costs.unit(cells[0].run)
    heads = ["operator", *(cell.run.model.recipe for cell in cells)]
    rows = [_row(kind, cells, costs, longest, unit) for kind in kinds[:MOST_KINDS]]
    if len(kinds) > MOST_KINDS:
        rows.append(_row(None, cells, _rest(kinds[MOST_KINDS:], costs), longest, unit))
    caption = f"{name}: {unit} per inference by operator, {cells[0].run.device.name}"
    return markup.table(heads, rows, kind="facts bars pick", caption=caption)


def _row(
    kind: Kind | None,
    cells: Sequence[Cell],
    costs: Sequence[dict[Kind, KindCost]],
    longest: float,
    unit: str,
) -> str:
    kind_costs = [each.get(kind or _OTHERS) for each in costs]
    parts = [_cell(*pair, longest, unit) for pair in zip(cells, kind_costs, strict=True)]
    name, delegate = kind or _OTHERS
    where = "" if delegate else " (built-in)"
    return f"<tr>{markup.head(name + where)}{''.join(parts)}</tr>"


def _cell(cell: Cell, entry: KindCost | None, longest: float, unit: str) -> str:
    recipe = cell.run.model.recipe
    if entry is None:
        return markup.data(units.MISSING, 0, label=recipe)
    cost = units.amount(entry.cost) if unit == "instructions" else units.significant(entry.cost)
    text = f"{cost} · {units.percent(entry.share, 0)} · {plural(entry.count, 'op')}"
    color = style.recipe_color(recipe)
    share = entry.cost / longest if longest else 0.0
    return markup.bar(share, text, color=color, label=recipe, value=entry.cost)


_OTHERS: Kind = ("others", "several")


def _rest(
    kinds: Sequence[Kind], costs: Sequence[dict[Kind, KindCost]]
) -> list[dict[Kind, KindCost]]:
    rest = [[each[kind] for kind in kinds if kind in each] for each in costs]
    return [
        {
            _OTHERS: KindCost(
                kind=_OTHERS[0],
                delegate=_OTHERS[1],
                count=sum(k.count for k in each),
                cost=sum(k.cost for k in each),
                share=sum(k.share for k in each),
            )
        }
        for each in rest
    ]


def _most(kind: Kind, costs: Sequence[dict[Kind, KindCost]]) -> float:
    return max((each[kind].cost for each in costs if kind in each), default=0.0)
