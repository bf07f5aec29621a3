"""Results: what is written comes back, summaries are computed, foreign files are one message."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from tflconv import results
from tflconv.errors import TflconvError
from tflconv.results import (
    Accuracy,
    BenchmarkRun,
    Conditions,
    DeviceInfo,
    EmulatedInstructions,
    Estimate,
    Graph,
    Instructions,
    Latency,
    MeasuredModel,
    Moment,
    Op,
    OutputComparison,
    Results,
    SustainedSecond,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "report" / "results.json"
SCHEMA = Path(__file__).parents[2] / "docs" / "results-schema.md"


STUDIES = Path(__file__).parents[2] / "studies"
RECORDED = [
    GOLDEN,
    STUDIES / "demo" / "results.json",
    STUDIES / "emulated-phone" / "results.json",
    *(
        STUDIES / "mobile-vit" / "int8-vit" / f"{name}.json"
        for name in ("arm64", "host", "others", "seeds")
    ),
]


def run(slug: str = "m-d-fp32", device: str = "host", size: int = 10) -> BenchmarkRun:
    return BenchmarkRun(
        model=MeasuredModel(slug=slug, name="m", recipe="fp32", sha256="0" * 64, bytes=size),
        device=DeviceInfo(id=device, kind="host", name="pc", abi="x86_64", os="Linux"),
    )


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    found = results.load(GOLDEN)
    found.save(tmp_path / "again.json")
    assert results.load(tmp_path / "again.json") == found
    assert (tmp_path / "again.json").read_bytes() == GOLDEN.read_bytes()


def test_computed_values_stand_beside_the_raw_ones() -> None:
    record = results.load(GOLDEN).to_json()["runs"][0]
    assert record["latency"]["summary_ms"]["count"] == len(record["latency"]["samples_ns"])
    assert record["accuracy"]["top1"] == pytest.approx(0.973)
    low, high = record["accuracy"]["interval"]
    assert low < 0.973 < high


def test_what_was_not_measured_is_null() -> None:
    record = Results(runs=(run(),)).to_json()["runs"][0]
    for name in ("latency", "cpu", "memory", "graph", "instructions", "accuracy", "verdict"):
        assert record[name] is None


def test_a_later_run_of_the_same_pair_wins() -> None:
    both = Results(runs=(run(), run(device="adb:1")))
    replaced = both.with_run(run(size=20))
    assert [(r.device.id, r.model.bytes) for r in replaced.runs] == [("adb:1", 10), ("host", 20)]
    merged = results.merge([both, Results(runs=(run(size=30),), context={"title": "b"})])
    assert {r.model.bytes for r in merged.runs} == {10, 30}
    assert merged.context == {"title": "b"}


def test_a_baseline_is_looked_for_on_the_same_device() -> None:
    small = replace(run("m-d-int8"), model=replace(run("m-d-int8").model, baseline="m-d-fp32"))
    found = Results(runs=(run(device="adb:1"), run(), small))
    baseline = found.baseline_of(small)
    assert baseline is not None
    assert baseline.device.id == "host"
    assert Results(runs=(run(device="adb:1"), small)).baseline_of(small) is None


def test_accuracy_without_a_reference_has_no_agreement_and_no_drop() -> None:
    accuracy = Accuracy(dataset="d", correct=9, total=10)
    assert (accuracy.agreement, accuracy.drop, accuracy.top1) == (None, None, 0.9)


def test_median_is_in_milliseconds() -> None:
    assert Latency(samples_ns=(1_000_000, 3_000_000, 2_000_000)).median_ms == 2.0


def without(key: str) -> Any:
    value = json.loads(GOLDEN.read_text())
    del value["runs"][0]["model"][key]
    return value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot read"),
        ("\x00\xff", "cannot read"),
        ("[]", "is not a tflconv results file"),
        ("{}", "'schema_version' is missing"),
        ('{"schema_version": 99, "runs": []}', "has schema_version 99; this tflconv reads 1"),
        ('{"schema_version": 1, "runs": [{"model": 3}]}', "is not a tflconv results file"),
        (json.dumps(without("sha256")), "sha256"),
    ],
)
def test_foreign_files_are_one_message(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(TflconvError, match=words) as raised:
        results.load(path)
    assert "bad.json" in raised.value.message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TflconvError, match=r"no results file at .*none\.json"):
        results.load(tmp_path / "none.json")


@pytest.mark.parametrize(
    "part",
    [
        results.MeasuredModel, results.DeviceInfo, results.Software, results.Latency, results.Cpu,
        results.Memory, results.Graph, results.Op, results.Instructions, results.Accuracy,
        results.BenchmarkRun, results.Conditions, results.SustainedSecond,
        results.OutputComparison, results.EmulatedInstructions, results.GoldenOutputs,
        results.ColdStart, results.Start,
    ],
)  # fmt: skip
def test_every_field_is_documented(part: type) -> None:
    text = SCHEMA.read_text()
    missing = [field.name for field in fields(part) if f"`{field.name}`" not in text]
    assert missing == []


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: f"{file.parent.name} {file.stem}")
def test_conditions_that_were_recorded_before_are_kept_as_they_were(file: Path) -> None:
    recorded = [run["conditions"] for run in json.loads(file.read_text())["runs"]]
    kept = [run.conditions.to_json() for run in results.load(file).runs]
    assert json.dumps(kept) == json.dumps(recorded)


FULL = Conditions(
    golden=results.GoldenOutputs(
        contract="m.golden.zip", total=8, kept=7, max_difference=0.2, tolerance=0.1
    ),
    cpu_mask="0xc0",
    governor="schedutil",
    cpus_online="0-7",
    cpus_allowed="0-3",
    mhz_limit=(1800.0, 2208.0),
    other={"load_average": 0.4, "nested": {"a": [1, None]}},
    granted=("stay awake",),
    refused={"fixed performance": "no"},
    battery_percent=81,
    charging=True,
    battery_celsius=(30.5, None),
    thermal_status=(0, 3),
    celsius={"CPU0": 41.5},
    screen_on=(True, None),
    battery_saver=True,
    mhz_before=(1.5,),
    mhz_first=(2.5,),
    mhz_last=(3.5,),
    mhz_after=(4.5,),
    sustained=(SustainedSecond(at_s=0.5, runs=9, median_ms=1.5, mhz=(1000.0,)),),
    trace=(
        Moment(
            at_s=5.0,
            celsius={"skin": 33.5},
            battery_celsius=-3.5,
            thermal_status=1,
            charge_uah=3_000_000,
            millivolts=4100,
            charging=False,
        ),
    ),
    estimate=Estimate(table="t 1", total=9.0, whole=8.0, products=3.0, refused=("1 × EXP: no",)),
    instructions_not_counted="no counter",
    instructions_emulated=EmulatedInstructions(core="cortex-a76", total=7.0, sdot=2.0),
    pictures_digest="f" * 16,
    pictures_vs_host=("p2: device says dog",),
    outputs_vs_host=OutputComparison(
        types=("int8",), same_bits=False, max_difference=1.0, share_of_range=0.25
    ),
)


def test_every_condition_is_written_and_comes_back(tmp_path: Path) -> None:
    assert [field.name for field in fields(Conditions) if not getattr(FULL, field.name)] == []
    Results(runs=(replace(run(), conditions=FULL),)).save(tmp_path / "full.json")
    (again,) = results.load(tmp_path / "full.json").runs
    assert again.conditions == FULL


def test_conditions_of_other_versions_are_kept_and_nulls_are_unknown() -> None:
    value = json.loads(GOLDEN.read_text())
    value["runs"][0]["conditions"] = {"governor": None, "other": 1, "screen_on": [None, True]}
    conditions = results.from_json(value).runs[0].conditions
    assert conditions == Conditions(other={"other": 1}, screen_on=(None, True))
    assert conditions.to_json() == {"other": 1, "screen_on": (None, True)}


@pytest.mark.parametrize(
    "wrong", [3, [], {"thermal_status": 3}, {"outputs_vs_host": {"types": ["int8"]}}]
)
def test_conditions_that_cannot_be_understood_are_one_message(wrong: Any) -> None:
    value = json.loads(GOLDEN.read_text())
    value["runs"][0]["conditions"] = wrong
    with pytest.raises(
        TflconvError, match=r"old\.json is not a tflconv results file: .*conditions"
    ):
        results.from_json(value, source="old.json")


LONG = "x" * 500
LENGTHY = BenchmarkRun(
    model=MeasuredModel(slug=LONG, name=LONG, recipe="fp32", sha256="0" * 64, bytes=1),
    device=DeviceInfo(id=LONG, kind="phone", name=LONG, abi="arm64", os=f"one\ntwo {LONG}"),
    latency=Latency(samples_ns=(1_234_567,) * 10_000),
    graph=Graph(nodes=900, delegated=899, partitions=3, ops=(Op(name=LONG, kind=LONG),) * 900),
    accuracy=Accuracy(dataset=LONG, correct=1, total=2, per_class={LONG: (1, 2)}),
    conditions=replace(FULL, other={LONG: LONG}),
)


@pytest.mark.parametrize(
    "value",
    [
        Results(), Results(runs=(LENGTHY,) * 1000), LENGTHY, LENGTHY.latency, LENGTHY.graph,
        LENGTHY.accuracy, LENGTHY.conditions, *map(results.load, RECORDED),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_value_shows_itself_on_one_short_line(value: object) -> None:
    text = repr(value)
    assert len(text) <= 200
    assert text.isprintable()


def test_what_a_value_shows_is_what_a_reader_looks_for() -> None:
    timed = replace(run(), latency=Latency(samples_ns=(1_230_000, 1_230_000)))
    counted = replace(run(device="arm64:a76"), instructions=Instructions(total=49_200_000))
    both = Results(runs=(timed, counted))
    told = "m-d-fp32 on host 1.23 ms, m-d-fp32 on arm64:a76 4.92e+07 instructions"
    assert repr(both) == f"Results(2 runs: {told})"
    assert repr(Results(runs=(run(),))) == "Results(1 run: m-d-fp32 on host not measured)"
    assert repr(timed) == "BenchmarkRun(m-d-fp32 on host 1.23 ms)"
    assert repr(timed.latency) == "Latency(median 1.23 ms of 2)"
    assert repr(Graph(nodes=9, delegated=8, partitions=2)) == "Graph(8 of 9 nodes in 2 partitions)"
    assert repr(Accuracy(dataset="d", correct=9, total=10)) == "Accuracy(d: 9 of 10 correct)"
    assert repr(Conditions(governor="x", other={"a": 1})) == "Conditions(governor, a)"
    assert repr(Conditions()) == "Conditions(none known)"
