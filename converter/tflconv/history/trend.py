"""How a figure of one model on one device went over time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tflconv.comparison import Metric, comparable
from tflconv.comparison.effects import value_of
from tflconv.history.database import Kept


@dataclass(frozen=True, kw_only=True)
class TrendPoint:
    """One run of a trend.

    Attributes:
        kept: The run.
        value: The figure: milliseconds, bytes, instructions or a share.
        change: Its change against the run before, as a share; None for the first.
        differences: What else than the model differs from the run before.
    """

    kept: Kept
    value: float
    change: float | None
    differences: tuple[str, ...]


def of(runs: Iterable[Kept], metric: Metric) -> Iterator[TrendPoint]:
    """Yield the runs that have the figure ``metric``, in the order in which they came.

    Runs of a history were measured apart, so a change of a time is no verdict.
    """
    before: Kept | None = None
    last = 0.0
    for entry in runs:
        value = value_of(metric, entry.run)
        if value is None:
            continue
        yield TrendPoint(
            kept=entry,
            value=value,
            change=value / last - 1 if before and last else None,
            differences=tuple(comparable.differences(before.run, entry.run)) if before else (),
        )
        before, last = entry, value
