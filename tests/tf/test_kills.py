"""A few kills of each command; ``make nightly`` has many more."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes import kills


@pytest.mark.parametrize("victim", [name for name, row in kills.VICTIMS.items() if row.sample])
def test_kills_change_nothing(victim: str, tmp_path: Path) -> None:
    kills.survive(victim, tmp_path, kills=kills.VICTIMS[victim].sample)
