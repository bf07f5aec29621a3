"""The plan that is run: paths beside it, devices added, a quick run, and teachers in it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from tflconv.core.progress import silent
from tflconv.core.store import Store
from tflconv.errors import TflconvError, UsageError
from tflconv.pipeline import checking, known_models, plan, planning, quick
from tflconv.pipeline.plan_parts import QuickPlan
from tflconv.pipeline.stages import _Stages
from tflconv.pipeline.study_model import StudyModel
from tflconv.training import TrainConfig

STUDIES = Path(__file__).parents[2] / "studies"
MADE = {"w32-sparse.keras"}
"""Files that a plan names and another page makes."""

PLAN = """\
name = "resnets"
dataset = "cifar-10"
recipes = ["fp32", "prune50_finetune_qat_static_wi8_ai8"]
max_drop = "0.5pt"

[settings.prune]
epochs = 9

[settings.finetune]
epochs = 1

[[models]]
model = "resnet"
name = "large"
training = { epochs = 70 }

[[models]]
model = "resnet"
name = "small"
teacher = "large"
training = { epochs = 40 }

[[models]]
model = "mine.keras"
recipes = ["fp32"]

[quick]
dataset = "mnist-sample"
epochs = 2
"""


def test_a_quick_run_learns_little_and_has_no_limits() -> None:
    quickened = quick.of(plan.parse(PLAN))
    assert quickened.name == "resnets, quick"
    assert quickened.dataset == "mnist-sample"
    assert [model.training.epochs for model in quickened.models[:2]] == [2, 2]
    assert quickened.settings["prune"]["epochs"] == 2
    assert quickened.settings["finetune"]["epochs"] == 1
    assert quickened.qat.epochs == 2
    assert quickened.max_drop is None
    assert quickened.recipes_of(quickened.models[2])[0].name == "fp32"


def test_a_quick_run_keeps_what_it_names() -> None:
    text = PLAN + 'models = ["large", "mine"]\nrecipes = ["fp32", "int8"]\ndevices = ["host"]\n'
    quickened = quick.of(plan.parse(text))
    assert [model.title for model in quickened.models] == ["large", "mine"]
    assert [each.name for each in quickened.recipes_of(quickened.models[1])] == [
        "fp32",
        "static_wi8_ai8",
    ]
    assert not quickened.settings  # no step of theirs is taken


def test_a_known_model_is_not_taken_for_other_pictures() -> None:
    text = PLAN.replace('name = "large"', f'name = "large"\nsha256 = "{"0" * 64}"')
    assert quick.of(plan.parse(text)).models[0].sha256 is None
    same = text.replace('dataset = "mnist-sample"\n', "")
    assert quick.of(plan.parse(same)).models[0].sha256 == "0" * 64


def test_without_a_table_a_quick_run_has_one_epoch() -> None:
    text = PLAN[: PLAN.index("[quick]")]
    assert [model.training.epochs for model in quick.of(plan.parse(text)).models[:2]] == [1, 1]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('models = ["huge"]', "unknown model of this plan 'huge'"),
        ('models = ["small"]', "the quick run keeps 'small', but not its teacher 'large'"),
    ],
)
def test_a_wrong_quick_run_is_refused_with_the_plan(tmp_path: Path, line: str, says: str) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(PLAN + line)
    with pytest.raises(UsageError, match=rf"plan\.toml: {says}"):
        planning.read(file)


def test_paths_are_beside_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, elsewhere = tmp_path / "study", tmp_path / "elsewhere"
    for folder in (home, elsewhere):
        folder.mkdir()
        (folder / "mine.keras").touch()
    (elsewhere / "labels.txt").touch()
    (home / "large").touch()  # a title is no path
    text = PLAN.replace('recipes = ["fp32"]\n', 'recipes = ["fp32"]\nlabels = "labels.txt"\n', 1)
    (home / "plan.toml").write_text(text)
    monkeypatch.chdir(elsewhere)
    found = planning.read(Path("../study/plan.toml"))
    assert found.models[2].model == "../study/mine.keras"
    assert found.models[2].labels == "labels.txt"
    assert found.models[1].teacher == "large"
    assert found.models[2].title == "mine"
    assert found.dataset == "cifar-10"


def test_devices_of_a_call_are_added() -> None:
    planned = plan.parse(PLAN)
    assert planning.changed(planned, devices=("adb:1", "host")).devices == ("host", "adb:1")


def test_a_circle_of_teachers_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot learn from itself: 'large' of 'small' of 'lar"):
        plan.parse(PLAN.replace("training = { epochs = 70 }", 'teacher = "small"'))
    with pytest.raises(UsageError, match="cannot learn from itself: 'small' of 'small'"):
        plan.parse(PLAN.replace('teacher = "large"', 'teacher = "small"'))


def test_a_teacher_may_be_a_model_of_the_plan(tmp_path: Path) -> None:
    planned = plan.parse(PLAN)
    small = StudyModel(plan=planned, model=planned.models[1], store=Store(tmp_path))
    assert small.teacher is not None
    assert small.teacher.model.title == "large"
    assert small.teacher.teacher is None
    with pytest.raises(TflconvError, match=r"no model at larger\."):
        checking.plan(
            replace(
                planned,
                dataset="mnist-sample",
                models=(replace(planned.models[1], teacher="larger"),),
            )
        )


def test_weights_may_be_those_of_a_model_of_the_plan(tmp_path: Path) -> None:
    started = PLAN.replace('teacher = "large"', 'weights = "large"')
    planned = plan.parse(started)
    small = StudyModel(plan=planned, model=planned.models[1], store=Store(tmp_path))
    assert small.start is not None
    assert small.start.model.title == "large"
    assert small.start.start is None
    with pytest.raises(UsageError, match="cannot learn from itself: 'large' of 'small' of 'lar"):
        plan.parse(started.replace("training = { epochs = 70 }", 'teacher = "small"'))
    lone = replace(planned.models[1], weights="larger.keras")
    with pytest.raises(TflconvError, match=r"no model at larger\.keras"):
        checking.plan(replace(planned, dataset="mnist-sample", models=(lone,)))
    with pytest.raises(UsageError, match="'small' starts from no weights"):
        replace(lone, weights=None, training=TrainConfig(freeze_epochs=1))
    with pytest.raises(UsageError, match="downloaded only if its hash is known"):
        replace(lone, weights="https://example.org/a.keras")


def test_a_model_may_have_pictures_of_its_own(tmp_path: Path) -> None:
    own = 'weights = "large"\ndataset = "mnist-sample"\nresolution = 16'
    planned = plan.parse(PLAN.replace('teacher = "large"', own))
    large, small = (
        StudyModel(plan=planned, model=model, store=Store(tmp_path)) for model in planned.models[:2]
    )
    for job, asked in (
        (large, (planned.dataset, planned.resolution, planned.channels)),
        (small, ("mnist-sample", 16, None)),
    ):
        request = job.training(None, None)
        assert (request.dataset, request.resolution, request.channels) == asked
        assert job.conversion(tmp_path / "a.keras").dataset == asked[0]
    short = quick.of(replace(planned, quick=QuickPlan(dataset="fashion-mnist-sample")))
    assert {short.pictures_of(model)[0] for model in short.models} == {"fashion-mnist-sample"}
    lost = replace(planned.models[0], dataset="nowhere")
    with pytest.raises(UsageError, match="nowhere"):
        checking.plan(replace(planned, dataset="mnist-sample", models=(lost,)))
    with pytest.raises(UsageError, match=r"resolution must be .* beside a 'dataset' of its own"):
        replace(planned.models[0], resolution=16)


def test_weights_that_are_not_there_are_found_by_their_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, digest = tmp_path / "kept.keras", hashlib.sha256(b"weights").hexdigest()
    kept.write_bytes(b"weights")
    monkeypatch.setenv(known_models.VARIABLE, str(tmp_path))
    started = f'weights = "models/gone.keras"\nweights_sha256 = "{digest}"'
    file = tmp_path / "plan.toml"
    file.write_text(PLAN.replace('teacher = "large"', started))
    assert planning.read(file).models[1].weights == str(kept)
    monkeypatch.delenv(known_models.VARIABLE)
    assert planning.read(file).models[1].weights == "models/gone.keras"


def test_a_known_model_is_found_by_its_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.keras", "b.keras", "c.txt"):
        (tmp_path / name).write_text(name)
    wanted = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("b.keras", "c.txt")}
    monkeypatch.setenv(known_models.VARIABLE, str(tmp_path))
    assert known_models.find(wanted["b.keras"]) == tmp_path / "b.keras"
    assert known_models.find(wanted["c.txt"]) is None
    monkeypatch.delenv(known_models.VARIABLE)
    assert known_models.find(wanted["b.keras"]) is None
    monkeypatch.setenv(known_models.VARIABLE, str(tmp_path / "none"))
    with pytest.raises(TflconvError, match="which is not a folder"):
        known_models.find(wanted["b.keras"])


def test_a_file_with_another_hash_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.keras"
    file.write_text("other")
    text = f"""
name = "theirs"
dataset = "mnist-sample"
recipes = ["fp32"]
[[models]]
model = "{file}"
sha256 = "{"0" * 64}"
"""
    with pytest.raises(TflconvError, match="is not the file that the plan means: its sha256 is"):
        checking.plan(plan.parse(text))


@pytest.mark.parametrize("digits", ["", "A" * 64, "0" * 63])
def test_a_hash_is_written_in_full(digits: str) -> None:
    with pytest.raises(UsageError, match="sha256 must be 64 digits"):
        plan.parse(PLAN.replace('name = "large"', f'name = "large"\nsha256 = "{digits}"'))


@pytest.mark.parametrize("file", sorted(STUDIES.rglob("*.toml")), ids=lambda f: f.stem)
def test_the_plans_of_the_studies_run_from_anywhere(file: Path) -> None:
    planned = planning.study(file)
    for part in planned.plans.values() if isinstance(planned, planning.Parts) else [planned]:
        for model in part.models:
            made = Path(model.model).name in MADE
            assert not model.is_file or made or Path(model.model).is_file()
        assert quick.of(part).models


def test_pictures_of_a_model_that_is_taught_are_read(tmp_path: Path) -> None:
    planned = plan.parse(
        PLAN.replace('teacher = "large"', 'teacher = "large"\ndistill = { views = 3 }')
    )
    planned = replace(planned, dataset="mnist-sample", resolution=None, channels=None)
    job = StudyModel(plan=planned, model=planned.models[1], store=Store(tmp_path))
    assert len(_Stages(job, silent).dataset.classes) == 10
