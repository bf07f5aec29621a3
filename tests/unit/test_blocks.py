"""Blocks cover what repeats itself, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tflconv.inspection import blocks

BODIES = st.lists(st.integers(0, 3), min_size=3, max_size=6).filter(lambda b: len(set(b)) > 1)


@given(st.lists(st.integers(0, 4), max_size=60))
def test_blocks_do_not_overlap_and_are_equal(kinds: list[int]) -> None:
    found = blocks.repeated(kinds)
    ends = 0
    for block in found:
        assert ends <= block.start < block.end <= len(kinds)
        assert block.end - block.start >= blocks.FEWEST
        ends = block.end
        first = found[found.index(block) - block.nth + 1]
        assert kinds[block.start : block.end] == kinds[first.start : first.end]


@given(BODIES, st.integers(2, 6))
def test_what_is_repeated_is_found(body: list[int], count: int) -> None:
    kinds = [9, 8, *body * count, 7]
    covered = {n for block in blocks.repeated(kinds) for n in range(block.start, block.end)}
    assert covered == set(range(2, 2 + len(body) * count))


def test_what_does_not_repeat_has_no_block() -> None:
    assert blocks.repeated(range(40)) == []
    assert blocks.repeated([]) == []
