"""SIGKILL at any moment: the same command, given again, ends with the right answer.

``--log DIR`` goes on where a run ended.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fakes import kills


@pytest.mark.timeout(0)
@pytest.mark.parametrize("victim", kills.VICTIMS)
def test_kills_change_nothing(
    victim: str,
    tmp_path: Path,
    pytestconfig: pytest.Config,
    count: Callable[[int], int],
    tell: Callable[[str, str], None],
) -> None:
    wanted = count(kills.VICTIMS[victim].kills)
    log = (pytestconfig.getoption("--log") or tmp_path) / f"kills-{victim}.log"
    outcome = kills.survive(victim, tmp_path, kills=wanted, log=log)
    tell(
        f"{wanted} kills within the {outcome.seconds:.1f} s of `{victim}`",
        f"{wanted} times the same files and no litter ({outcome.late} had ended before)",
    )
