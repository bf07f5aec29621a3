"""An option of a conversion that would change nothing is refused; every other changes the file."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_conversions import FLOAT, SAMPLES, command
from tiny_graphs import Builder

import tflconv
from tflconv import recipe
from tflconv.compression import QatConfig, technique
from tflconv.compression.config import FinetuneConfig
from tflconv.conversion import Calibration
from tflconv.errors import UsageError
from tflconv.model.interpreter import Interpreter
from tflconv.pipeline import plan, quick
from tflconv.pipeline.meaning import RecipeOptions
from tflconv.pipeline.requests import ConversionRequest

ALWAYS: dict[str, Any] = {"strip": True, "with_card": False}
"""Options that change the file of every recipe."""

SOMETIMES: dict[str, Any] = {
    "io": "uint8",
    "logits": True,
    "calibration_count": 7,
    "calibration_method": "percentile",
    "qat": QatConfig(epochs=9),
    "settings": FinetuneConfig(epochs=9),
}
"""Options that only some recipes use."""

NOT_IN_THE_FILE = {
    "model", "recipes", "name", "seed",
    "dataset", "calibration", "normalize", "resize", "labels",  # which data, and what they mean
    "resolution", "custom_objects", "signature", "rewrite",  # of models that are no .tflite files
    "min_cosine", "max_drop", "golden",  # what is checked of each file, and written beside it
}  # fmt: skip

SCHEMES = [name for name in recipe.SCHEMES if name != "auto"]
RECIPES = [*SCHEMES, "auto", "qat_static_wi8_ai8", "qat_selective_wi8_ai8", "finetune_fp32"]


def test_every_option_is_in_one_of_these() -> None:
    known = {*ALWAYS, *SOMETIMES, *NOT_IN_THE_FILE}
    assert {each.name for each in fields(ConversionRequest)} == known
    assert {each.name for each in fields(RecipeOptions)} == SOMETIMES.keys()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The file of every scheme without options."""
    return {name: made(tmp_path_factory.mktemp(name), name) for name in SCHEMES}


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Samples with rare large values, which a percentile leaves out."""
    file = tmp_path_factory.mktemp("samples") / "samples.npy"
    spread = np.random.default_rng(0).standard_t(1, (40, 8, 8, 1))
    np.save(file, spread.clip(-40, 40).astype(np.float32))
    return file


def made(folder: Path, name: str, calibration: Path | None = None, **said: Any) -> bytes:
    source = Calibration.of_values("noise", SAMPLES) if calibration is None else calibration
    (file,) = tflconv.convert(FLOAT, [name], folder, calibration=source, **said)
    return file.read_bytes()


def request(name: str, option: str) -> ConversionRequest:
    value = SOMETIMES[option]
    said = {option: (value,) if option == "settings" else value}
    return ConversionRequest(model=Path("m.keras"), recipes=(recipe.get(name),), **said)


def is_refused(name: str, option: str) -> bool:
    try:
        request(name, option)
    except UsageError:
        return True
    return False


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("option", SOMETIMES)
def test_a_recipe_that_has_no_use_for_an_option_refuses_it(option: str, name: str) -> None:
    chosen = recipe.get(name)
    trained, ranges = technique.trains_ranges(chosen), chosen.needs_ranges or chosen.is_auto
    used = {
        "io": name in ("auto", "qat_static_wi8_ai8")
        or (name in SCHEMES and ranges and name != "static_wi8_ai16"),
        "logits": not chosen.steps,
        "calibration_count": ranges and not trained,
        "calibration_method": ranges and not trained and chosen.activations != "int16",
        "qat": name.startswith("qat_"),
        "settings": name.startswith("finetune_"),
    }
    assert is_refused(name, option) == (not used[option])


@pytest.mark.parametrize("name", SCHEMES)
def test_what_is_not_refused_changes_the_file(
    name: str, plain: dict[str, bytes], samples: Path, tmp_path: Path
) -> None:
    said = ALWAYS | {key: SOMETIMES[key] for key in ("io", "logits") if not is_refused(name, key)}
    for option, value in said.items():
        assert made(tmp_path / option, name, **{option: value}) != plain[name], option
    drawn = [key for key in SOMETIMES if key.startswith("calib") and not is_refused(name, key)]
    least = {"rewrite": "as-is"}
    usual = made(tmp_path / "usual", name, samples, **least) if drawn else b""
    for option in drawn:
        told = {option: SOMETIMES[option]}
        assert made(tmp_path / option, name, samples, **least, **told) != usual, option


@pytest.mark.parametrize("io", ["int8", "uint8"])
@pytest.mark.parametrize("name", ["selective_wi8_ai8", "mixed_wi8_ai8", "mixed_wi8_ai16", "auto"])
def test_inputs_and_outputs_are_integers_where_operators_compute_in_float(
    name: str, io: recipe.TensorType, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (10, 8, 8, 1), dtype=np.uint8)
    (tmp_path / "x.tflite").write_bytes(made(tmp_path, name, io=io))
    runtime = Interpreter(tmp_path / "x.tflite")
    assert {tensor.dtype for tensor in runtime.inputs + runtime.outputs} == {io}
    expected = Interpreter(FLOAT).predict(pixels)
    assert np.abs(runtime.predict(pixels) - expected).max() < 0.02


def test_ends_that_no_integer_operator_touches_get_the_range_of_the_samples(
    tmp_path: Path,
) -> None:
    build = Builder()
    x, y = build.tensor((1, 4)), build.tensor((1, 4))
    both, root = build.tensor((1, 4)), build.tensor((1, 4))
    build.op("ADD", [x, y], [both])
    build.op("EXP", [both], [root])
    file = build.write(tmp_path / "sum.tflite", inputs=[x, y], outputs=[both, root])
    draw = np.random.default_rng(0).uniform(-1, 1, (2, 32, 4)).astype(np.float32)
    calibration = Calibration.of_values("noise", *draw)
    (path,) = tflconv.convert(
        file, ["selective_wi8_ai8"], tmp_path, calibration=calibration, io="int8", min_cosine=0.99
    )
    runtime = Interpreter(path)
    assert [each.dtype for each in runtime.inputs + runtime.outputs] == ["int8"] * 4
    for tensor, values in zip(runtime.inputs, draw, strict=True):
        assert tensor.scale == pytest.approx(float(np.ptp(values)) / 255, rel=1e-5)
    answers = runtime.run([values[:1] for values in draw])
    assert np.allclose(answers[0], draw[0, :1] + draw[1, :1], atol=0.03)


def test_an_option_that_some_recipes_use_is_for_them(tmp_path: Path) -> None:
    said = {"io": "int8", "calibration": Calibration.of_values("noise", SAMPLES)}
    with pytest.warns(UserWarning, match="outputs of dynamic_wi8_afp32 stay float"):
        files = tflconv.convert(
            FLOAT, ["fp32", "dynamic", "int8"], tmp_path, rewrite="as-is", **said
        )
    assert [Interpreter(file).inputs[0].dtype for file in files] == ["float32", "float32", "int8"]


def test_auto_with_integer_inputs_needs_samples() -> None:
    with pytest.raises(UsageError, match="int8 inputs and outputs need samples"):
        tflconv.convert(FLOAT, ["auto"], "nowhere", io="int8")


def test_the_command_says_it_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path, "--recipe", "dynamic", "--io", "int8") == 2
    said = capsys.readouterr().err
    assert "--io would change nothing in dynamic_wi8_afp32: inputs and outputs stay float." in said
    assert "selective or mixed recipe" in said
    assert not list(tmp_path.iterdir())


PLAN = """
name = "one"
dataset = "mnist-sample"
recipes = ["fp32", "static_wi8_ai8"]
{said}

[[models]]
model = "vit"

[[models]]
model = "resnet"
recipes = ["fp16"]

[quick]
models = ["resnet"]
"""


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("qat = { epochs = 9 }", "qat would change nothing in fp32, static_wi8_ai8, fp16: there"),
        ('recipes = ["fp16"]\nio = "int8"', "^plan: io would change nothing in fp16"),
        (
            'recipes = ["fp32"]\ncalibration = { count = 7 }',
            "^plan: calibration.count would .* no ranges are taken from samples",
        ),
        (
            'recipes = ["finetune_fp32"]\nlogits = true',
            "^plan: logits would change nothing in finetune",
        ),
    ],
)
def test_a_plan_is_refused_as_the_command_is(said: str, message: str) -> None:
    text = PLAN.format(said=said)
    if said.startswith("recipes"):
        text = text.replace('recipes = ["fp32", "static_wi8_ai8"]\n', "")
    with pytest.raises(UsageError, match=message):
        plan.parse(text)


def test_a_model_of_a_plan_gets_what_its_recipes_use() -> None:
    read = plan.parse(PLAN.format(said='io = "uint8"\ncalibration = { count = 7 }'))
    used = read.options.used_by(read.recipes_of(read.models[1]))
    assert used == RecipeOptions()
    assert read.options.used_by(read.recipes_of(read.models[0])) == read.options
    small = quick.of(read)
    assert (small.io, small.calibration.count) == (None, RecipeOptions().calibration_count)
    assert quick.of(replace(read, quick=replace(read.quick, models=("vit",)))).io == "uint8"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (["--resolution", "12"], "is a .tflite file, whose inputs have their size"),
        (["--custom-objects", "own.py"], "is a .tflite file, which has no layers of its own"),
        (["--labels", "own.txt", "--no-card"], "labels go into the card, which is left out"),
    ],
)
def test_options_of_other_models_are_refused(
    said: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("own.py", "own.txt"):
        (tmp_path / name).write_text("# one\n")
    assert command(tmp_path / "out", "--recipe", "fp32", *said) == 2
    assert message in capsys.readouterr().err


def test_the_dataset_is_what_files_are_compared_on(tmp_path: Path) -> None:
    folder = tmp_path / "shapes"
    for label in ("a", "b", "c"):
        (folder / label).mkdir(parents=True)
        for number in range(4):
            pixels = np.full((8, 8), 20 * number, np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{number}.png")
    made = tflconv.convert(FLOAT, ["fp32"], tmp_path, dataset=folder)
    assert made.fidelity[0].source.startswith("shapes-")


def test_samples_that_are_given_are_not_drawn() -> None:
    with pytest.raises(UsageError, match="samples for ranges are given, so none are drawn"):
        made(Path(), "static_wi8_ai8", calibration_count=3)
