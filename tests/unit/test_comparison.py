"""Verdicts and limits: what the intervals say, and what they must not say."""

from __future__ import annotations

import math
import random
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.compared import BLOCKS, gate, noisy, run, verdicts
from tflconv import comparison
from tflconv.comparison import Limit, evidence
from tflconv.errors import RegressionFound, UsageError
from tflconv.results import (
    Accuracy,
    DeviceInfo,
    Software,
)

# Verdicts


def test_equal_files_have_no_practical_difference() -> None:
    assert set(verdicts(run(), run("n", number=1)).values()) == {"no practical difference"}


def test_a_slower_file_is_slower_though_the_device_drifts() -> None:
    drift = [1.5**n for n in range(BLOCKS)]
    slow = [1.05 * ms * jitter for ms, jitter in zip(drift, noisy(0, spread=0.01), strict=True)]
    found = verdicts(run(blocks=drift), run("n", number=1, blocks=slow))
    assert found["latency"] == "slower"
    assert found["cpu"] == "more CPU time"
    assert verdicts(run(blocks=slow), run("n", number=1, blocks=drift))["latency"] == "faster"


def test_what_noise_hides_cannot_be_told_and_the_time_that_would_do_is_said() -> None:
    pair = run(blocks=noisy(1, spread=0.3)), run("n", number=1, blocks=noisy(2, spread=0.3))
    (found,) = gate(*pair).pairs
    latency = found.effects[0]
    assert latency.verdict == "cannot tell"
    assert "blocks would do" in latency.advice


def test_the_advised_number_of_blocks_finds_the_difference_nine_times_in_ten() -> None:
    found, threshold = 0, 0.05
    first = evidence.of_rounds(noisy(0), noisy(1))
    needed = max(first.needed(threshold, 0.99), 2)
    for seed in range(100):
        baseline = noisy(2 * seed + 100, count=needed)
        contender = noisy(2 * seed + 101, 1 + threshold, count=needed)
        found += evidence.of_rounds(baseline, contender).interval(0.99)[0] > 0
    assert found >= 80  # the spread itself is a guess from twenty blocks


def test_a_file_beside_itself_rarely_differs_and_five_percent_are_found() -> None:
    """A small seeded version of ``tests/figures/false_alarms.py``, with drift between blocks."""
    alarms = powers = 0
    for seed in range(200):
        draw, level, blocks = random.Random(seed), 0.0, list[float]()
        for _ in range(2 * BLOCKS):
            level = 0.9 * level + draw.gauss(0, 0.02)
            blocks.append(math.exp(level + draw.gauss(0, 0.015)))
        even = [blocks[2 * n + (n % 2)] for n in range(BLOCKS)]
        odd = [blocks[2 * n + 1 - (n % 2)] for n in range(BLOCKS)]
        low, high = evidence.of_rounds(even, odd).interval(comparison.CONFIDENCE)
        alarms += low > 0 or high < 0
        powers += evidence.of_rounds(even, [1.05 * ms for ms in odd]).interval(0.99)[0] > 0
    assert alarms <= 6
    assert powers >= 180


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schedule": None}, "not measured in blocks"),
        ({}, "measured apart"),
    ],
)
def test_blocks_that_do_not_belong_together_are_not_compared(
    changes: dict[str, Any], said: str
) -> None:
    contender = replace(run("n", schedule="another day", blocks=[2.0] * BLOCKS), **changes)
    (pair,) = gate(run(), contender).pairs
    assert pair.effects[0].verdict == "cannot tell"
    assert said in pair.effects[0].advice


def test_force_compares_what_was_measured_apart() -> None:
    contender = run("n", schedule="another day", blocks=noisy(0, 2.0))
    assert verdicts(run(), contender, force=True)["latency"] == "slower"


def test_a_few_blocks_are_no_evidence() -> None:
    pair = run(blocks=[1.0] * 19), run("n", number=1, blocks=[2.0] * 19)
    (found,) = gate(*pair).pairs
    assert found.effects[0].advice == "19 blocks, and at least 20 are needed"


# What may be compared


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"config": {"num_threads": 4}}, "num_threads 1 and 4"),
        ({"runtime": Software(name="LiteRT", version="3", sha256="1" * 64)}, "runtime LiteRT 2"),
        (
            {"accuracy": Accuracy(dataset="e", correct=1, total=2)},
            r"test pictures 8 of d \(d\) and 2 of e",
        ),
        (
            {"device": DeviceInfo(id="host", kind="host", name="mac", abi="x86_64", os="Linux")},
            "device name pc and mac",
        ),
    ],
)
def test_what_was_measured_otherwise_is_refused_unless_forced(
    changes: dict[str, Any], said: str
) -> None:
    baseline, contender = run(right="1" * 8), run("n", number=1, **changes)
    with pytest.raises(UsageError, match=said):
        gate(baseline, contender)
    (pair,) = gate(baseline, contender, force=True).pairs
    assert any(re.search(said, note) for note in pair.notes)


def test_another_runtime_can_be_allowed_alone() -> None:
    software = Software(name="LiteRT", version="3", sha256="1" * 64)
    pair = run(instructions=100), run("n", number=1, instructions=102, runtime=software)
    assert gate(*pair, "instructions:1%", across_runtimes=True).broken
    other = replace(pair[1], config={"num_threads": 2})
    with pytest.raises(UsageError, match="num_threads"):
        gate(pair[0], other, across_runtimes=True)


# Limits


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("latency:5", "does not say what 5 is a share of"),
        ("accuracy:0.5", "'0.5' is not a drop of accuracy: it is said in percentage points"),
        ("latency", "has no limit"),
        ("latencz:5%", "unknown figure 'latencz'"),
        ("bytes:lots%", "is not like latency:5%"),
        ("bytes:nan%", "is not like latency:5%"),
    ],
)
def test_a_limit_that_is_not_clear_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Limit.parse(text)


def test_exact_counts_are_held_to_the_last_one() -> None:
    pair = run(size=1000, instructions=1000), run("n", number=1, size=1010, instructions=1011)
    found = gate(*pair, "bytes:1%", "instructions:1%")
    assert [decision.state for decision in found.decisions] == ["kept", "broken"]
    with pytest.raises(RegressionFound, match=r"instructions \+1.10 % \(exact\) is worse by more"):
        found.check()


@pytest.mark.parametrize(("factor", "state"), [(1.0, "kept"), (1.2, "broken"), (1.05, "open")])
def test_latency_breaks_a_limit_only_surely(factor: float, state: str) -> None:
    pair = run(blocks=noisy(0)), run("n", number=1, blocks=noisy(1, factor))
    (decision,) = gate(*pair, "latency:5%").decisions
    assert decision.state == state
    if state == "open":
        assert "blocks would do" in decision.need


def test_inconclusive_says_what_an_open_limit_does() -> None:
    pair = run(blocks=noisy(0)), run("n", number=1, blocks=noisy(1, 1.05))
    gate(*pair, "latency:5%", inconclusive="pass").check()
    with pytest.raises(RegressionFound, match="may be beyond latency:5%"):
        gate(*pair, "latency:5%", inconclusive="fail").check()


@settings(max_examples=25)
@given(
    st.lists(st.sampled_from(["latency:5%", "cpu:3%", "bytes:0%", "accuracy:1pt"]), min_size=2),
    st.floats(0.9, 1.3),
)
def test_more_limits_never_break_more_easily(limits: list[str], factor: float) -> None:
    """Holm's correction: what is broken beside others is broken alone."""
    right = "1" * 150 + "0" * 50
    pair = (
        run(blocks=noisy(0), right=right),
        run("n", number=1, blocks=noisy(1, factor), right=right[10:] + right[:10]),
    )
    for decision in gate(*pair, *limits).decisions:
        (alone,) = gate(*pair, str(decision.limit)).decisions
        assert decision.state in {alone.state, "open"}
        assert decision.confidence >= alone.confidence


def test_holm_keeps_false_regressions_of_a_call_below_its_error() -> None:
    """Four limits at their very edge: a call is wrong if any of them is broken or kept."""
    wrong = 0
    for seed in range(100):
        held = [
            ("x", limit, effect)
            for number in range(4)
            for limit, effect in [_at_the_edge(10 * seed + number)]
        ]
        wrong += any(d.state != "open" for d in comparison.limits.decide(held, error=0.05))
    assert wrong <= 11


def _at_the_edge(seed: int) -> Any:
    limit = Limit.parse("latency:5%")
    pair = run(blocks=noisy(2 * seed)), run("n", number=1, blocks=noisy(2 * seed + 1, 1.05))
    return limit, gate(*pair).pairs[0].effects[0]


def test_accuracy_is_compared_on_the_same_pictures() -> None:
    """What counts is which pictures are lost and won, not how many are right."""
    baseline = "1" * 1940 + "0" * 60
    lost = "1" * 1900 + "0" * 100
    crossed = "1" * 1800 + "0" * 140 + "1" * 60
    decisions = [
        gate(run(right=baseline), run("n", number=1, right=bits), "accuracy:0.5pt").decisions[0]
        for bits in (baseline, lost, crossed)
    ]
    assert [each.state for each in decisions] == ["kept", "broken", "broken"]
    ends = [each.interval or (0, 0) for each in decisions]
    assert ends[0][1] - ends[0][0] < ends[1][1] - ends[1][0] < ends[2][1] - ends[2][0]


def test_few_pictures_say_how_many_would_do() -> None:
    pair = run(right="1" * 98 + "00"), run("n", number=1, right="1" * 97 + "000")
    (decision,) = gate(*pair, "accuracy:0.5pt").decisions
    assert decision.state == "open"
    assert "pictures would do" in decision.need


def test_without_single_answers_the_interval_is_that_of_two_samples() -> None:
    old = [
        replace(run(slug, number=n), accuracy=Accuracy(dataset="d", correct=c, total=1000))
        for n, (slug, c) in enumerate([("m", 970), ("n", 965)])
    ]
    (decision,) = gate(old[0], old[1], "accuracy:2pt").decisions
    assert isinstance(decision.effect.evidence, evidence.OtherPictures)
    assert decision.state == "open"


def test_a_limit_on_what_was_not_measured_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing was measured that accuracy:1pt is about"):
        gate(run(), run("n", number=1), "accuracy:1pt")
