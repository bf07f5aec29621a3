"""What a long job says while it works: live lines on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from tflconv.core.workers import Say


@contextmanager
def saying() -> Iterator[Say]:
    """Give a ``say(task, text)`` that shows the latest text of every task on stderr."""
    if not sys.stderr.isatty():
        yield lambda task, text: click.echo(f"{task}: {text}", err=True)
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", style="bold"),
        TextColumn("{task.fields[text]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        lines = {}

        def say(task: str, text: str) -> None:
            if task not in lines:
                lines[task] = progress.add_task(task, total=None, text=text)
            progress.update(lines[task], text=text)

        yield say
