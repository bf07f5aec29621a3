"""SIGKILL at any moment: the same command, given again, ends with the right answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fakes import kills


@pytest.mark.parametrize("victim", kills.VICTIMS)
def test_kills_change_nothing(
    victim: str,
    tmp_path: Path,
    count: Callable[[int], int],
    tell: Callable[[str, str], None],
) -> None:
    wanted = count(kills.VICTIMS[victim].kills)
    outcome = kills.survive(victim, tmp_path, kills=wanted)
    tell(
        f"{wanted} kills within the {outcome.seconds:.1f} s of `{victim}`",
        f"{wanted} times the same files and no litter ({outcome.late} had ended before)",
    )
