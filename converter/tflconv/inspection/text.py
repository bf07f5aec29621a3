"""Prints inspections and differences on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tflconv.core.plural import plural
from tflconv.core.terminal import cell
from tflconv.inspection import delegation, op_costs, runnable
from tflconv.inspection.diff import Difference
from tflconv.inspection.inspect import Inspection
from tflconv.results import BenchmarkRun
from tflconv.tflite import metadata
from tflconv.tflite.contents import TfliteModel, TfliteTensor

_STYLES = {"fused": "green", "folded": "green", "pruned": "green", "narrowed": "green"}


def print_inspection(inspection: Inspection, console: Console) -> None:
    """Print the contents of one file."""
    model, graph = inspection.model, inspection.model.main
    console.print(cell(model.path.name, "bold"))
    _print_pairs(_facts(inspection), console)
    console.print()
    console.print(_ops(inspection))
    console.print()
    _print_pairs(_bytes(inspection), console)
    console.print()
    for name, reason, count in delegation.refusals(graph, inspection.delegation):
        console.print(
            Text.assemble(
                "outside XNNPACK  ", cell(f"{count} × {name}", "bold"), cell(f": {reason}")
            )
        )
    for reason in inspection.obstacles:
        console.print(cell(f"! LiteRT's CPU runtime cannot run it: {reason}", "bold red"))
    doubts = (*runnable.open_sides(model), *runnable.broken_weights(model))
    for line in (*doubts, *inspection.slower[:1]):
        console.print(cell(f"! {line}", "bold yellow"))
    console.print()


def print_measured(run: BenchmarkRun, console: Console) -> None:
    """Print what a device measured: partitions, and the cost per kind of operator."""
    if run.graph is None:
        return
    pieces = plural(run.graph.partitions, "partition")
    console.print(cell(f"Measured on {run.device.name} ({run.device.id}), {pieces}", "bold"))
    table = _table("operator", "run by", "count", op_costs.unit(run), "share")
    for row in op_costs.kinds(run):
        cost = f"{row.cost:,.0f}" if op_costs.unit(run) == "instructions" else f"{row.cost:.1f}"
        cells = (row.kind, row.delegate or "built-in", str(row.count), cost, f"{row.share:.0%}")
        table.add_row(*map(cell, cells), style="" if row.delegate else "yellow")
    if table.row_count:
        console.print(table)
    console.print()


def print_difference(difference: Difference, console: Console) -> None:
    """Print the changes and figures of two files."""
    console.print(Text("Difference", "bold"))
    table = _table("change", "operator", "count", "what happened")
    for change in difference.changes:
        style = _STYLES.get(change.kind, "")
        facts = (change.op, change.count, change.detail)
        table.add_row(cell(change.kind, style), *map(cell, facts))
    table.add_row(Text("unchanged", "dim"), "", str(difference.unchanged), "")
    console.print(table)
    console.print()
    figures = _table("figure", "first", "second", "change")
    for name, (old, new) in difference.figures.items():
        relative = f"{(new / old - 1) * 100:+.0f} %".replace("-", "−") if old else ""
        figures.add_row(cell(name.replace("_", " ")), f"{old:,}", f"{new:,}", relative)
    console.print(figures)
    console.print()


def _facts(inspection: Inspection) -> list[tuple[str, str]]:
    graph, predicted = inspection.model.main, inspection.delegation
    facts = [("input", _boundary(graph.tensors[index])) for index in graph.inputs]
    facts += [("output", _boundary(graph.tensors[index])) for index in graph.outputs]
    facts += [
        ("parameters", f"{inspection.parameters:,}"),
        ("MACs", f"{inspection.macs:,}"),
        (
            "XNNPACK",
            f"{len(predicted.delegated)} of {len(graph.operators)} operators"
            f" in {plural(len(predicted.partitions), 'partition')}, predicted",
        ),
        ("arena", f"{inspection.arena:,} bytes, estimated without XNNPACK"),
    ]
    if len(inspection.model.subgraphs) > 1:
        facts.append(("subgraphs", _branches(inspection.model)))
    return facts + _origin(inspection)


def _branches(model: TfliteModel) -> str:
    """What XNNPACK does with the graphs that IF, WHILE and others run, beside the main one."""
    pieces = [len(delegation.of_graph(graph).partitions) for graph in model.subgraphs[1:]]
    return f"{len(model.subgraphs)}, with {plural(sum(pieces), 'partition')} outside the main one"


def _origin(inspection: Inspection) -> list[tuple[str, str]]:
    card = inspection.card
    appended, names = metadata.labels(inspection.model.path)
    facts = [("labels", f"{len(names)} in {appended}: {_few(names)}")] if names else []
    if card is not None:
        origin = " · ".join(part for part in (card.model, card.dataset, card.recipe) if part)
        norm = card.normalization
        labels = f"{len(card.labels)}: {_few(card.labels)}" if card.labels else "none"
        facts = [("card", origin), ("labels", labels)]
        order = ", channels in the order BGR" if norm.channel_order == "bgr" else ""
        scaled = f"(pixel − {_joined(norm.mean)}) / {_joined(norm.std)}"
        facts.append(("preprocessing", scaled + order))
    if inspection.model.metadata:
        facts.append(("metadata", ", ".join(inspection.model.metadata)))
    if inspection.model.description:
        facts.append(("description", inspection.model.description))
    return [*facts, ("sha256", inspection.sha256)]


def _ops(inspection: Inspection) -> Table:
    table = _table("operator", "types", "count", "XNNPACK", "MACs", "parameters", "bytes")
    for row in inspection.ops:
        style = "" if row.delegated == row.count else "yellow"
        numbers = (row.macs, row.parameters, row.bytes)
        table.add_row(
            cell(row.name), cell(row.types), str(row.count), str(row.delegated),
            *(f"{n:,}" if n else "–" for n in numbers), style=style,
        )  # fmt: skip
    return table


def _bytes(inspection: Inspection) -> list[tuple[str, str]]:
    total = inspection.bytes.total
    parts = {
        "weights": inspection.bytes.weights,
        "scales, zero points": inspection.bytes.quantization,
        "other constants": inspection.bytes.constants,
        "metadata": inspection.bytes.metadata,
        "attached archive": inspection.bytes.attached,
        "structure": inspection.bytes.structure,
    }
    rows = [(name, f"{size:>12,} bytes {size / total:>5.0%}") for name, size in parts.items()]
    rows.append(("file", f"{total:>12,} bytes"))
    if (packed := inspection.download) is not None:
        rows.append(("as a download (gzip)", f"{packed:>12,} bytes {packed / total:>5.0%}"))
    return rows


def _boundary(tensor: TfliteTensor) -> str:
    shape = " × ".join("?" if size < 0 else str(size) for size in tensor.signature)
    text = f"{tensor.name}  {tensor.dtype} {shape}"
    if tensor.quantization is None:
        return text
    zero = tensor.quantization.zero_points[0] if tensor.quantization.zero_points else 0
    return f"{text}, scale {tensor.quantization.scales[0]:.6g}, zero point {zero}"


def _print_pairs(pairs: list[tuple[str, str]], console: Console) -> None:
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        console.print(Text.assemble((f"{name:<{width}}  ", "dim"), cell(value)))


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
