"""Prints the error of each operator on a terminal, and where it starts."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tflconv.core.plural import plural
from tflconv.core.terminal import cell
from tflconv.report import units
from tflconv.verification.per_operator import BEST, ErrorTrace, OperatorError, WorstSlice

SHOWN = 16
"""Operators that are printed, those with the largest fall; JSON has all."""

_TITLES = ("#", "operator", "SNR, dB", "cosine", "worst token", "worst channel", "clipped", "falls")


def print_errors(trace: ErrorTrace, console: Console) -> None:
    """Print where the error starts, and the operators that add most to it."""
    head = f"Error per operator over {plural(trace.samples, 'sample')} of {trace.source}"
    console.print(cell(head, "bold"))
    for line in lines(trace):
        console.print(cell(line, "bold yellow" if trace.start else ""))
    chosen = sorted(trace.operators, key=lambda each: -each.fall)[:SHOWN]
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in _TITLES:
        table.add_column(title, justify="left" if title == "operator" else "right")
    for each in sorted(chosen, key=lambda each: each.index):
        style = "yellow" if trace.start and each.index == trace.start.index else ""
        table.add_row(*map(cell, _row(each)), style=style)
    console.print(table)
    rest = len(trace.operators) - len(chosen)
    if rest:
        console.print(
            Text(f"{rest} more operators add less; `tflconv inspect --json` has all.", "dim")
        )
    console.print()


def lines(trace: ErrorTrace) -> Iterator[str]:
    """Yield in words where the error starts, and what the outputs come to."""
    start = trace.start
    if all(each.worst >= BEST for each in trace.operators):
        yield "Every operator says the same in both files."
    elif start is None:
        yield "No operator stands out: the error grows little by little."
    else:
        name = start.tensor or "no name"
        yield f"It starts at #{start.index} {start.op} ({name}): {_cause(start)}."
    if trace.operators:
        last = trace.operators[-1]
        yield (
            f"At the last operator that both have, #{last.index} {last.op}: SNR"
            f" {last.snr:.1f} dB, cosine {last.cosine:.5f}."
        )
    if trace.unpaired:
        yield f"Without a counterpart in {trace.reference}: {plural(trace.unpaired, 'operator')}."


def in_words(error: OperatorError) -> str:
    """Return the error of one operator in words."""
    return _cause(error) if error.fall else f"SNR {_snr(error.snr)} dB over all, nothing added"


def _cause(error: OperatorError) -> str:
    worst, kind = _worst(error)
    text = f"SNR falls to {worst.snr if worst else error.snr:.1f} dB"
    if worst is not None and worst.snr < error.snr:
        text += (
            f" in {kind} {_place(worst)}, which has {units.percent(worst.share, 0)} of the error"
            f" ({error.snr:.1f} dB over all)"
        )
    share = max(error.clipped, worst.clipped if worst else 0.0)
    if share >= 0.01 and error.limits is not None:
        low, high = error.limits
        where = f" of {kind} {_place(worst)}" if worst and worst.clipped >= error.clipped else ""
        text += (
            f"; {units.percent(share, 0)} of the values{where} are clipped: the tensor holds"
            f" {units.significant(low)} to {units.significant(high)}"
        )
    return text


def _worst(error: OperatorError) -> tuple[WorstSlice | None, str]:
    """Return the token or the channel that more of the error is in."""
    pairs = [(each, kind) for each, kind in ((error.token, "token"), (error.channel, "channel"))]
    return max(pairs, key=lambda pair: pair[0].share if pair[0] else -1.0)


def _row(error: OperatorError) -> tuple[str, ...]:
    return (
        f"{error.index}",
        error.op,
        _snr(error.snr),
        f"{error.cosine:.5f}",
        _slice(error.token),
        _slice(error.channel),
        units.percent(error.clipped, 1) if error.clipped else units.MISSING,
        f"{error.fall:.1f}" if error.fall else units.MISSING,
    )


def _slice(worst: WorstSlice | None) -> str:
    return units.MISSING if worst is None else f"{_place(worst)}: {_snr(worst.snr)}"


def _place(worst: WorstSlice) -> str:
    return ", ".join(map(str, worst.place))


def _snr(value: float) -> str:
    return "exact" if value >= BEST else f"{value:.1f}"
