"""Sends requests at a fixed rate with autocannon, which corrects for coordinated omission.

autocannon is a load generator from npm: ``npm install autocannon@8.0.0``, and ``NODE_PATH`` names
its folder ``node_modules``. At a fixed rate it computes latencies from the moment when a request
was due, not from when a busy client came to send it.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("load.cjs")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Load:
    """What came of a load.

    Attributes:
        answered: Requests with an answer.
        rate: Those per second.
        p50, p99: Latencies in milliseconds.
        failed: Answers that were no 200, errors and timeouts.
    """

    answered: int
    rate: float
    p50: float
    p99: float
    failed: int


def load(
    url: str, body: Path, *, seconds: int, rate: int | None, connections: int = 8, core: int = 1,
    kind: str = "image/png",
) -> Load:  # fmt: skip
    """Send the file ``body`` for ``seconds``, at ``rate`` per second or as fast as answers come."""
    words = (url, body, kind, connections, seconds, rate or 0)
    command = ["taskset", "-c", str(core), "node", str(SCRIPT), *map(str, words)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    told = json.loads(run.stdout)
    return Load(
        answered=told["2xx"],
        rate=told["2xx"] / told["duration"],
        p50=told["latency"]["p50"],
        p99=told["latency"]["p99"],
        failed=told["non2xx"] + told["errors"] + told["timeouts"],
    )


def cpu_seconds(*pids: int) -> float:
    """Processor time that processes have used, which a busy machine changes little."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS
