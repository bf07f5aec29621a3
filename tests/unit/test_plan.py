"""A plan that is wrong anywhere says so at once, with the file and the line."""

from __future__ import annotations

import contextlib
import functools
import operator
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflconv.core import resources
from tflconv.errors import TflconvError, UsageError
from tflconv.pipeline import checking, plan, plan_faults, planning

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

GOOD = """\
name = "small"
dataset = "mnist-sample"
recipes = ["fp32", "static_wi8_ai8"]
max_drop = "0.5pt"

[bench]
num_runs = 20

[[models]]
model = "vit"
options = { dim = 32, depth = 2 }
training = { epochs = 3 }

[[models]]
name = "wide"
model = "vit"
"""


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


def test_a_plan_is_read() -> None:
    read = plan.parse(GOOD)
    assert [model.title for model in read.models] == ["vit", "wide"]
    assert read.models[0].training.epochs == 3
    assert read.bench.num_runs == 20
    assert read.devices == ("host",)
    assert read.max_drop == "0.5pt"


def test_a_model_may_be_rewritten_otherwise_than_the_others() -> None:
    read = plan.parse(
        'rewrite = "optimized"\n' + changed("options =", 'rewrite = "as-is"\noptions =')
    )
    assert [read.rewrite_of(model) for model in read.models] == ["as-is", "optimized"]
    with pytest.raises(UsageError, match=r"'rewrite' must be auto or"):
        plan.parse(changed("options =", 'rewrite = "fused"\noptions ='))
    with pytest.raises(UsageError, match="float baseline"):
        plan.parse(changed("options =", 'rewrite = "unfused"\noptions ='))


@pytest.mark.parametrize("drop", ['"0.5"', "0.5", '"5"', "1"])
def test_a_drop_without_a_unit_is_refused(drop: str) -> None:
    with pytest.raises(UsageError, match=r"plan: .* is not a drop of accuracy.*\nSay 0\.5pt where"):
        plan.parse(changed('"0.5pt"', drop))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("seed = 1.5", "'seed': expected a whole number, not 1.5"),
        ("seed = true", "'seed': expected a whole number, not True"),
        ('strip = "no"', "'strip': expected true or false, not 'no'"),
        ("strip = 1", "'strip': expected true or false, not 1"),
        ("io = 8", "'io' must be"),
        ('devices = "host"', "'devices': expected a list, not 'host'"),
        ("evaluation = { pictures = 2.0 }", "'evaluation.pictures': expected a whole number"),
        ("calibration = { source = 3 }", "'calibration.source': expected text, not 3"),
        ("qat = { learning_rate = 'slow' }", "'qat.learning_rate': expected a number"),
        ("channels = 2", "channels must be 1 or 3"),
        ("resolution = 2", "resolution must be between 4 and 4096"),
        ("calibration = { count = 0 }", "calibration: count must be at least 1"),
    ],
)
def test_no_value_is_taken_for_another(line: str, says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        plan.parse(f"{line}\n{GOOD}")


def test_a_whole_number_is_a_number() -> None:
    text = GOOD.replace("static_wi8_ai8", "qat_static_wi8_ai8")
    assert plan.parse("qat = { learning_rate = 1 }\n" + text).qat.learning_rate == 1.0


def test_a_share_may_be_a_bare_number() -> None:
    for share in ('"0.99"', "0.99"):
        assert plan.parse(f"min_agreement = {share}\n{GOOD}").min_agreement == "0.99"


def test_an_unknown_rewrite_is_refused() -> None:
    with pytest.raises(UsageError, match=r"line 1: 'rewrite' must be auto or .* Received: fused"):
        plan.parse('rewrite = "fused"\n' + GOOD)


def test_only_float_recipes_can_be_unfused() -> None:
    with pytest.raises(UsageError, match=r"float baseline\. Received: recipe unfused_static"):
        plan.parse('rewrite = "unfused"\n' + GOOD)


@pytest.mark.parametrize(
    "line", ['model = "mine.keras"', 'model = "models/saved"', 'model = "theirs.tflite"']
)
def test_a_file_of_a_model_is_not_trained(line: str) -> None:
    own = GOOD.replace('model = "vit"', line)
    with pytest.raises(UsageError, match="is a file: it is trained already"):
        plan.parse(own)


def test_the_demo_is_a_plan() -> None:
    assert plan.load(resources.demo_plan()).recipes[0] == "fp32"


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("dataset =", "datset =", 2, "unknown key 'datset'.\nDid you mean 'dataset'?"),
        ("num_runs", "num_run", 7, "unknown key 'num_run'.\nDid you mean 'num_runs'?"),
        ("epochs", "epohcs", 12, "unknown key 'epohcs'.\nDid you mean 'epochs'?"),
        ("[bench]", "[bensh]", 6, "unknown key 'bensh'.\nDid you mean 'bench'?"),
        ("num_runs = 20", 'num_runs = "many"', 7, "num_runs"),
        ('name = "small"', 'name = "small', 1, "not valid TOML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(old: str, new: str, line: int, says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)) as caught:
        plan.parse(changed(old, new), source="plan.toml")
    assert f"line {line}" in str(caught.value)
    assert str(caught.value).startswith("plan.toml")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"fp32"', '"fp23"', "unknown recipe 'fp23'.\nDid you mean fp32"),
        (
            'recipes = ["fp32", "static_wi8_ai8"]',
            "recipes = []",
            "'recipes' must name at least one",
        ),
        ('recipes = ["fp32", "static_wi8_ai8"]\n', "", "'recipes' is missing"),
        ("epochs = 3", "epochs = 0", "epochs must be at least 1"),
        ('name = "wide"\n', "", "two models are called 'vit'"),
        ('"0.5pt"', '"half"', "'half' is not a drop of accuracy"),
        (
            '["fp32", "static_wi8_ai8"]',
            '["fp32", "finetune_fp32"]\nsettings.finetune.head = "new"',
            "finetune.head: a file with a new head cannot be compared",
        ),
    ],
)
def test_values_that_make_no_sense_are_refused(old: str, new: str, says: str) -> None:
    with pytest.raises(UsageError, match=rf"^plan\.toml.*{re.escape(says)}"):
        plan.parse(changed(old, new), source="plan.toml")


def test_a_missing_plan_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read the plan .*none\.toml"):
        plan.load(tmp_path / "none.toml")


@given(st.text(max_size=200))
def test_any_text_is_a_plan_or_a_usage_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        plan.parse(text)


@given(st.integers(0, len(GOOD)), st.sampled_from(list("=[]{}\"'#.\n x")))
def test_one_wrong_character_is_a_plan_or_a_usage_error(position: int, character: str) -> None:
    with contextlib.suppress(UsageError):
        plan.parse(GOOD[:position] + character + GOOD[position + 1 :])


def test_a_plan_has_students_with_and_without_a_teacher() -> None:
    taught = GOOD + 'teacher = "large.keras"\n'
    alone, student = plan.parse(taught + "distill = { alpha = 0.5 }\n").models
    assert (alone.teacher, student.teacher) == (None, "large.keras")
    assert (alone.distill.alpha, student.distill.alpha) == (0.9, 0.5)
    with pytest.raises(UsageError, match="model 'wide' has no teacher"):
        plan.parse(GOOD + "distill = { alpha = 0.5 }\n")
    with pytest.raises(UsageError, match="is a file: it is trained already"):
        plan.parse(taught.replace('model = "vit"\nteacher', 'model = "own.keras"\nteacher'))


def test_all_faults_are_told_at_once_each_with_its_key() -> None:
    text = changed("dataset =", "datset =").replace("num_runs = 20", 'num_runs = "many"')
    text = text.replace("epochs = 3", "epochs = 0").replace("[bench]", "[bench]\nthreads = 1")
    with pytest.raises(UsageError, match=r"^plan\.toml has 4 faults:\n") as caught:
        plan.parse(text, source="plan.toml")
    told = caught.value.message.splitlines()[1:]
    assert told[0] == "- plan.toml, line 2: unknown key 'datset'. Did you mean 'dataset'?"
    assert told[1].startswith("- plan.toml, line 7: unknown key 'threads'. ")
    assert {line.partition(":")[2] for line in told[2:]} == {
        " training: epochs must be at least 1. Received: epochs=0.",
        " 'bench.num_runs': expected a whole number, not 'many'.",
    }


def test_all_values_that_make_no_sense_are_told_at_once() -> None:
    text = "resolution = 2\nchannels = 2\nseed = -1\nmin_cosine = 2\n" + changed('"fp32"', '"fp23"')
    text = text.replace('name = "wide"\n', "")
    with pytest.raises(UsageError, match=r"^plan has 4 faults:") as caught:
        plan.parse(text)
    for said in (
        "resolution must be between 4 and 4096. Received: resolution=2. channels must be 1 or 3. "
        "Received: channels=2. seed must be",
        "unknown recipe 'fp23'",
        "min_cosine: ",
        "two models are called 'vit'",
    ):
        assert said in caught.value.message


def test_structure_values_and_what_is_outside_are_told_at_once(tmp_path: Path) -> None:
    text = changed("dataset =", "datset =").replace("num_runs = 20", 'num_runs = "many"')
    text = text.replace("mnist-", "mmist-").replace("epochs = 3", "epochs = 0")
    text = text.replace('"fp32"', '"fp23"').replace("recipes =", 'devices = ["gpu"]\nrecipes =', 1)
    file = tmp_path / "plan.toml"
    file.write_text(text)
    said = (
        "unknown key 'datset'", "epochs must be at least 1", "'bench.num_runs'",
        "unknown recipe 'fp23'", "device 'gpu'", "unknown dataset 'mmist-sample'",
    )  # fmt: skip
    with pytest.raises(TflconvError, match=r"plan\.toml has 6 faults:") as caught:
        planning.study(file)
    assert all(each in caught.value.message for each in said)


HIDING = {
    "the model of a model": ('model = "vit"\noptions', "model = 3\noptions", "'models[0].model'"),
    "no model": ('model = "vit"\noptions', "options", "'model' is missing"),
    "the name of a model": ('name = "wide"', 'name = ["wide"]', "'models[1].name'"),
    "the name": ('name = "small"', "name = 1", "'name'"),
    "no name": ('name = "small"\n', "", "'name' is missing"),
    "no recipes": ("recipes =", "# recipes =", "'recipes' is missing"),
    "no dataset": ('dataset = "mnist-sample"\n', "", "'dataset' is missing"),
}


@pytest.mark.parametrize("case", HIDING)
def test_what_a_plan_must_have_hides_no_other_fault(tmp_path: Path, case: str) -> None:
    old, new, told = HIDING[case]
    text = changed("recipes =", 'devices = ["gpu"]\nmin_cosine = 2\nrecipes =')
    assert old in text
    text = text.replace(old, new, 1) + '\n[[models]]\nmodel = "gone.keras"\nteacher = 1\n'
    text += '\n[[models]]\nmodel = "lost.keras"\n'
    (tmp_path / "plan.toml").write_text(text)

    with pytest.raises(TflconvError, match="has 6 faults") as caught:
        planning.study(tmp_path / "plan.toml")

    said = [told, "min_cosine: ", "'models[2].teacher'", "device 'gpu'", "gone.keras", "lost.keras"]
    lines = caught.value.message.splitlines()[1:]
    assert all(any(each in line for line in lines) for each in said), lines


@pytest.mark.parametrize("seed", range(60))
def test_what_is_wrong_in_any_place_is_a_message(seed: int) -> None:
    draw, value = random.Random(seed), tomllib.loads(GOOD)
    for _ in range(draw.randint(1, 3)):
        place = draw.choice(list(places(value)))
        owner = functools.reduce(operator.getitem, place[:-1], value)
        if draw.random() < 0.3 and isinstance(owner, dict):
            owner[f"{place[-1]}e"] = owner.pop(place[-1])
        else:
            owner[place[-1]] = draw.choice([-1, "x", True, [], {}, ["a"], {"a": 1}, [{}], 1.5])
    kind: Any = plan.PartsPlan if "parts" in value else plan.Plan
    with contextlib.suppress(TflconvError):
        plan_faults.structured(
            value, kind, plan_faults.PlanText(GOOD, "p.toml"), plan._STRUCTURE, checking.plan
        )


def places(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the values of a plan are, tables and lists among them."""
    pairs = enumerate(value) if isinstance(value, list) else getattr(value, "items", list)()
    for key, inner in pairs:
        yield (*before, key)
        yield from places(inner, (*before, key))


def test_what_a_plan_names_is_told_at_once(tmp_path: Path) -> None:
    text = changed("recipes =", 'devices = ["hst", "gpu"]\nrecipes =').replace("mnist-", "mmist-")
    file = tmp_path / "gone.keras"
    read = plan.parse(text.replace('name = "wide"\nmodel = "vit"', f'model = "{file}"'))
    with pytest.raises(TflconvError, match=r"^4 faults:") as caught:
        checking.plan(read)
    for said in ("device 'hst'", "device 'gpu'", "'mmist-sample'", f"no model at {file}."):
        assert said in caught.value.message
