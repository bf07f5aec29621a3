"""What is wrong with pictures is told, once, by every command that reads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from making_pictures import collection, write

from tflconv import cli
from tflconv.cli import study as command
from tflconv.core.progress import Callback
from tflconv.errors import TflconvError
from tflconv.pipeline import plan, study
from tflconv.pipeline.prepared import Prepared

PLAN = """
name = "tiny"
dataset = "mnist-sample"
recipes = ["fp32"]
models = [{ model = "vit" }, { model = "mobilenet_v2" }]
"""


def prepared(
    _: object, models: Sequence[object], *, progress: Callback
) -> list[Prepared | TflconvError]:
    """Both models know of the same copies, and neither has a model to measure."""
    told = ("4.2% of the test pictures have a copy in train.",)
    return [Prepared(candidates=(), failures=(), warnings=told) for _ in models]


def test_a_warning_of_all_models_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(study, "run_in_processes", prepared)
    command.run(plan.parse(PLAN), tmp_path)
    told = capsys.readouterr().err.splitlines()
    assert told == ["Warning: mnist-sample: 4.2% of the test pictures have a copy in train."]


def test_results_keep_the_warnings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "run_in_processes", prepared)
    outcome: Any = study.run(plan.parse(PLAN), tmp_path)
    assert outcome.results.context["warnings"] == list(outcome.warnings) != []


FLOAT = Path(__file__).parents[1] / "golden" / "models" / "tiny_float32.tflite"
NO_PHONE = ["--device", "adb:nobody", "--adb", "/bin/false"]
READERS = {
    "train": ["train", "vit", "--option", "patch=5", "--dataset"],
    "convert": ["convert", FLOAT, "--recipe", "static_wi8_ai8", "--recipe", "fp32", "-o"],
    "verify": ["verify", FLOAT, FLOAT, "--dataset"],
    "bench": ["bench", FLOAT, FLOAT, "--pictures", "1", *NO_PHONE, "--dataset"],
}
"""Command lines that come as far as the pictures and write nothing that lasts."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three classes, and a test picture that is also in the training split."""
    files = {
        f"{part}/{name}": content
        for number, part in enumerate(("train", "val", "test"))
        for name, content in collection({"zero": 4, "one": 4, "two": 4}, seed=100 * number).items()
    }
    files["test/one/copy.png"] = files["train/one/000.png"]
    return write(tmp_path / "pets", files)


@pytest.mark.parametrize("command", READERS)
def test_every_command_says_where_a_sample_stands_in(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TFLCONV_DATA_DIR", str(tmp_path / "no-data"))
    rest = [tmp_path / "made", "--calibration", "mnist"] if command == "convert" else ["mnist"]
    short = ["--epochs", "1", "-o", tmp_path / "x.keras"] if command == "train" else []
    with pytest.raises(SystemExit):
        cli.main([*map(str, READERS[command]), *map(str, [*rest, *short])])
    told = [line for line in capsys.readouterr().err.splitlines() if "stands in for it" in line]
    assert told == [
        "Warning: mnist-sample: mnist is not on this machine, so its bundled sample stands in for"
        " it (`tflconv datasets fetch mnist` brings all of it)."
    ]


@pytest.mark.parametrize("command", READERS)
def test_every_command_tells_of_copies_once(
    command: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = [tmp_path / "made", "--calibration", folder] if command == "convert" else [folder]
    with pytest.raises(SystemExit):
        cli.main([*map(str, READERS[command]), *map(str, rest)])
    told = [line for line in capsys.readouterr().err.splitlines() if "Warning: pets" in line]
    assert len(told) == 1
    assert "of the test pictures have a copy in train (1 exact" in told[0]
