"""An inspection and a difference as text for a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tflconv.inspection import delegation, op_costs
from tflconv.inspection.diff import Difference
from tflconv.inspection.inspect import Inspection
from tflconv.results import BenchmarkRun
from tflconv.tflite.reading import TfliteTensor

_STYLES = {"fused": "green", "folded": "green", "pruned": "green", "narrowed": "green"}


def print_inspection(found: Inspection, console: Console) -> None:
    """Print what is inside of one file, the most important first."""
    model, graph = found.model, found.model.main
    console.print(Text(model.path.name, "bold"))
    _print_pairs(_facts(found), console)
    console.print()
    console.print(_ops(found))
    console.print()
    _print_pairs(_bytes(found), console)
    console.print()
    for name, reason, count in delegation.refusals(graph, found.delegation):
        console.print(
            Text.assemble("outside XNNPACK  ", (f"{count} × {name}", "bold"), f": {reason}")
        )
    for line in found.slower[:1]:
        console.print(Text(f"! {line}", "bold yellow"))
    console.print()


def print_measured(run: BenchmarkRun, console: Console) -> None:
    """Print what a device measured of this file: partitions, and the cost of every kind of op."""
    if run.graph is None:
        return
    pieces = _plural(run.graph.partitions, "partition")
    console.print(Text(f"Measured on {run.device.name} ({run.device.id}), {pieces}", "bold"))
    table = _table("operator", "run by", "count", op_costs.unit(run), "share")
    for row in op_costs.kinds(run):
        cost = f"{row.cost:,.0f}" if op_costs.unit(run) == "instructions" else f"{row.cost:.1f}"
        cells = (row.kind, row.delegate or "built-in", str(row.count), cost, f"{row.share:.0%}")
        table.add_row(*cells, style="" if row.delegate else "yellow")
    if table.row_count:
        console.print(table)
    console.print()


def print_difference(difference: Difference, console: Console) -> None:
    """Print how the second graph differs from the first."""
    console.print(Text("Difference", "bold"))
    table = _table("change", "operator", "count", "what happened")
    for change in difference.changes:
        style = _STYLES.get(change.kind, "")
        table.add_row(Text(change.kind, style), change.op, str(change.count), change.detail)
    table.add_row(Text("unchanged", "dim"), "", str(difference.unchanged), "")
    console.print(table)
    console.print()
    figures = _table("figure", "first", "second", "change")
    for name, (old, new) in difference.figures.items():
        relative = f"{(new / old - 1) * 100:+.0f} %".replace("-", "−") if old else ""
        figures.add_row(name.replace("_", " "), f"{old:,}", f"{new:,}", relative)
    console.print(figures)


def _facts(found: Inspection) -> list[tuple[str, str]]:
    graph, runs = found.model.main, found.delegation
    facts = [("input", _boundary(graph.tensors[index])) for index in graph.inputs]
    facts += [("output", _boundary(graph.tensors[index])) for index in graph.outputs]
    facts += [
        ("parameters", f"{found.parameters:,}"),
        ("MACs", f"{found.macs:,}"),
        (
            "XNNPACK",
            f"{len(runs.delegated)} of {len(graph.operators)} operators"
            f" in {_plural(len(runs.partitions), 'partition')}, predicted",
        ),
        ("arena", f"{found.arena:,} bytes, estimated without XNNPACK"),
    ]
    if len(found.model.subgraphs) > 1:
        facts.append(("subgraphs", str(len(found.model.subgraphs))))
    return facts + _origin(found)


def _origin(found: Inspection) -> list[tuple[str, str]]:
    card, facts = found.card, []
    if card is not None:
        made = " · ".join(part for part in (card.model, card.dataset, card.recipe) if part)
        norm = card.normalization
        labels = f"{len(card.labels)}: {_few(card.labels)}" if card.labels else "none"
        facts = [("card", made), ("labels", labels)]
        order = ", channels in the order BGR" if norm.channel_order == "bgr" else ""
        scaled = f"(pixel − {_joined(norm.mean)}) / {_joined(norm.std)}"
        facts.append(("preprocessing", scaled + order))
    if found.model.metadata:
        facts.append(("metadata", ", ".join(found.model.metadata)))
    if found.model.description:
        facts.append(("description", found.model.description))
    return [*facts, ("sha256", found.sha256)]


def _ops(found: Inspection) -> Table:
    table = _table("operator", "types", "count", "XNNPACK", "MACs", "parameters", "bytes")
    for row in found.ops:
        style = "" if row.delegated == row.count else "yellow"
        numbers = (row.macs, row.parameters, row.bytes)
        table.add_row(
            row.name, row.types, str(row.count), str(row.delegated),
            *(f"{n:,}" if n else "–" for n in numbers), style=style,
        )  # fmt: skip
    return table


def _bytes(found: Inspection) -> list[tuple[str, str]]:
    total = found.bytes.total
    parts = {
        "weights": found.bytes.weights,
        "scales, zero points": found.bytes.quantization,
        "other constants": found.bytes.constants,
        "metadata": found.bytes.metadata,
        "attached archive": found.bytes.attached,
        "structure": found.bytes.structure,
    }
    rows = [(name, f"{size:>12,} bytes {size / total:>5.0%}") for name, size in parts.items()]
    return [*rows, ("file", f"{total:>12,} bytes")]


def _boundary(tensor: TfliteTensor) -> str:
    shape = " × ".join("?" if size < 0 else str(size) for size in tensor.shape)
    text = f"{tensor.name}  {tensor.dtype} {shape}"
    if tensor.quantization is None:
        return text
    zero = tensor.quantization.zero_points[0] if tensor.quantization.zero_points else 0
    return f"{text}, scale {tensor.quantization.scales[0]:.6g}, zero point {zero}"


def _print_pairs(pairs: list[tuple[str, str]], console: Console) -> None:
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        console.print(Text.assemble((f"{name:<{width}}  ", "dim"), value))


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in titles:
        words = title in ("operator", "types", "run by", "change", "what happened", "figure")
        table.add_column(title, justify="left" if words else "right")
    return table


def _few(labels: tuple[str, ...]) -> str:
    return ", ".join(labels[:4]) + (", …" if len(labels) > 4 else "")


def _joined(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
