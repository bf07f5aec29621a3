"""The fewest operators in float that bring a file close, as long as it stays cheap enough."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from tiny_graphs import Builder, dense

from tflconv.inspection import delegation
from tflconv.pipeline.fidelity import Fidelity
from tflconv.pipeline.limits import FidelityLimits
from tflconv.pipeline.relieving import Relieved, relieve

NAMES = [f"product {number}" for number in range(11)]
LIMITS = FidelityLimits(min_cosine=0.99)


def file(names: Sequence[str]) -> bytes:
    """A wider dense layer with each of ``names``, so a dearer file."""
    builder, width = Builder(), 32 * (1 + len(names))
    source = builder.tensor((1, width))
    return builder.content([source], [dense(builder, source, width, width)])


class Judge:
    """Files are close from ``enough`` names in float on."""

    def __init__(self, enough: int) -> None:
        self.close = {file(NAMES[:count]): count >= enough for count in range(len(NAMES) + 1)}
        self.asked = 0

    def __call__(self, content: bytes) -> Fidelity:
        self.asked += 1
        return Fidelity(samples=16, source="noise", cosine=0.995 if self.close[content] else 0.9)


def search(judge: Judge, below: float = math.inf) -> Relieved | None:
    return relieve(NAMES, file, judge, LIMITS, below)


@pytest.mark.parametrize("enough", range(1, len(NAMES) + 1))
def test_the_fewest_that_bring_it_close_are_found_by_halving(enough: int) -> None:
    judge = Judge(enough)
    found = search(judge)
    assert found is not None
    assert found.names == tuple(NAMES[:enough])
    assert found.content == file(NAMES[:enough])
    assert found.instructions == delegation.estimate(found.content)
    assert judge.asked <= math.ceil(math.log2(len(NAMES) + 1))


@pytest.mark.parametrize("cheap", range(len(NAMES)))
def test_what_is_not_cheaper_is_not_even_judged(cheap: int) -> None:
    below, judge = delegation.estimate(file(NAMES[: cheap + 1])), Judge(enough=4)
    found = search(judge, below)
    assert (found is not None) == (cheap >= 4)
    assert judge.asked <= cheap


def test_none_is_found_where_none_is_close_or_nothing_can_be_left() -> None:
    assert search(Judge(enough=99)) is None
    assert relieve([], file, Judge(enough=1), LIMITS, math.inf) is None
