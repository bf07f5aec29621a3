"""Runs a command on a terminal of its own and records when it wrote what."""

from __future__ import annotations

import itertools
import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
PATIENCE = 300.0


@dataclass
class Seen:
    """What a terminal saw of a command.

    Attributes:
        code: Exit code of the command.
        writes: When something was written, in seconds since the start, and what.
    """

    code: int = 0
    writes: list[tuple[float, str]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def text(self) -> str:
        """All that was written, without what moves the cursor."""
        return _ESCAPES.sub("", "".join(text for _, text in self.writes))

    @property
    def longest_silence(self) -> float:
        """Seconds between two writes, the start and the end included."""
        times = [0.0, *(when for when, _ in self.writes), self.seconds]
        return max(after - before for before, after in itertools.pairwise(times))

    @property
    def silent_seconds(self) -> float:
        """Seconds of all silences that were longer than 2 s."""
        times = [0.0, *(when for when, _ in self.writes), self.seconds]
        gaps = [after - before for before, after in itertools.pairwise(times)]
        return sum(gap for gap in gaps if gap > 2)


def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    until: Callable[[str], bool] | None = None,
) -> Seen:
    """Run ``command`` with stdout and stderr on a terminal of 100 columns.

    Args:
        command: The command.
        environment: Variables besides those of this process.
        cwd: Its working directory.
        until: Asked with all text so far; a line is typed when it says so for the first time.
    """
    leader, follower = pty.openpty()
    variables = {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
    began = time.monotonic()
    process = subprocess.Popen(
        command,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=cwd,
        env=os.environ | variables | dict(environment or {}),
        start_new_session=True,
    )
    os.close(follower)
    seen = Seen()
    try:
        while time.monotonic() - began < PATIENCE:
            ready, _, _ = select.select([leader], [], [], 1.0)
            if not ready:
                continue
            try:
                text = os.read(leader, 65536).decode(errors="replace")
            except OSError:  # nobody has the terminal open any more
                break
            seen.writes.append((time.monotonic() - began, text))
            if until is not None and until(seen.text):
                os.write(leader, b"\n")
                until = None
    finally:
        if process.poll() is None and time.monotonic() - began >= PATIENCE:
            os.killpg(process.pid, signal.SIGKILL)
        seen.code = process.wait(PATIENCE)
        seen.seconds = time.monotonic() - began
        os.close(leader)
    return seen
