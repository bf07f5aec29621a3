"""What a report says in words, step by step, and of what files get wrong."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tflconv
from fakes.rich_results import rich
from tflconv import results
from tflconv.core.jsonvalue import JsonObject
from tflconv.errors import UsageError
from tflconv.pipeline import plan
from tflconv.pipeline.plan import tomllib
from tflconv.report import columns, headline, staircase
from tflconv.report.html import to_html
from tflconv.report.sections import devices, mistakes, operators, reproduce, training
from tflconv.report.toml import to_toml
from tflconv.results import Accuracy, Disagreement, Results

EVIL = '"><script>alert(1)</script>'


@pytest.fixture(scope="module")
def found() -> Results:
    return rich()


@pytest.fixture(scope="module")
def page(found: Results) -> str:
    return to_html(found)


def test_the_headline_names_the_smallest_file_that_is_still_right(found: Results) -> None:
    cnn, vit = headline.of(columns.groups(found))
    assert (cnn.model, cnn.recipe) == ("fixture_cnn", "channels50_qat_static_wi8_ai8")
    assert "smallest within 0.5 points of fp32" in cnn.text
    assert "−76 % bytes (394 KB)" in cnn.text
    assert "4.2 times fewer instructions (qemu cortex-a76)" in cnn.text
    assert vit.recipe == "channels50_qat_static_wi8_ai8"


def test_a_file_that_lost_more_is_no_headline(found: Results) -> None:
    kept = [run for run in found.runs if "channels" not in run.model.recipe]
    vit = headline.of(columns.groups(replace(found, runs=tuple(kept))))[1]
    assert vit.recipe == "dynamic_wi8_afp32"  # static_wi8_ai8 is 1.7 points below fp32
    assert "−0.2 points [" in vit.text


def test_where_the_smallest_is_not_the_fastest_both_are_said(found: Results) -> None:
    kept = [run for run in found.runs if run.model.recipe in ("fp32", "fp16", "static_wi8_ai8")]
    runs = tuple(
        replace(run, latency=results.Latency(samples_ns=(9_000,) * 9))
        if run.device.kind == "phone" and run.model.recipe == "fp16"
        else run
        for run in kept
    )
    cnn = headline.of(columns.groups(replace(found, runs=runs)))[0]
    assert cnn.recipe == "static_wi8_ai8"
    assert " The fastest is fp16: 98.1 times faster (on Fixture Phone 7), −49 % bytes" in cnn.text


def test_where_no_file_is_right_the_headline_says_the_nearest(found: Results) -> None:
    kept = [run for run in found.runs if run.model.recipe in ("fp32", "static_wi8_ai8")]
    vit = headline.of(columns.groups(replace(found, runs=tuple(kept))))[1]
    assert vit.text.startswith("no smaller file is within 0.5 points of fp32; the nearest is")
    assert "1.7 points below" in vit.text


def test_without_accuracy_the_headline_says_so(found: Results) -> None:
    runs = tuple(replace(run, accuracy=None) for run in found.runs)
    assert all(
        "accuracy not measured" in each.text
        for each in headline.of(columns.groups(replace(found, runs=runs)))
    )


def test_a_staircase_has_every_step_with_its_figures(found: Results) -> None:
    stairs = [each for each in staircase.of(found) if each.model == "fixture_cnn"]
    host = next(each for each in stairs if each.device == "host")
    assert [stair.step for stair in host.stairs] == ["fp32", "channels50", "qat and static_wi8_ai8"]
    assert [stair.bytes for stair in host.stairs] == [1_640_000, 852_800, 393_600]
    final = host.final
    assert final.latency_ms is not None
    assert final.latency_interval_ms is not None
    assert final.latency_interval_ms[0] <= final.latency_ms <= final.latency_interval_ms[1]
    assert final.accuracy_interval is not None
    emulated = next(each for each in stairs if each.device.startswith("arm64"))
    assert [round(stair.instructions or 0) for stair in emulated.stairs] == [
        740e3,
        384.8e3,
        177.6e3,
    ]
    assert all(stair.latency_ms is None for stair in emulated.stairs)
    assert staircase.to_json(host)["stairs"]


def test_two_files_are_no_staircase(found: Results) -> None:
    kept = [run for run in found.runs if run.model.recipe != "channels50_fp32"]
    assert staircase.of(replace(found, runs=tuple(kept))) == []


def test_a_plan_lists_the_stairs_by_itself() -> None:
    text = """
name = "stairs"
dataset = "mnist-sample"
recipes = ["fp32", "static_wi8_ai8", "channels50_qat_static_wi8_ai8"]
models = [{ model = "resnet" }]
"""
    told = [plan.parse(text + line) for line in ("", "staircase = true")]
    names = [[each.name for each in found.all_recipes] for found in told]
    assert [name for name in names[1] if name not in names[0]] == ["channels50_fp32"]
    assert names[1][0] == "fp32"


def test_every_section_is_there(page: str) -> None:
    for anchor in ("devices", "mistakes", "training", "reproduce"):
        assert page.count(f'<section id="{anchor}">') == 1
        assert f'<a href="#{anchor}">' in page
    for heading in ("Step by step", "Cost per operator"):
        assert f"<h3>{heading}</h3>" in page


def test_the_page_runs_one_script_and_asks_for_nothing(page: str) -> None:
    assert len(re.findall("<script", page)) == 1
    assert re.search(r"default-src 'none'; script-src 'sha256-[A-Za-z0-9+/=]{44}'", page)
    assert not re.search(r"https?://(?!www\.w3\.org)", page.replace("http-equiv", ""))


def test_devices_that_disagree_are_named(found: Results) -> None:
    runs = tuple(
        replace(run, latency=results.Latency(samples_ns=(9_000,) * 9))
        if run.device.kind == "phone" and run.model.recipe == "static_wi8_ai8"
        else run
        for run in found.runs
    )
    told = "fixture_vit static_wi8_ai8 costs less than its baseline on Fixture Phone 7, and more on"
    assert told not in devices.html(columns.groups(found))
    assert told in devices.html(columns.groups(replace(found, runs=runs)))
    assert devices.html(columns.groups(replace(found, runs=found.runs[:8]))) == ""


def test_times_of_an_emulator_are_no_costs_of_operators(found: Results) -> None:
    host, emulator, _ = columns.groups(found)
    assert "CONV_2D" in operators.html(host)
    runs = tuple(replace(cell.run, device=emulator.device) for cell in host.cells)
    (moved,) = columns.groups(Results(runs=runs))
    assert operators.html(moved) == ""


def test_mistakes_are_counted_and_shown(found: Results) -> None:
    text = mistakes.html(columns.groups(found))
    assert "fixture_vit static_wi8_ai8: 69 of 1000 pictures wrong" in text
    assert text.count("<caption>Confusion matrix of ") == 12  # 2 models of 6 files each
    assert '<img src="data:image/png;base64,' in text
    assert 'alt="test/0.png: class 0, reference says 0, file says 1"' in text


def test_many_classes_are_listed_by_pairs(found: Results) -> None:
    names = [f"class {n}" for n in range(100)]
    accuracy = Accuracy(
        dataset="many",
        correct=90,
        total=100,
        per_class=dict.fromkeys(names, (9, 10)),
        confusions={"class 0": {"class 1": 7, "class 2": 3}},
    )
    run = replace(found.runs[0], accuracy=accuracy)
    text = mistakes.html(columns.groups(Results(runs=(run,))))
    assert "the 40 lowest of 100" in text
    assert "fp32: classes that are confused most" in text
    assert text.count("<tr>") < 60


def test_curves_are_drawn_of_what_is_a_curve() -> None:
    rows: list[object] = [{"epoch": 1, "validation_accuracy": 0.5}, {"epoch": "x"}, 3, None]
    context: JsonObject = {"training": {"a": [*rows], "b": "no", "c": [{"epoch": 1e999}]}}  # type: ignore[list-item]
    assert training.curves(context, "validation_accuracy") == {"a": [(1.0, 0.5)]}
    assert "a ends at 50.0 %" in training.html(context)
    assert training.html({"training": 3}) == ""


def test_commands_name_what_is_no_default(found: Results) -> None:
    lines = reproduce.commands(columns.groups(found))
    assert len(lines) == 3
    assert lines[0].startswith("tflconv bench models/fixture_cnn-fixture_digits-fp32.tflite ")
    assert lines[0].endswith(" --device host --num-runs 60 --warmup-runs 10")
    assert lines[1].endswith(" --device arm64:cortex-a76")
    evil = replace(found.runs[0].model, slug="a b; rm -rf /")
    run = replace(found.runs[0], model=evil)
    (line,) = reproduce.commands(columns.groups(Results(runs=(run,))))
    assert "'models/a b; rm -rf -" in line


TEXTS = st.text(max_size=8)
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_toml_says_the_same(value: JsonObject) -> None:
    assert _plain(tomllib.loads(to_toml(value))) == _plain(value)


def test_the_plan_of_a_report_is_the_plan_that_ran() -> None:
    ran = plan.load(Path(tflconv.__file__).with_name("demo.toml"))
    recorded = json.loads(json.dumps(asdict(ran)))
    assert plan.parse(to_toml(recorded)) == ran


def _plain(value: object) -> object:
    """The value without tables that are empty, which TOML of ours leaves out."""
    if isinstance(value, dict):
        return {k: p for k, v in value.items() if (p := _plain(v)) != {}}
    return [_plain(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "picture",
    ["<img>", 'iVBORw0KGgo"onload=', "A" * 4001, ""],
)
def test_a_picture_is_base64_and_small(picture: str) -> None:
    with pytest.raises(UsageError, match="base64"):
        Disagreement(id="a", label="b", reference="c", target="d", margin=1.0, picture=picture)


def test_strangers_strings_are_text(found: Results) -> None:
    picture = found.runs[0].accuracy
    assert picture is not None
    thumbnail = picture.disagreements[0].picture
    each = Disagreement(
        id=EVIL, label=EVIL, reference=EVIL, target="x", margin=1.0, picture=thumbnail
    )
    accuracy = replace(
        picture,
        per_class={EVIL: (1, 2), "x": (0, 1)},
        confusions={EVIL: {"x": 1}},
        disagreements=(each,),
    )
    graph = results.Graph(
        nodes=1,
        delegated=0,
        partitions=0,
        ops=(results.Op(name=EVIL, kind=EVIL, mean_ns=1e6),),
    )
    model = replace(found.runs[0].model, name=EVIL, recipe=EVIL, slug=EVIL)
    run = replace(found.runs[0], model=model, accuracy=accuracy, graph=graph)
    other = replace(run, device=replace(run.device, id="x", name=EVIL))
    context: JsonObject = {
        "title": EVIL,
        "training": {EVIL: [{"epoch": 1, "validation_loss": 1.0}]},
        "plan": {EVIL: {EVIL: [EVIL]}},
    }
    page = to_html(Results(runs=(run, other), context=context))
    assert len(re.findall("<script", page)) == 1
    assert EVIL not in page
