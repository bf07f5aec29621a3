"""A hundred thousand damaged files of all kinds: each is read or refused with a message.

No exception, no hang and no signal may escape; a file in a kind of its own is used in a process
that may die over it, and the next one goes on behind it. ``--log DIR`` goes on where a run ended.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes.hostile_files import KINDS, numbers
from fakes.mutant_runs import run_all

FULL, PART = 110_000, 500
SLOW = 500
"""Mutants of a kind that takes a hundred times as long as others."""


@pytest.mark.timeout(0)
def test_damaged_files_are_read_or_refused(
    tmp_path: Path,
    pytestconfig: pytest.Config,
    count: Callable[[int], int],
    tell: Callable[[str, str], None],
    table: Callable[[str, list[tuple[str, ...]]], None],
) -> None:
    quick, slow = count(FULL // sum(not kind.slow for kind in KINDS)), count(SLOW)
    parts = [
        (kind, numbers(seed, min(PART, each - seed)))
        for kinds, each in ((False, quick), (True, slow))
        for seed in range(0, each, PART)
        for kind in KINDS
        if kind.slow is kinds
    ]
    log = (pytestconfig.getoption("--log") or tmp_path) / "mutants.jsonl"
    outcomes = run_all(parts, processes=os.cpu_count() or 1, log=log)
    bad = {name: str(outcome) for name, outcome in outcomes.items() if outcome.faults}
    assert not bad, "\n\n".join(f"{name}: {told}" for name, told in bad.items())
    read, refused, walled = (
        sum(getattr(outcome, of) for outcome in outcomes.values())
        for of in ("read", "refused", "walled")
    )
    rows = [
        (name, str(o.read + o.refused + o.walled), str(o.refused), str(o.walled))
        for name, o in outcomes.items()
    ]
    heads = ("kind", "mutants", "refused with a message", "signals, told by the second wall")
    table("Damaged files by kind", [heads, *rows])
    tell(
        f"{read + refused + walled} mutants of {len(KINDS)} kinds of files",
        f"{refused} refused, {read} read, {walled} signals told by the second wall;"
        " 0 exceptions, 0 hangs, 0 signals beside the wall",
    )
