"""The process that draws: a command that hangs in native code cannot keep it from drawing.

Loading TensorFlow and lowering a graph hold Python's lock for many seconds, in which no thread of
the command could move a spinner. So a small process, forked before anything heavy is loaded, draws
what it is told through a pipe. It ends with the pipe, however the command ends.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection, Pipe
from typing import Any, TextIO

from tflconv.core.progress import Callback, Progress

_APART = 0.05
"""Seconds between two events that only move the same bar."""


@contextlib.contextmanager
def painted(*, verbose: bool) -> Iterator[Callback]:
    """Draw during the block what the callback is told; what goes to stderr stands above it."""
    sys.stderr.flush()
    receiving, sending = Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        sending.close()
        _paint(receiving, verbose)
    receiving.close()
    pipe, stream, ended = _Sender(sending), sys.stderr, False
    sys.stderr = _Lines(stream, pipe)
    try:
        yield pipe.hear
        ended = True
    finally:
        sys.stderr = stream
        pipe.close(failed=not ended)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)


class _Sender:
    """The end of the pipe that the command holds; any thread may send."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock = connection, threading.Lock()
        self._moved: dict[tuple[str, str], float] = {}

    def hear(self, event: Progress) -> None:
        """Send ``event``, unless it only moves a bar that has just been moved."""
        is_move = not event.message and not event.jobs and event.state == "working"
        key, now = (event.subject, event.stage), time.monotonic()
        if is_move and now - self._moved.get(key, 0.0) < _APART:
            return
        self._moved[key] = now
        self.send(event)

    def send(self, value: object) -> None:
        """Send ``value``; nobody may be there to read it any more."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._connection.send(value)

    def close(self, *, failed: bool) -> None:
        """Say that all has ended, and how."""
        self.send(failed)
        self._connection.close()


class _Lines:
    """Stands in for stderr: whole lines go through the pipe, the rest is asked of the stream."""

    def __init__(self, stream: TextIO, pipe: _Sender) -> None:
        self._stream, self._pipe, self._begun = stream, pipe, ""

    def write(self, text: str) -> int:
        """Send the lines that ``text`` completes."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._pipe.send(line)
        return len(text)

    def flush(self) -> None:
        """Do nothing: lines are sent at once."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _paint(receiving: Connection, verbose: bool) -> None:
    """Be the process that draws, until the pipe ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the pipe says when the command has ended
    try:
        from rich.console import Console
        from rich.text import Text

        from tflconv.cli.display import Display

        console = Console(stderr=True)
        display = Display(console, verbose=verbose)
        with display.shown():
            failed: object = True
            with contextlib.suppress(EOFError, OSError):
                while not isinstance(value := receiving.recv(), bool):
                    if isinstance(value, Progress):
                        display.hear(value)
                    else:
                        console.print(Text(str(value)))
                failed = value
            display.failed = bool(failed)
    finally:
        os._exit(0)
