"""What a long job says while it works: live lines on a terminal, plain lines in a log."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from tflconv.core.progress import Callback, Progress
from tflconv.core.text import clean, clean_lines, to_json

if TYPE_CHECKING:
    from rich.console import Console


WIDE = 400
"""Columns of a table in a file or a pipe, where nothing is to be cut."""


def standard_output(*, width: int = WIDE, highlight: bool = True) -> Console:
    """Return where tables are printed: as wide as the terminal, or ``width`` columns elsewhere."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else width, highlight=highlight)


def say(text: object, *, err: bool = False) -> None:
    """Print a line, or several, in which nothing acts on the terminal.

    Work does not end because nobody can read how far it is: errors of stderr are dropped.
    """
    with contextlib.suppress(OSError) if err else contextlib.nullcontext():
        click.echo(clean_lines(str(text)), err=err)


def print_json(value: object) -> None:
    """Print ``value`` as JSON, which is UTF-8 whatever the terminal speaks."""
    click.echo(f"{to_json(value)}\n".encode(), nl=False)


@contextlib.contextmanager
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
        say(f"{prefix}{event.message}", err=True)


@contextlib.contextmanager
def _live() -> Iterator[Callback]:
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", style="bold", markup=False),
        TextColumn("{task.fields[message]}", markup=False),
        BarColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        rows = {}

        def show(event: Progress) -> None:
            name = clean(event.subject or event.stage)
            if name not in rows:
                rows[name] = bars.add_task(name, total=None, message="")
            if event.message:
                bars.update(rows[name], message=clean(event.message))
            bars.update(rows[name], total=event.total or None, completed=event.done)

        yield show
