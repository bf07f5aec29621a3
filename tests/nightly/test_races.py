"""Processes that want the same entry of a store at the same time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fakes import races


@pytest.mark.parametrize("harm", races.HARMS)
def test_processes_meet_at_one_key(
    harm: str, tmp_path: Path, count: Callable[[int], int], tell: Callable[[str, str], None]
) -> None:
    rounds = count(600)
    said = races.met(tmp_path, harm, rounds=rounds)
    assert said == {"right": rounds * races.PROCESSES}
    tell(
        f"{rounds} times {races.PROCESSES} processes that want one entry, {harm} before",
        f"{said['right']} right answers, no litter",
    )
