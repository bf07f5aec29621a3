"""What a file may lose of the accuracy of the model that came, on validation pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from PIL import Image
from tiny_graphs import INT32, Builder

import tflconv
from tflconv import cli
from tflconv.errors import VerificationFailed
from tflconv.model.interpreter import Interpreter
from tflconv.pipeline import plan
from tflconv.pipeline.plan import parse

SIDE, WIDTH, PICTURES = 4, 16, 400
CLASSES = ("left", "middle", "right")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with an outlier channel, and pictures that it classifies without a mistake."""
    made = tmp_path_factory.mktemp("drop")
    draw = np.random.default_rng(3)
    weights = [draw.normal(size=(WIDTH, WIDTH)) / 4 for _ in range(2)]
    weights += [draw.normal(size=(len(CLASSES), WIDTH))]
    weights[1][0] *= 2000.0
    weights[2][:, 0] /= 2000.0
    builder = Builder()
    source = builder.tensor((1, SIDE, SIDE, 1), name="source")
    value = builder.tensor((1, WIDTH), name="flat")
    shape = builder.tensor((2,), INT32, values=[1, WIDTH], name="shape")
    builder.op("RESHAPE", [source, shape], [value], fb.ReshapeOptionsT())
    for number, matrix in enumerate(weights):
        kernel = builder.tensor(matrix.shape, values=matrix, name=f"kernel{number}")
        bias = builder.tensor(matrix.shape[:1], values=np.zeros(len(matrix)), name=f"bias{number}")
        result = builder.tensor((1, len(matrix)), name=f"dense{number}")
        builder.op("FULLY_CONNECTED", [value, kernel, bias], [result])
        value = result
    model = Interpreter(builder.write(made / "model.tflite", [source], [value]))
    for number in range(PICTURES):
        pixels = draw.integers(0, 256, (SIDE, SIDE), np.uint8)
        inputs = pixels.astype(np.float32)[np.newaxis, :, :, np.newaxis] / 127.5 - 1
        place = made / "photos" / CLASSES[int(model.run([inputs])[0].argmax())]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{number}.png")
    (made / "labels.txt").write_text("\n".join(CLASSES))
    return made


def said(folder: Path) -> dict[str, Any]:
    return {
        "dataset": str(folder / "photos"),
        "normalize": "-1..1",
        "labels": str(folder / "labels.txt"),
        "rewrite": "as-is",
    }


def test_a_model_that_knows_nothing_is_said_to(folder: Path, tmp_path: Path) -> None:
    """Its labels are in another order, so that it has nothing to lose."""
    wrong = said(folder) | {"labels": [*CLASSES[1:], CLASSES[0]]}
    for _ in range(2):  # the second time it is known
        with pytest.warns(UserWarning, match="model is right on .* not surely better than"):
            tflconv.convert(folder / "model.tflite", "fp32", tmp_path, max_drop="5pt", **wrong)


def test_a_file_that_loses_more_is_not_written(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(VerificationFailed, match=r"top-1 fell by .* allowed are 5\.00 points"):
        tflconv.convert(folder / "model.tflite", "int8", tmp_path, max_drop="5pt", **said(folder))
    assert not list(tmp_path.glob("*.tflite"))


def test_the_command_says_so_with_exit_code_4(folder: Path, tmp_path: Path) -> None:
    words = [f"--{name}={value}" for name, value in said(folder).items()]
    asked = ["convert", str(folder / "model.tflite"), "--recipe", "int8", "--max-drop", "5pt"]
    with pytest.raises(SystemExit) as ended:
        cli.main([*asked, *words, "-o", str(tmp_path)])
    assert ended.value.code == 4


def test_a_mixed_file_keeps_it_on_validation_pictures(folder: Path, tmp_path: Path) -> None:
    made = tflconv.convert(
        folder / "model.tflite", "mixed_wi8_ai8", tmp_path, max_drop="1pt", **said(folder)
    )
    drop = made.fidelity[0].drop
    assert drop is not None
    assert drop.share <= 0.01
    assert 0.05 * PICTURES < drop.pictures == drop.reference_correct < 0.2 * PICTURES
    assert "validation pictures of photos" in str(drop)
    first, *_, last = made.choices[0].curve
    assert (first.drop or 0) > 0.05 > (last.drop or 0)
    assert made.choices[0].spared


def test_auto_takes_the_cheapest_that_keeps_it(folder: Path, tmp_path: Path) -> None:
    made = tflconv.convert(
        folder / "model.tflite", "auto", tmp_path, max_drop="1pt", **said(folder)
    )
    drop = made.fidelity[0].drop
    assert drop is not None
    assert drop.share <= 0.01
    names = " ".join(made.choices[0].instructions)
    assert "mixed_wi8_ai8" in names
    assert "dynamic_wi8_afp32" in names


def test_a_plan_hands_it_on_where_a_recipe_chooses_by_it() -> None:
    text = 'name="a"\ndataset="mnist"\nrecipes={}\nmax_drop="0.5pt"\n[[models]]\nmodel="m.tflite"\n'
    from tflconv.pipeline.study_model import StudyModel

    def asked(recipes: list[str]) -> float | None:
        read: plan.Plan = parse(text.format(json.dumps(recipes)))
        job = StudyModel(plan=read, model=read.models[0], store=None)  # type: ignore[arg-type]
        return job.conversion(Path("m.tflite")).max_drop

    assert asked(["fp32", "mixed_wi8_ai8"]) == 0.005
    assert asked(["fp32", "static_wi8_ai8"]) is None  # the check on test pictures is enough
