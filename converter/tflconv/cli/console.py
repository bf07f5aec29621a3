"""What a long job says while it works: live lines on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from tflconv.core.progress import Callback, Progress

if TYPE_CHECKING:
    from rich.console import Console


WIDE = 400
"""Columns of a table in a file or a pipe, where nothing is to be cut."""


def standard_output(*, width: int = WIDE, highlight: bool = True) -> Console:
    """Return where tables are printed: as wide as the terminal, or ``width`` columns elsewhere."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else width, highlight=highlight)


@contextmanager
def showing() -> Iterator[Callback]:
    """Give a callback that shows on stderr how far each subject, or else each stage, is."""
    if sys.stderr.isatty():
        with _live() as progress:
            yield progress
    else:
        yield _print


def _print(event: Progress) -> None:
    if event.message:
        prefix = f"{event.subject}: " if event.subject else ""
        click.echo(f"{prefix}{event.message}", err=True)


@contextmanager
def _live() -> Iterator[Callback]:
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", style="bold"),
        TextColumn("{task.fields[message]}"),
        BarColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        rows = {}

        def show(event: Progress) -> None:
            name = event.subject or event.stage
            if name not in rows:
                rows[name] = bars.add_task(name, total=None, message="")
            if event.message:
                bars.update(rows[name], message=event.message)
            bars.update(rows[name], total=event.total or None, completed=event.done)

        yield show
