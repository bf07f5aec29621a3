"""Two files are measured in turns on this computer, and the limits end the command."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

import tflconv
from tflconv.cli import main
from tflconv.history import History

GOLDEN = Path(__file__).parents[1] / "golden" / "models"
FLOAT, INT8 = GOLDEN / "tiny_float32.tflite", GOLDEN / "tiny_int8.tflite"
QUICK = ("--num-runs=5", "--min-secs=0", "--warmup-min-secs=0")


def compare(*words: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["compare", *map(str, words)])
    return int(str(ended.value.code))


def test_a_file_beside_itself_passes_and_its_rounds_are_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert compare(FLOAT, FLOAT, *QUICK, "--fail-on", "bytes:0% latency:900%", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    (pair,) = told["pairs"]
    assert (pair["baseline"], pair["contender"]) == ("tiny_float32", "tiny_float32 (again)")
    figures = {effect["figure"]: effect for effect in pair["effects"]}
    assert {"latency", "cpu", "memory", "bytes"} <= figures.keys()
    assert figures["latency"]["interval"] is not None
    assert [limit["state"] for limit in told["limits"]] == ["kept", "kept"]


def test_a_larger_file_breaks_the_limit_on_bytes(tmp_path: Path) -> None:
    small, large = sorted((FLOAT, INT8), key=lambda file: file.stat().st_size)
    report = tmp_path / "gate.xml"
    words = ["--blocks=2", "--fail-on", "bytes:1%", "--export-junit", report]
    assert compare(small, large, *QUICK, *words) == 5
    suite = ElementTree.parse(report).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")


def test_open_limits_extend_the_measurement_up_to_its_bound() -> None:
    found = tflconv.compare(
        FLOAT, FLOAT, fail_on="latency:0%", inconclusive="extend", threshold="0.0001%",
        max_blocks=60, num_runs=1, min_secs=0, warmup_min_secs=0,
    )  # fmt: skip
    schedule = found.pairs[0].contender.schedule
    assert schedule is not None
    assert len(schedule.blocks) == 60
    assert len(set(schedule.rounds)) == 60
    assert found.pairs[0].baseline.schedule is not None
    assert found.pairs[0].baseline.schedule.rounds == schedule.rounds


def test_a_damaged_file_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(b"nothing")
    assert compare(FLOAT, damaged, *QUICK) == 1
    assert "damaged.tflite" in capsys.readouterr().err


def test_what_was_measured_lands_in_the_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of a comparison and of bench; what bench knows already is not kept twice."""
    file = tmp_path / "history.sqlite"
    monkeypatch.setenv("TFLCONV_HISTORY", str(file))
    assert compare(FLOAT, INT8, *QUICK, "--blocks=2") == 0
    for _ in range(2):
        tflconv.bench(
            [FLOAT], record=tmp_path / "results.json", num_runs=1, min_secs=0, warmup_min_secs=0,
            rate_hz=0, memory=False, profile_runs=0,
        )  # fmt: skip
    slugs = [kept.run.model.slug for kept in History(file).runs()]
    assert slugs == ["tiny_float32", "tiny_int8", "tiny_float32"]


def test_a_history_that_cannot_be_written_is_told_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "history.sqlite").write_bytes(b"{}" * 600)
    assert compare(FLOAT, INT8, *QUICK, "--history", tmp_path / "history.sqlite") == 1
    said = capsys.readouterr().err
    assert "is not a history of tflconv" in said
    assert "block 1" not in said
