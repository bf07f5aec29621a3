"""Ctrl-C at any moment of a command, and then again: it ends as documented, with nothing left.

``--log DIR`` goes on where a run ended.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes import interrupting

FULL = 100
LATEST = 4.0
"""Seconds of a command within which it is interrupted."""


@pytest.mark.timeout(0)
def test_interrupts_end_every_command(
    tmp_path: Path,
    pytestconfig: pytest.Config,
    count: Callable[[int], int],
    tell: Callable[[str, str], None],
) -> None:
    log = (pytestconfig.getoption("--log") or tmp_path) / "interrupts.log"
    done = log.read_text().split() if log.exists() else []
    draw, stages = random.Random(1), list(interrupting.STAGES)
    for number in range(count(FULL)):
        seconds = draw.uniform(0, LATEST)
        if number < len(done):
            continue
        (folder := tmp_path / str(number)).mkdir()
        still = interrupting.interrupted(stages[number % len(stages)], folder, after=seconds)
        done.append("interrupted" if still else "late")
        with log.open("a") as stream:
            stream.write(f"{done[-1]}\n")
    busy = f"{os.getloadavg()[0]:.1f} processes at work on {os.cpu_count()} cores"
    tell(
        f"{count(FULL)} times Ctrl-C, twice each, within {LATEST:.0f} s of {', '.join(stages)}",
        f"each ended with 130 and left nothing ({done.count('late')} had ended before); {busy}",
    )
