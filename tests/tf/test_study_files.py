"""A plan names models of others: Keras files, SavedModels and float ``.tflite``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tflconv import cli
from tflconv.core.progress import silent
from tflconv.core.store import Store
from tflconv.inspection.inspect import inspect
from tflconv.model.card import require_card
from tflconv.pipeline import plan
from tflconv.pipeline.prepared import Prepared
from tflconv.pipeline.stages import prepare
from tflconv.pipeline.study_model import StudyModel

keras = pytest.importorskip("keras", minversion="3")

PLAN = """
name = "theirs"
dataset = "{pictures}"
recipes = ["fp32", "static_wi8_ai8"]

[calibration]
count = 8

[[models]]
model = "{model}"
normalize = "-1..1"
"""


def leaky(classes: int = 2) -> Any:
    """A classifier whose activation the quantizer has no integer operator for."""
    keras.utils.set_random_seed(0)
    picture = keras.Input((8, 8, 3))
    features = keras.layers.Conv2D(4, 3, activation="leaky_relu")(picture)
    pooled = keras.layers.GlobalAveragePooling2D()(features)
    return keras.Model(picture, keras.layers.Dense(classes)(pooled))


def saved(name: str, folder: Path) -> Path:
    path, model = folder / name, leaky()
    if path.suffix == ".tflite":
        model.save(folder / "source.keras")
        with pytest.raises(SystemExit):
            cli.main(["convert", str(folder / "source.keras"), "--normalize=-1..1"])
        (folder / "source-fp32.tflite").rename(path)
    elif path.suffix:
        model.save(path)
    else:
        model.export(path, verbose=False)
    return path


def prepared(text: str, store: Path) -> Prepared:
    planned = plan.parse(text)
    return prepare(StudyModel(plan=planned, model=planned.models[0], store=Store(store)), silent)


@pytest.mark.parametrize("name", ["own.keras", "own.h5", "folder/own"])
def test_what_convert_makes_a_study_makes_too(name: str, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    text = PLAN.format(pictures=pictures, model=saved(name, tmp_path))
    made = prepared(text, tmp_path / "store")
    assert not made.failures, made.failures
    float_file, integer = made.candidates
    assert [c.model.slug for c in made.candidates] == [
        "own-shades-fp32",
        "own-shades-static_wi8_ai8",
    ]
    assert "LEAKY_RELU" in {row.name for row in inspect(integer.path).ops}
    assert integer.accuracy.total == float_file.accuracy.total > 0
    assert float_file.accuracy.agreement == 1
    assert require_card(integer.path).normalization.std == (127.5,)
    assert float_file.model.parameters == 3 * 3 * 3 * 4 + 4 + 4 * 2, "a bias of zeros is not stored"
    assert {path.parent.name for path in (tmp_path / "store").glob("*/*")} == {
        "reference",
        "facts",
        "choice",
        "convert",
        "fidelity",
        "verify",
    }


def test_a_float_tflite_file_needs_no_tensorflow_model(pictures: Path, tmp_path: Path) -> None:
    text = PLAN.format(pictures=pictures, model=saved("theirs.tflite", tmp_path))
    text = text.replace('"static_wi8_ai8"', '"fp16"').replace("[calibration]\ncount = 8\n", "")
    made = prepared(text, tmp_path / "store")
    assert not made.failures, made.failures
    assert [c.model.recipe for c in made.candidates] == ["fp32", "fp16"]
    assert [c.accuracy.agreement for c in made.candidates] == [1, 1]


def test_labels_of_another_order_count_the_same(pictures: Path, tmp_path: Path) -> None:
    path = saved("own.keras", tmp_path)
    text = PLAN.format(pictures=pictures, model=path)
    (tmp_path / "labels.txt").write_text("light\ndark\n")
    turned = f'{text}labels = "{tmp_path / "labels.txt"}"\n'
    plain, other = (prepared(each, tmp_path / "store").candidates[0] for each in (text, turned))
    assert plain.accuracy.correct + other.accuracy.correct == plain.accuracy.total


def test_a_model_for_other_classes_is_one_failure(pictures: Path, tmp_path: Path) -> None:
    leaky(classes=5).save(tmp_path / "five.keras")
    made = prepared(PLAN.format(pictures=pictures, model=tmp_path / "five.keras"), tmp_path / "s")
    assert not made.candidates
    assert {str(error) for _, error in made.failures} != set()
    assert all("5 outputs" in str(error) for _, error in made.failures)


def test_what_a_file_does_not_say_is_asked_for(pictures: Path, tmp_path: Path) -> None:
    text = PLAN.format(pictures=pictures, model=saved("own.keras", tmp_path))
    with pytest.raises(Exception, match=r"does not say how pixels become its input\.\nSay how"):
        prepared(text.replace('normalize = "-1..1"', ""), tmp_path / "store")
