"""Settings of steps, and the grammar of what ``compress`` does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tflconv import cli, recipe
from tflconv.compression import FinetuneConfig, QatConfig, settings
from tflconv.compression.config import StepConfig
from tflconv.errors import UsageError
from tflconv.pipeline import plan
from tflconv.pipeline.requests import CompressionRequest, ConversionRequest


def test_the_three_doors_say_the_same() -> None:
    said = settings.parse(
        ["finetune.epochs=5", "finetune.learning_rate=1", "finetune.augment=false"]
    )
    table = {"finetune": {"epochs": 5, "learning_rate": 1, "augment": False}}
    config = FinetuneConfig(epochs=5, learning_rate=1.0, augment=False)
    assert said == settings.of_tables(table) == (config,)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["finetune.epochs"], "not of the form STEP.NAME=VALUE"),
        (["epochs=3"], "not of the form STEP.NAME=VALUE"),
        (["finetun.epochs=3"], "unknown technique 'finetun'"),
        (["finetune.epoch=3"], "unknown setting of finetune 'epoch'"),
        (["finetune.seed=3"], "unknown setting of finetune 'seed'"),
        (["finetune.epochs=many"], "finetune.epochs: expected a whole number"),
        (["finetune.epochs=1.5"], "finetune.epochs: expected a whole number"),
        (["finetune.epochs=0"], "epochs must be at least 1"),
        (["finetune.learning_rate=NaN"], "learning_rate must be positive"),
        (["qat.epochs=3"], "settings of qat are said apart"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_told(texts: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        settings.parse(texts)


def test_settings_of_no_step_are_refused() -> None:
    request = {"model": Path("m.keras"), "settings": (FinetuneConfig(),)}
    with pytest.raises(UsageError, match="settings for finetune, which is not a step"):
        ConversionRequest(**request, recipes=(recipe.get("fp32"),))
    with pytest.raises(UsageError, match="given twice"):
        CompressionRequest(
            model=Path("m.keras"), recipe="finetune", settings=(FinetuneConfig(),) * 2
        )
    with pytest.raises(UsageError, match="settings of no technique: StepConfig"):
        settings.check([StepConfig()])
    with pytest.raises(UsageError, match="said apart"):
        settings.check([QatConfig()])


PLAN = """
name = "one"
dataset = "mnist-sample"
recipes = ["fp32", "{recipe}"]
{settings}
[[models]]
model = "vit"
"""


def test_a_plan_hands_settings_to_the_recipes_that_use_them() -> None:
    text = PLAN.format(recipe="finetune_fp32", settings="[settings.finetune]\nepochs = 7")
    read = plan.parse(text)
    assert read.options.used_by(read.all_recipes).settings == (FinetuneConfig(epochs=7),)
    assert read.options.used_by([recipe.get("fp32")]).settings == ()


@pytest.mark.parametrize(
    ("name", "table", "message"),
    [
        ("fp16", "[settings.finetune]\nepochs = 7", "not a step of any recipe"),
        ("finetune_fp16", "[settings.finetune]\nepochs = '7'", "expected a whole number"),
        ("finetune_fp16", "[settings.finetun]\nepochs = 7", "unknown technique 'finetun'"),
    ],
)
def test_a_plan_tells_wrong_settings(name: str, table: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        plan.parse(PLAN.format(recipe=name, settings=table))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("qat", "makes no Keras model"),
        ("finetune_qat", "makes no Keras model"),
        ("static_wi8_ai8", "quantizes by static_wi8_ai8"),
        ("finetune_fp32", "quantizes by fp32"),
        ("finetun", "unknown technique"),
        ("finetune5", "takes no number"),
        ("finetune__finetune", "is not a step"),
        ("", "is not a step"),
    ],
)
def test_what_makes_no_keras_model_is_refused(
    name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["compress", "m.keras", "--recipe", name])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_no_step_follows_trained_ranges() -> None:
    with pytest.raises(UsageError, match="finetune cannot follow qat"):
        ConversionRequest(
            model=Path("m.keras"), recipes=(recipe.get("qat_finetune_static_wi8_ai8"),)
        )


@pytest.mark.parametrize(
    ("name", "output", "code", "message"),
    [
        ("none.keras", "out.keras", 1, "no model at"),
        ("none.tflite", "out.keras", 1, "no model at"),
        ("a.tflite", "out.keras", 2, "is not a Keras file"),
        ("a.keras", "out.h5", 2, "is a .keras file"),
        ("a.keras", "a.keras", 2, "is the model itself"),
        ("a.keras", "a.keras/out.keras", 1, "cannot write"),
    ],
)
def test_files_that_do_not_fit(
    name: str,
    output: str,
    code: int,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for present in ("a.keras", "a.tflite"):
        (tmp_path / present).write_bytes(b"no model")
    with pytest.raises(SystemExit) as ended:
        cli.main(["compress", str(tmp_path / name), "--recipe", "finetune",
                  "-o", str(tmp_path / output)])  # fmt: skip
    assert ended.value.code == code
    assert message in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.keras", "a.tflite"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("prune100_fp32", "takes the percentage of weights that become zero, 1 to 99"),
        ("cluster1_fp32", "takes the number of different weights of a kernel, 2 to 256"),
        ("cluster300_fp32", "2 to 256"),
        ("prune0_fp32", "'prune0' in recipe 'prune0_fp32' is not a step"),
        ("prune_fp32", "takes the percentage"),
        ("distill5_fp32", "takes no number"),
        ("cluster16_prune80_fp32", "prune80 cannot follow cluster16, which it would undo"),
        ("cluster16_finetune_prune80_fp32", "prune80 cannot follow cluster16"),
        ("prune80_prune50_fp32", "prune50 has nothing to do after prune80"),
        ("cluster16_cluster32_fp32", "cluster32 has nothing to do after cluster16"),
        ("qat_prune80_static_wi8_ai8", "prune cannot follow qat"),
    ],
)
def test_contradictory_steps_are_refused(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        ConversionRequest(model=Path("m.keras"), recipes=(recipe.get(name),))
    steps = name.removesuffix("_fp32")
    if steps not in (name, "prune0"):
        with pytest.raises(UsageError, match=re.escape(message.replace("_fp32", ""))):
            CompressionRequest(model=Path("m.keras"), recipe=steps)


@pytest.mark.parametrize(
    "name", ["prune50_prune80_fp32", "prune80_cluster16_distill_qat_static_wi8_ai8"]
)
def test_steps_that_go_on_are_taken(name: str) -> None:
    ConversionRequest(model=Path("m.keras"), recipes=(recipe.get(name),))
