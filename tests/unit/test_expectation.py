"""What INT8 should give: a result that is far off is flagged, by the cause that is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflconv.inspection import estimating
from tflconv.report import columns, expectation, findings
from tflconv.report.expectation import FAR, Cause, Facts, causes, sentence
from tflconv.results import (
    BenchmarkRun,
    Conditions,
    DeviceInfo,
    Estimate,
    Graph,
    Latency,
    MeasuredModel,
    Results,
)
from tflconv.tflite import reading

GOLDEN = Path(__file__).parents[1] / "golden" / "models"
CALM = Facts(whole=1e6, total=1e6, products=6e5, nodes=40, delegated=40, threads=1, big_cores=4)

PLANTED: dict[str, dict[str, Any]] = {
    "is an emulator": {"virtual": True},
    "ran on the GPU": {"on_gpu": True},
    "none of its nodes": {"delegated": 0},
    "built-in kernels run": {"total": 3e6, "refused": ("2 × EXP: no such operator",)},
    "no dot product": {"dot_product": False},
    "6 threads on 4 big cores": {"threads": 6},
    "the run is throttled": {"verdict": "throttled"},
}
EXCLUSIVE = {"ran on the GPU", "none of its nodes", "built-in kernels run"}


@pytest.mark.parametrize("words", PLANTED)
def test_each_cause_is_named_where_it_is_planted_and_nowhere_else(words: str) -> None:
    (cause,) = causes(replace(CALM, **PLANTED[words]))
    assert words in cause.text
    assert 0 <= cause.leaves < 1
    assert causes(CALM) == []


@given(st.sets(st.sampled_from(sorted(PLANTED))))
def test_several_causes_are_all_named_the_gravest_first(planted: set[str]) -> None:
    facts = CALM
    for words in sorted(planted):
        facts = replace(facts, **PLANTED[words])
    found = causes(facts)
    if len(planted & EXCLUSIVE) <= 1:
        assert len(found) == len(planted)
        assert all(any(words in cause.text for cause in found) for words in planted)
    assert [cause.leaves for cause in found] == sorted(cause.leaves for cause in found)


@given(
    whole=st.floats(1, 1e9),
    share=st.floats(0, 1),
    more=st.floats(0, 1e9),
    steps=st.floats(0, 1e9),
)
def test_more_work_in_built_in_kernels_never_leaves_more(
    whole: float, share: float, more: float, steps: float
) -> None:
    def left(total: float) -> float:
        facts = replace(CALM, whole=whole, total=total, products=share * whole)
        return min((cause.leaves for cause in causes(facts)), default=1.0)

    assert left(whole + more + steps) <= left(whole + more)


@given(expected=st.floats(0.1, 20), off=st.floats(0.01, 50))
def test_only_what_is_far_off_is_flagged(expected: float, off: float) -> None:
    said = sentence(expected * off, expected, [])
    ratio = expected * off / expected
    assert (said is None) == (FAR <= ratio <= 1 / FAR)
    if said and off > 1:
        assert "look at the baseline" in said
    if said and off < 1:
        assert "no cause is known" in said


@given(leaves=st.floats(0.05, 0.95), off=st.floats(0.01, 0.59))
def test_what_a_cause_does_not_explain_is_said(leaves: float, off: float) -> None:
    said = sentence(4 * off, 4.0, [Cause(text="a cause", leaves=leaves)])
    assert said is not None
    assert ("does not explain all of it" in said) == (4 * off < FAR * (4.0 * leaves))


# Of runs


def run(slug: str, milliseconds: float, **changes: Any) -> BenchmarkRun:
    device = DeviceInfo(
        id="adb:1",
        kind="phone",
        name="Pixel",
        abi="arm64-v8a",
        os="Android 14",
        features=("asimd", "asimddp"),
    )
    conditions = Conditions(
        estimate=Estimate(table="t", total=1e6, whole=1e6, products=6e5),
        mhz_limit=(1800.0, 1800.0, 2400.0, 2400.0),
    )
    made = BenchmarkRun(
        model=MeasuredModel(
            slug=slug, name="m", recipe=slug, sha256=slug[0] * 64, bytes=1, baseline="fp32"
        ),
        device=device,
        config={"num_threads": 1, "accelerator": "cpu"},
        latency=Latency(samples_ns=(round(1e6 * milliseconds),)),
        graph=Graph(nodes=40, delegated=40, partitions=1),
        conditions=conditions,
    )
    return replace(made, **changes)


FLOAT = run("fp32", 3.0, conditions=Conditions(estimate=Estimate(table="t", total=3e6, whole=3e6)))


def flagged(int8: BenchmarkRun, baseline: BenchmarkRun = FLOAT) -> list[str]:
    (group,) = columns.groups(Results(runs=(baseline, int8)))
    return [f.text for f in findings.of(group) if "operations promise" in f.text]


def test_what_comes_out_as_expected_is_not_flagged() -> None:
    assert flagged(run("static_wi8_ai8", 1.0)) == []
    assert flagged(run("static_wi8_ai8", 1.6)) == []


def test_a_slow_run_is_flagged_with_what_the_device_lacks() -> None:
    slow = run("static_wi8_ai8", 2.4)
    assert flagged(slow) == [
        "runs at 1.25× the speed of its baseline, where its operations promise 3.00×, and no cause"
        " is known: `tflconv inspect --results` has the cost of each op."
    ]
    old = replace(slow, device=replace(slow.device, features=("asimd",)))
    both = [replace(side, device=old.device) for side in (FLOAT, old)]
    assert flagged(both[1], both[0]) == [
        "runs at 1.25× the speed of its baseline, where its operations promise 3.00×: the device"
        " has no dot product (SDOT)."
    ]


def test_threads_beyond_the_big_cores_and_an_emulator_are_told_from_the_run() -> None:
    slow = run("static_wi8_ai8", 2.4, config={"num_threads": 4})
    (text,) = flagged(slow)
    assert "4 threads on 2 big cores wait for small ones" in text
    device = replace(slow.device, name="Google sdk_gphone64_arm64")
    (text,) = flagged(replace(slow, device=device), replace(FLOAT, device=device))
    assert "the phone is an emulator" in text


def test_a_result_that_is_too_good_asks_for_the_baseline() -> None:
    (text,) = flagged(run("static_wi8_ai8", 0.3))
    assert text.endswith("look at the baseline, which may be slow.")


def test_float_runs_other_processors_and_older_results_are_left_alone() -> None:
    desktop = replace(FLOAT.device, abi="x86_64-linux", features=("avx2",))
    slow = run("static_wi8_ai8", 2.9)
    assert flagged(replace(slow, device=desktop), replace(FLOAT, device=desktop)) == []
    assert flagged(run("fp16", 9.0)) == []
    assert flagged(replace(slow, conditions=Conditions())) == []
    assert expectation.of(slow, None, None) is None


def test_the_estimate_of_a_file_says_what_needs_a_dot_product() -> None:
    floats, ints = (
        estimating.of(reading.read(GOLDEN / f"tiny_{kind}.tflite")) for kind in ("float32", "int8")
    )
    assert floats is not None
    assert ints is not None
    assert (floats.products, floats.refused) == (0.0, ())
    assert 0 < ints.products < ints.whole <= ints.total
