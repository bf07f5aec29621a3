"""Damaged files of every kind are read or refused with a message, and never more than that.

A sample; ``tests/nightly`` does the same for a hundred thousand.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes.hostile_files import KINDS, numbers
from fakes.mutant_runs import Kind, run

SAMPLE = 40


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_sound_file_is_read_and_damaged_ones_are_read_or_refused(kind: Kind) -> None:
    sound = run(replace(kind, damage=lambda content, _: content), [0])
    assert sound.read == 1, f"the sound file is refused: {sound}"
    damaged = run(kind, numbers(0, SAMPLE))
    assert not damaged.faults, damaged
    assert damaged.read + damaged.refused + damaged.walled == SAMPLE


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("raise KeyError('a')", "KeyError: 'a'"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("while True: pass", "SIGALRM"),
        ("bytes(8 << 30)", "MemoryError"),
    ],
)
def test_each_kind_of_fault_is_told_and_costs_one_mutant(harm: str, told: str) -> None:
    def use(path: object) -> None:
        if path.read_bytes() == b"1":  # type: ignore[attr-defined]
            exec(harm)

    kind = Kind(name="x", suffix=".x", sound=b"", damage=lambda _, n: str(n).encode(), use=use)
    outcome = run(kind, range(3), seconds=1)
    assert outcome.read == 2
    ((fault, where),) = outcome.faults.items()
    assert told in fault
    assert where == [1]
