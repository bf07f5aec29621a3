"""What a long job says while it works: live lines on a terminal, plain lines in a log."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from tflconv.cli import shells
from tflconv.core.amounts import clock_text
from tflconv.core.progress import Callback, Progress, silent
from tflconv.core.text import clean, clean_lines, to_json

if TYPE_CHECKING:
    from rich.console import Console


_MOMENT = 0.7
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
    """Give a callback that shows on stderr how far each stage is."""
    if is_chosen("quiet"):
        yield silent
        return
    if is_chosen("no_progress") or not _is_terminal():
        yield _verbose_lines() if is_chosen("verbose") else _print
        return
    from tflconv.cli.painting import painted

    with painted(verbose=is_chosen("verbose")) as progress:
        yield progress


@contextlib.contextmanager
def working(message: str) -> Iterator[Callback]:
    """Say on a terminal what is being done for as long as the block takes."""
    with showing() as progress:
        if _is_terminal():
            progress(Progress(stage="work", message=message))
        yield progress


@contextlib.contextmanager
def waiting(message: str = "starting") -> Iterator[None]:
    """Say ``message`` on a terminal, if the block takes more than a moment."""
    if shells.VARIABLE in os.environ or is_chosen("quiet") or not _is_terminal():
        yield
        return
    over, written = threading.Event(), [f"{clean(message)} "]

    def tell() -> None:
        while not over.wait(_MOMENT):
            sys.stderr.write(written[-1])
            sys.stderr.flush()
            written.append(".")

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        if len(written) > 1:
            sys.stderr.write("\r\x1b[K")


def say_next(*words: object, why: str = "") -> None:
    """Say on a terminal which command comes next, and ``why``."""
    if is_chosen("quiet") or not _is_terminal():
        return
    say(f"Next: {shlex.join(map(str, words))}{why and f'  ({why})'}", err=True)


def is_chosen(name: str) -> bool:
    """Whether the command that is running was given ``quiet``, ``verbose`` or ``no_progress``."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(f"tflconv.{name}"))


def _is_terminal() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def _print(event: Progress) -> None:
    if event.message:
        apart = event.subject and event.subject not in event.message
        say(f"{event.subject}: {event.message}" if apart else event.message, err=True)


def _verbose_lines() -> Callback:
    """Return what prints every message with the seconds since the start, and what ended."""
    from tflconv.cli.tracking import Tracker

    tracker = Tracker()

    def hear(event: Progress) -> None:
        for row in tracker.take(event):
            subject = f"{row.subject} " if row.subject else ""
            ended = f"{subject}{row.stage} {'failed' if row.failed else 'done'}"
            say(f"{tracker.seconds:8.1f} s  {ended} in {clock_text(row.seconds(0))}", err=True)
        if event.message:
            subject = f"{event.subject}: " if event.subject else ""
            say(f"{tracker.seconds:8.1f} s  {subject}{event.message}", err=True)

    return hear
