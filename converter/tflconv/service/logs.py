"""A structured log: one JSON object per line on stderr, which can never hold up an answer.

Lines are written by a thread of their own. Where they cannot be written, because a disk is full or
nobody reads the pipe, they are dropped and counted.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tflconv.core.text import clean

_MOST_LINES = 10_000
_AT_ONCE = 64
"""Lines that are written together; Python's other threads wait while their text is made."""

_PAUSE_SECONDS = 0.1
_LAST_SECONDS = 1.0
_encode = json.JSONEncoder(default=str).encode


def _places(error: BaseException) -> list[str]:
    """Files, lines and functions that an error came through; no values."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{Path(each.filename).name}:{each.lineno} {each.name}" for each in frames]


class Log(logging.Handler):
    """Writes events, and what uvicorn logs.

    Args:
        descriptor: The file descriptor to write to.
        lost: Is called with the number of lines that were dropped.
    """

    def __init__(self, descriptor: int = 2, lost: Callable[[int], object] = lambda _: None) -> None:
        super().__init__(logging.WARNING)
        self._descriptor, self._lost = descriptor, lost
        self._lines = deque[tuple[float, str, dict[str, Any]]](maxlen=_MOST_LINES)
        self._ending, self._waiting = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()

    def event(self, event: str, **members: Any) -> None:
        """Add a line: the time, the name of the event, and ``members``."""
        if len(self._lines) == _MOST_LINES:
            self._lost(1)
        self._lines.append((time.time(), event, members))
        if not self._waiting.is_set():
            self._waiting.set()

    def emit(self, record: logging.LogRecord) -> None:
        """Add what a library logs."""
        error = record.exc_info[1] if record.exc_info else None
        more = {} if error is None else {"error": clean(repr(error), 300), "at": _places(error)}
        text = clean(record.getMessage(), 300)
        self.event("log", level=record.levelname.lower(), logger=record.name, text=text, **more)

    def end(self) -> None:
        """Write what is left, if that can be done within a second."""
        self._ending.set()
        self._waiting.set()
        self._thread.join(_LAST_SECONDS)

    def _write_all(self) -> None:
        while not self._ending.is_set():
            self._waiting.wait()
            self._ending.wait(_PAUSE_SECONDS)  # so that many lines are one write
            self._waiting.clear()
            while self._lines:
                self._write_some()

    def _write_some(self) -> None:
        count = min(_AT_ONCE, len(self._lines))
        rest = "".join(_line(*self._lines.popleft()) for _ in range(count)).encode()
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            self._lost(rest.count(b"\n"))


def _line(seconds: float, event: str, members: dict[str, Any]) -> str:
    when = datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")
    return _encode({"time": when, "event": event, **members}) + "\n"
