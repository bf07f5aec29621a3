"""Cost of the operators of a file, as measured on a device.

A phone or this computer measures time (``tflconv bench``), an emulated core instructions
(``tests/figures/op_instructions.py``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from tflconv.core import markup
from tflconv.core.jsonvalue import JsonValue
from tflconv.results import BenchmarkRun, Op


@dataclass(frozen=True, kw_only=True)
class KindCost:
    """Cost of all executed operators of one kind.

    Attributes:
        kind: Name of the operator.
        delegate: The delegate that ran them; None for built-in kernels.
        count: Number of operators.
        cost: Their cost (``unit``).
        share: Share of the whole cost, 0 to 1.
    """

    kind: str
    delegate: str | None
    count: int
    cost: float
    share: float


def of_file(runs: Iterable[BenchmarkRun], sha256: str) -> list[BenchmarkRun]:
    """Return the runs of the file with this hash that recorded its execution."""
    return [run for run in runs if run.model.sha256 == sha256 and run.graph is not None]


def unit(run: BenchmarkRun) -> str:
    """Return the unit of operator costs of a run: ``instructions`` or ``µs``."""
    counted = run.graph is not None and any(op.instructions is not None for op in run.graph.ops)
    return "instructions" if counted else "µs"


def kinds(run: BenchmarkRun) -> list[KindCost]:
    """Return the cost per kind of operator, the most expensive first; empty if not measured."""
    groups: dict[tuple[str, str | None], list[Op]] = {}
    for op in run.graph.ops if run.graph else ():
        if _cost(op) is not None:
            groups.setdefault((op.kind, op.delegate), []).append(op)
    costs = {key: sum(op.count * (_cost(op) or 0) for op in ops) for key, ops in groups.items()}
    whole = sum(costs.values())
    return [
        KindCost(
            kind=kind,
            delegate=delegate,
            count=sum(op.count for op in groups[kind, delegate]),
            cost=cost,
            share=cost / whole if whole else 0.0,
        )
        for (kind, delegate), cost in sorted(costs.items(), key=lambda item: -item[1])
    ]


def to_json(run: BenchmarkRun) -> dict[str, JsonValue]:
    """Return device, partitions, and costs by kind and by operator as a JSON object."""
    assert run.graph is not None
    return {
        "device": run.device.id,
        "partitions": run.graph.partitions,
        "unit": unit(run),
        "kinds": [asdict(kind) for kind in kinds(run)],
        "ops": [asdict(op) for op in run.graph.ops],
    }


def to_html(run: BenchmarkRun) -> str:
    """Return the cost per kind of operator as a table for a notebook."""
    caption = f"{run.device.name} ({run.device.id}), cost in {unit(run)}"
    return markup.table([asdict(kind) for kind in kinds(run)], caption)


def _cost(op: Op) -> float | None:
    if op.instructions is not None:
        return op.instructions
    return None if op.mean_ns is None else op.mean_ns / 1000
