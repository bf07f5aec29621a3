"""Results: what is written comes back, summaries are computed, foreign files are one message."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from tflconv import results
from tflconv.errors import TflconvError
from tflconv.results import Accuracy, BenchmarkRun, DeviceInfo, Latency, MeasuredModel, Results

GOLDEN = Path(__file__).parents[1] / "golden" / "report" / "results.json"
SCHEMA = Path(__file__).parents[2] / "docs" / "results-schema.md"


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
        results.BenchmarkRun,
    ],
)  # fmt: skip
def test_every_field_is_documented(part: type) -> None:
    text = SCHEMA.read_text()
    missing = [field.name for field in fields(part) if f"`{field.name}`" not in text]
    assert missing == []
