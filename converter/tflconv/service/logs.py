"""A structured log: one JSON object per line on stderr, which can never hold up an answer.

Lines are written by a thread of their own. Where they cannot be written, because a disk is full or
nobody reads the pipe, they are dropped and counted.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from tflconv.core.text import clean

_MOST_LINES = 10_000
_PAUSE_SECONDS = 0.1
_LAST_SECONDS = 1.0


class Log(logging.Handler):
    """Writes events, and what uvicorn logs.

    Args:
        descriptor: The file descriptor to write to.
        lost: Is called with the number of lines that were dropped.
    """

    def __init__(self, descriptor: int = 2, lost: Callable[[int], object] = lambda _: None) -> None:
        super().__init__(logging.WARNING)
        self._descriptor, self._lost = descriptor, lost
        self._lines = deque[str](maxlen=_MOST_LINES)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()

    def event(self, event: str, **members: Any) -> None:
        """Add a line: the time, the name of the event, and ``members``."""
        if len(self._lines) == _MOST_LINES:
            self._lost(1)
        time = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        line = {"time": time, "event": event, **members}
        self._lines.append(json.dumps(line, default=str))

    def emit(self, record: logging.LogRecord) -> None:
        """Add what a library logs."""
        error = record.exc_info[1] if record.exc_info else None
        more = {} if error is None else {"error": clean(repr(error), 300)}
        text = clean(record.getMessage(), 300)
        self.event("log", level=record.levelname.lower(), logger=record.name, text=text, **more)

    def end(self) -> None:
        """Write what is left, if that can be done within a second."""
        self._ending.set()
        self._thread.join(_LAST_SECONDS)

    def _write_all(self) -> None:
        while not self._ending.wait(_PAUSE_SECONDS):
            self._write_some()
        self._write_some()

    def _write_some(self) -> None:
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if not lines:
            return
        rest = "".join(f"{line}\n" for line in lines).encode()
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            self._lost(rest.count(b"\n"))
