"""Parts of a study run into folders of their own, from any door, and none ends the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tflconv
from tflconv import cli, results
from tflconv.core.progress import Progress
from tflconv.errors import TflconvError

MODEL = Path(__file__).parents[1] / "golden" / "models" / "tiny_float32.tflite"
PLAN = """
name = "{name}"
dataset = "../pictures"
recipes = ["fp32"]
models = [{{ model = "{model}", name = "tiny" }}]

[bench]
num_runs = 3
min_secs = 0
warmup_min_secs = 0
rate_secs = 0
profile_runs = 0
memory = false
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study whose first part has a model file that is none."""
    (tmp_path / "no-model.tflite").write_bytes(b"no model")
    draw = np.random.default_rng(0)
    for number in range(30):
        folder = tmp_path / "pictures" / ("one", "two", "zero")[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (8, 8), np.uint8)).save(folder / f"{number}.png")
    for name, model in (("broken", "../no-model.tflite"), ("whole", MODEL)):
        (tmp_path / name).mkdir()
        text = PLAN.format(name=name, model=model)
        (tmp_path / name / "plan.toml").write_text(text)
    file = tmp_path / "study.toml"
    file.write_text('name = "several"\nparts = ["broken/plan.toml", "whole/plan.toml"]\n')
    return file


def test_a_part_that_fails_does_not_end_the_others(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, heard = tmp_path / "out", list[Progress]()
    with pytest.warns(UserWarning, match=r"broken/tiny: .*no-model\.tflite"):
        found = tflconv.study(study, out, quick=True, history="off", progress=heard.append)
    (measured,) = found.runs
    assert measured.model.name == "whole/tiny"
    assert found.baseline_of(measured) == measured
    assert found.context["title"] == "several, quick"
    assert {event.subject.split("/")[0] for event in heard if event.subject} == {"broken", "whole"}
    assert [(event.message, event.state) for event in heard if event.stage == "part"] == [
        ("part 1 of 2: broken", "working"),
        ("", "failed"),
        ("part 2 of 2: whole", "working"),
        ("", "done"),
    ]
    assert "whole, quick" in (out / "whole" / "report.html").read_text(encoding="utf-8")
    (alone,) = results.load(out / "whole" / "results.json").runs
    assert alone.model.name == "tiny"
    assert results.load(out / "results.json").runs == found.runs

    assert command(study, out) == TflconvError.exit_code
    told = capsys.readouterr()
    assert "no-model.tflite" in told.err
    assert [line.split() for line in told.out.splitlines()][1:] == [
        ["broken", "0", "1", "–"],
        ["whole", "1", "0", str(out / "whole" / "report.html")],
    ]
    (again,) = results.load(out / "results.json").runs
    assert again.started == measured.started, "it was not measured again"


def command(study: Path, out: Path) -> object:
    with pytest.raises(SystemExit) as ended:
        cli.main(["study", str(study), "--quick", "-o", str(out), "--no-history"])
    return ended.value.code
