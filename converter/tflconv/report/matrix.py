"""Markdown tables that look across devices: gains, equal outputs, and who runs which operator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tflconv.core.text import to_markdown as escape
from tflconv.report import columns, units
from tflconv.results import BenchmarkRun, OutputComparison, Results


def gains(results: Results) -> str:
    """Return how many times less each file costs than its baseline, with a column per device."""
    texts = {
        (cell.run.model.name, cell.run.model.recipe, group.device.name): units.factor(cell.speedup)
        for group in columns.groups(results)
        for cell in group.cells
        if cell.speedup
    }
    devices = list(dict.fromkeys(device for _, _, device in texts))
    return _table(["model", "recipe", *devices], _rows(texts, devices))


def outputs(results: Results) -> str:
    """Return how far outputs are from this computer's, with a column per device."""
    texts = {
        (run.model.name, run.model.recipe, run.device.name): _distance(run, compared)
        for run in results.runs
        if (compared := run.conditions.outputs_vs_host)
    }
    devices = list(dict.fromkeys(device for _, _, device in texts))
    return _table(["model", "recipe", *devices], _rows(texts, devices))


def built_in(results: Results) -> str:
    """Return partitions of each file, and the operators that XNNPACK left to built-in kernels."""
    rows = [
        [f"{run.model.name} {run.model.recipe}", str(run.graph.partitions), _undelegated(run)]
        for run in results.runs
        if run.graph
    ]
    return _table(["file", "partitions", "built-in"], rows)


def _undelegated(run: BenchmarkRun) -> str:
    counts: Counter[str] = Counter()
    for op in run.graph.ops if run.graph else ():
        if op.delegate is None:
            counts[op.kind] += op.count
    return ", ".join(f"{count} {kind}" for kind, count in counts.most_common()) or "none"


def _distance(run: BenchmarkRun, compared: OutputComparison) -> str:
    if compared.same_bits:
        return "same bits"
    whole = not any(name.startswith("float") for name in compared.types or ["float"])
    difference = compared.max_difference or 0.0
    amount = f"{difference:.0f} of 256 steps" if whole else f"{difference:.1e}"
    pictures = run.conditions.pictures_vs_host
    if pictures is None or run.accuracy is None:
        return amount
    return f"{amount}, {len(pictures)} of {run.accuracy.total} pictures"


def _rows(texts: dict[tuple[str, str, str], str], devices: list[str]) -> Iterable[list[str]]:
    for model, recipe in dict.fromkeys((model, recipe) for model, recipe, _ in texts):
        cells = [texts.get((model, recipe, device), units.MISSING) for device in devices]
        yield [model, recipe, *cells]


def _table(header: list[str], rows: Iterable[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *([escape(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
