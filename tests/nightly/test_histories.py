"""SIGKILL at any moment while runs are kept: nothing that was kept is lost or damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fakes import killed_histories


def test_kills_cost_a_history_the_run_in_flight(
    tmp_path: Path, count: Callable[[int], int], tell: Callable[[str, str], None]
) -> None:
    wanted = count(200)
    found = killed_histories.survive(tmp_path, kills=wanted)
    assert found.damaged == 0
    assert found.lost == 0
    assert found.extra <= killed_histories.WRITERS
    tell(
        f"{wanted} kills of {killed_histories.WRITERS} processes that write one history",
        f"all {found.told} runs that were said to be kept are there, none damaged",
    )
