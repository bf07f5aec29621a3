"""Ctrl-C in any stage, and then again: exit code 130, one word, nothing half-written."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes import interrupting

SOON = {"convert": (0.2, 0.4, 0.6), "report": (0.5, 1.0, 2.0)}
"""Seconds after which a stage is interrupted that does not last 10."""

CASES = [
    (stage, seconds)
    for stage in interrupting.STAGES
    for seconds in SOON.get(stage, (1.0, 4.0, 10.0))
]


@pytest.mark.parametrize(("stage", "seconds"), CASES)
def test_interrupted_twice(stage: str, seconds: float, tmp_path: Path) -> None:
    if not interrupting.interrupted(stage, tmp_path, after=seconds):
        pytest.skip(f"{stage} is done within {seconds} s")
