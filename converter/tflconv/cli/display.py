"""Draws what is at work on a terminal: finished stages stay, with the time that they took.

Above the live lines stands what is done, each ticked with its time. Live are only the stages that
are at work, each with a bar and the time left where it counts, and one line over all of them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from tflconv.cli.tracking import Overall, StageRow, Tracker
from tflconv.core.amounts import bytes_text, clock_text
from tflconv.core.progress import Progress
from tflconv.core.text import clean

_PER_SECOND = 8
_WORTH_A_LINE = 2.0
"""Seconds that a part of a stage takes at least to be kept as a line."""

LABELS = {
    "read": "reading pictures",
    "open": "opening the model",
    "lower": "tracing",
    "convert": "converting",
    "calibrate": "calibrating",
    "check": "comparing with the float model",
    "report": "drawing the report",
    "train": "training",
    "fetch": "downloading",
    "teach": "asking the teacher",
    "qat": "quantization-aware training",
    "verify": "classifying",
    "bench": "measuring",
    "blocks": "latency, block by block",
    "latency": "latency",
    "rate": "CPU use at a rate",
    "memory": "peak memory",
    "sustained": "sustained run",
    "profile": "profile of operators",
    "accuracy": "accuracy",
}
"""What a stage is called that brings no sentence of its own."""


class Display:
    """The live lines of one command.

    Args:
        console: The terminal.
        verbose: Whether notes and short parts are kept as lines, too.

    Attributes:
        failed: Whether the command has failed, so that what was at work is no success.
    """

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        self._console, self._verbose = console, verbose
        self._tracker, self._lock = Tracker(), threading.RLock()
        self._spinner = Spinner("dots")
        self.failed = False

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Draw during the block; afterwards the finished stages and one summary are left."""
        live = Live(
            console=self._console,
            get_renderable=self._drawn,
            refresh_per_second=_PER_SECOND,
            transient=True,
            redirect_stdout=False,
        )
        with live:
            yield
            with self._lock:
                self._keep(self._tracker.end(failed=self.failed))
        if not self.failed:
            self._sum_up()

    def hear(self, event: Progress) -> None:
        """Hear of ``event``; any thread may call."""
        with self._lock:
            self._keep(self._tracker.take(event))
            if event.message and event.state == "note" and self._verbose:
                self._console.print(Text(f"  · {clean(event.message)}", style="dim"))

    def _keep(self, rows: list[StageRow]) -> None:
        for row in rows:
            if self._verbose or not row.is_part or row.seconds(0) >= _WORTH_A_LINE:
                self._console.print(_finished(row))

    def _sum_up(self) -> None:
        overall, seconds = self._tracker.overall(), self._tracker.seconds
        if seconds < _WORTH_A_LINE:
            return
        jobs = "done" if overall is None else f"{overall.done} of {overall.total} done"
        self._console.print(Text(f"{jobs} in {clock_text(seconds)}", style="dim"))

    def _drawn(self) -> RenderableType:
        with self._lock:
            now, table = self._tracker.clock(), Table.grid(padding=(0, 1))
            table.add_column()
            table.add_column(no_wrap=True, overflow="ellipsis")
            for row in self._tracker.rows:
                table.add_row(self._spinner, *_live(row, now))
            overall = self._tracker.overall()
            line = _over_all(overall, self._tracker.seconds)
            if table.row_count == 0:
                return Group(Group(self._spinner), line) if overall else self._spinner
            return Group(table, line) if overall else table


def _described(row: StageRow) -> Text:
    """Subject and sentence; the subject is left out where the sentence names it."""
    message, subject = clean(row.message).removesuffix(" ..."), clean(row.subject)
    label = LABELS.get(row.stage, clean(row.stage))
    if not subject or subject in message:
        return Text(message or label)
    if not message and row.is_part:
        return Text.assemble(label, (f", {subject}", "dim"))
    if not message:
        return Text.assemble(label, " ", (subject, "bold"))
    return Text.assemble((subject, "bold"), " ", message)


def _finished(row: StageRow) -> Text:
    mark = ("✗", "red") if row.failed else ("✓", "green")
    name = Text("  ") if row.is_part else Text()
    took = clock_text(row.seconds(0))
    return Text.assemble(name, mark, " ", _described(row), "  ", (took, "dim"))


def _live(row: StageRow, now: float) -> tuple[RenderableType, ...]:
    described = Text("  ") + _described(row) if row.is_part else _described(row)
    took = Text(clock_text(row.seconds(now)), style="dim")
    if not row.total:
        return described, Text(), Text(), took
    left = row.seconds_left(now)
    bar = ProgressBar(total=row.total, completed=row.done, width=24)
    timing = took if left is None else Text(f"{clock_text(left)} left", style="cyan")
    return described, bar, Text(_counted(row)), timing


def _counted(row: StageRow) -> str:
    if row.unit == "bytes":
        return f"{bytes_text(row.done)} of {bytes_text(row.total)}"
    return f"{row.done} of {row.total} {row.unit}".rstrip()


def _over_all(overall: Overall | None, seconds: float) -> Text:
    if overall is None:
        return Text()
    text = f"{overall.done} of {overall.total} done in {clock_text(seconds)}"
    if overall.seconds_left is not None:
        word = "at least" if overall.is_least else "about"
        text += f", {word} {clock_text(overall.seconds_left)} left"
    return Text(text, style="bold")
