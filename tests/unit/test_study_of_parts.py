"""A study of several plans is read whole, and everything in it checked, before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import tflconv
from tflconv.data import card
from tflconv.errors import TflconvError, UsageError
from tflconv.pipeline import planning

STUDIES = Path(__file__).parents[2] / "studies"
PLAN = """
name = "{name}"
dataset = "mnist-sample"
recipes = ["fp32"]
models = [{{ model = "vit" }}]
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study of two parts, one of them in a folder of its own."""
    (tmp_path / "second").mkdir()
    (tmp_path / "first.toml").write_text(PLAN.format(name="first"))
    (tmp_path / "second" / "plan.toml").write_text(PLAN.format(name="second"))
    file = tmp_path / "study.toml"
    file.write_text('name = "several"\nparts = ["first.toml", "second/plan.toml"]\n')
    return file


def test_what_a_call_adds_is_for_each_part(study: Path) -> None:
    loaded = planning.study(study, devices=("adb:1",), quick=True)
    assert isinstance(loaded, planning.Parts)
    assert [plan.devices for plan in loaded.plans.values()] == [("host", "adb:1")] * 2
    assert list(loaded.plans) == ["first", "second"]
    assert loaded.plans["second"].name == "second, quick"


@pytest.mark.parametrize("name", ["mobile-vit", "resnet-service", "ecommerce"])
def test_a_quick_study_needs_no_download(name: str) -> None:
    loaded = planning.study(STUDIES / name / "plan.toml", quick=True)
    plans = loaded.plans if isinstance(loaded, planning.Parts) else {name: loaded}
    for part in plans.values():
        pictures = {part.dataset, *(model.dataset for model in part.models)} - {None}
        assert all(card(str(each)).bundled for each in pictures), part.name


def test_every_part_is_checked_before_one_runs(study: Path, tmp_path: Path) -> None:
    last = study.parent / "second" / "plan.toml"
    whole = last.read_text()
    last.write_text(whole.replace('"vit"', '"none.keras"'))
    with pytest.raises(TflconvError, match=r"no model at none\.keras"):
        tflconv.study(study, tmp_path / "out", history="off")
    last.write_text(whole)
    (tmp_path / "in-the-way").write_text("")
    with pytest.raises(TflconvError, match="in-the-way: Not a directory"):
        tflconv.study(study, tmp_path / "in-the-way", history="off")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("parts = []", r"study\.toml: study: parts must be a list of at least one plan"),
        ('parts = ["none.toml"]', r"cannot read the plan .*none\.toml: No such file"),
        ('parts = ["study.toml"]', r"study\.toml has parts itself.*\nName its parts\."),
        ('parts = ["other.toml"]', r"other\.toml has parts itself"),
        ('parts = ["first.toml", "../{here}/first.toml"]', "two parts are called 'first'"),
        ('parts = "first.toml"', r"line 2: 'parts': expected a list, not 'first\.toml'"),
        ('parts = [1]', r"study\.toml: 'parts\[0\]': expected text, not 1"),
        ('parts = ["first.toml"]\ndataset = "x"', r"line 3: unknown key 'dataset'"),
        ('parts = ["misspelt.toml"]', r"misspelt\.toml, line 3: unknown key 'datset'"),
    ],
)  # fmt: skip
def test_bad_parts_are_refused(study: Path, content: str, says: str) -> None:
    here = study.parent
    first = (here / "first.toml").read_text()
    (here / "misspelt.toml").write_text(first.replace("dataset", "datset"))
    (here / "other.toml").write_text(study.read_text())
    study.write_text(f'name = "several"\n{content.replace("{here}", here.name)}\n')
    with pytest.raises(UsageError, match=says):
        planning.study(study)


def test_no_part_leads_out_of_the_output(study: Path) -> None:
    (study.parent / "...toml").write_text((study.parent / "first.toml").read_text())
    study.write_text('name = "several"\nparts = ["...toml"]\n')
    loaded = planning.study(study)
    assert isinstance(loaded, planning.Parts)
    (name,) = loaded.plans
    assert (study.parent / name).resolve().parent == study.parent


def test_a_study_without_a_name_is_refused(study: Path) -> None:
    study.write_text('parts = ["first.toml"]\n')
    with pytest.raises(UsageError, match=r"study\.toml: 'name' is missing"):
        planning.study(study)


def test_a_plan_alone_is_read_as_ever(study: Path) -> None:
    loaded: Any = planning.study(study.parent / "first.toml", quick=True)
    assert loaded.name == "first, quick"
