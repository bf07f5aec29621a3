"""What a comparison says to a shell, to a pull request and to a test report."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from xml.etree import ElementTree

import pytest

from fakes.compared import gate, noisy, run
from tflconv import results
from tflconv.cli import main
from tflconv.comparison import export
from tflconv.errors import UsageError
from tflconv.results import (
    Accuracy,
    BenchmarkRun,
    Results,
)


def test_markdown_and_junit_say_each_limit() -> None:
    pair = run("a|b", size=1000), run("n<script>", number=1, size=1100)
    found = gate(*pair, "bytes:1%", "latency:5%")
    text = export.to_markdown(found)
    assert "❌" in text
    assert "✅" in text
    assert "<script>" not in text
    suite = ElementTree.fromstring(export.to_junit(found))
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "1", "0")
    assert [case.get("name") for case in suite] == ["bytes:1%", "latency:5%"]
    assert suite[0][0].tag == "failure"


def written(folder: Path, name: str, *runs: BenchmarkRun) -> str:
    Results(runs=runs).save(folder / name)
    return str(folder / name)


@pytest.mark.parametrize(
    ("size", "inconclusive", "code"), [(1000, "pass", 0), (1100, "pass", 5), (1000, "fail", 5)]
)
def test_the_command_ends_as_its_limits_say(
    size: int, inconclusive: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = written(tmp_path, "a.json", run(blocks=noisy(0)))
    second = written(tmp_path, "b.json", run(number=1, blocks=noisy(1, 1.05), size=size))
    limits = ["--fail-on", "bytes:1%", "--fail-on", "latency:5%"]
    with pytest.raises(SystemExit) as ended:
        main(["compare", first, second, *limits, "--inconclusive", inconclusive, "--json"])
    assert ended.value.code == code
    told = json.loads(capsys.readouterr().out)
    assert [limit["limit"] for limit in told["limits"]] == ["bytes:1%", "latency:5%"]


def test_one_model_of_a_file_with_several_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, "all.json", run("old"), run("new", number=1))
    with pytest.raises(SystemExit) as ended:
        main(["compare", f"{file}#old", f"{file}#new"])
    assert ended.value.code == 0
    assert "old → new on host" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["compare", f"{file}#old", f"{file}#newer"])
    assert ended.value.code == 2
    assert "It has: old, new." in capsys.readouterr().err


@pytest.mark.parametrize("mixed", [True, False])
def test_a_file_is_not_compared_with_what_was_measured_before(
    mixed: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, "a.json", run())
    other = "new.tflite" if mixed else file
    with pytest.raises(SystemExit) as ended:
        main(["compare", file, other, "--inconclusive", "extend"])
    assert ended.value.code == 2
    said = "both are measured now" if mixed else "cannot be extended"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("first", "second"), list(product([None, "ff"], repeat=2)))
def test_answers_of_single_pictures_come_back(
    first: str | None, second: str | None, tmp_path: Path
) -> None:
    file = tmp_path / "results.json"
    runs = [
        replace(run(name), accuracy=Accuracy(dataset="d", correct=8, total=8, right=right))
        for name, right in (("a", first), ("b", second))
    ]
    Results(runs=tuple(runs)).save(file)
    assert results.load(file).runs == tuple(runs)


@pytest.mark.parametrize("right", ["fe", "fff", "x", "", "FF"])
def test_answers_that_cannot_be_are_refused(right: str) -> None:
    with pytest.raises(UsageError, match="right must be a hex number of the correct pictures"):
        Accuracy(dataset="d", correct=8, total=8, right=right)
