"""What is wrong with a study's pictures is told once, however many models learn from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tflconv import plan, study
from tflconv.cli import study as command
from tflconv.errors import TflconvError
from tflconv.lane import Prepared
from tflconv.workers import Say

PLAN = """
name = "tiny"
dataset = "pets"
recipes = ["fp32"]
models = [{ model = "vit" }, { model = "mobilenet_v2" }]
"""


def prepared(_: object, lanes: Sequence[object], *, say: Say) -> list[Prepared | TflconvError]:
    """Both lanes know of the same copies, and neither has a model to measure."""
    told = ("4.2% of the test pictures have a copy in train.",)
    return [Prepared(candidates=(), failures=(), warnings=told) for _ in lanes]


def test_a_warning_of_all_lanes_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(study, "run_in_processes", prepared)
    command.run(plan.parse(PLAN), tmp_path)
    told = capsys.readouterr().err.splitlines()
    assert told == ["Warning: pets: 4.2% of the test pictures have a copy in train."]


def test_results_keep_the_warnings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "run_in_processes", prepared)
    outcome: Any = study.run(plan.parse(PLAN), tmp_path, say=lambda *_: None)
    assert outcome.results.context["warnings"] == list(outcome.warnings) != []
