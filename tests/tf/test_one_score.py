"""Two classes told apart by one score, and classes that each have a sigmoid of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tflconv
from tflconv import data
from tflconv.compression import QatConfig, qat
from tflconv.core.tensorflow import keras2, tf
from tflconv.errors import UsageError
from tflconv.model.interpreter import Interpreter
from tflconv.network.keras.reader import read
from tflconv.pipeline.measuring import check_scores

ENDS = {"probability": "sigmoid", "logit": None}


def small(kit: Any, units: int, activation: str | None, shift: float = 0.0) -> Any:
    """A classifier of brightness: the more light, the higher the scores."""
    picture = kit.Input((8, 8, 3), name="picture")
    value = kit.layers.GlobalAveragePooling2D()(kit.layers.Rescaling(1 / 127.5, -1)(picture))
    dense = kit.layers.Dense(units, activation=activation)
    model = kit.Model(picture, dense(value))
    dense.set_weights([np.full((3, units), 2.0), np.full(units, shift)])
    return model


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_the_second_class_is_chosen_above_the_half(
    kit: Any, end: str, shift: float, pictures: Path, tmp_path: Path
) -> None:
    model = small(kit, 1, ENDS[end], shift)
    model.save(tmp_path / "m.keras")
    made = tflconv.convert(
        tmp_path / "m.keras",
        ["fp32", "static_wi8_ai8"],
        tmp_path,
        normalize="in-model",
        dataset=str(pictures),
    )
    split = data.load(str(pictures), resolution=8).test
    chosen = np.asarray(model(split.images.astype(np.float32)))[:, 0] > (
        0.5 if end[0] == "p" else 0
    )
    for file in made:
        found = tflconv.verify(tmp_path / "m.keras", file, str(pictures))
        assert found.reference_correct == (chosen == split.labels).sum()
        assert found.agreement >= 0.95
        assert set(found.per_class) == {"dark", "light"}
        with pytest.raises(UsageError, match="one score for two classes"):
            check_scores(file)
    assert made.fidelity[0].agreement == (1.0 if end == "probability" else None)


def test_names_of_both_classes_fit_one_score(pictures: Path, tmp_path: Path) -> None:
    model = small(keras2, 1, "sigmoid")
    labels = ["light", "dark"]  # so the score speaks for darkness, and all answers are wrong
    (file,) = tflconv.convert(model, ["fp32"], tmp_path, normalize="in-model", labels=labels)
    assert tflconv.verify(file, file, str(pictures)).accuracy < 0.1
    with pytest.raises(UsageError, match="3 labels"):
        tflconv.convert(model, ["fp32"], tmp_path, normalize="in-model", labels=["a", "b", "c"])


@pytest.mark.parametrize(
    ("engine", "end"), [("tflconv", "probability"), ("tflconv", "logit"), ("tfmot", "probability")]
)
def test_one_score_is_trained_with_its_rounding(
    engine: Any, end: str, pictures: Path, tmp_path: Path
) -> None:
    picture = keras2.Input((8, 8, 3))
    value = keras2.layers.Flatten()(keras2.layers.Conv2D(4, 3, activation="relu")(picture))
    model = keras2.Model(picture, keras2.layers.Dense(1, activation=ENDS[end])(value))
    (file,) = tflconv.convert(
        model,
        ["qat_static_wi8_ai8"],
        tmp_path,
        normalize="-1..1",
        dataset=str(pictures),
        qat=QatConfig(engine=engine, epochs=8, batch_size=8, learning_rate=0.01),
    )
    split = data.load(str(pictures), resolution=8).test
    scores = Interpreter(file).predict(split.images)[:, 0]
    assert ((scores > (0.5 if end == "probability" else 0)) == split.labels).mean() > 0.9


def test_losses_by_hand(kit: Any) -> None:
    logits, labels = tf.constant([[1.0, -2.0, 0.5]]), tf.constant([2])
    powers = np.exp([1.0, -2.0, 0.5])
    chances = 1 / (1 + np.exp([-1.0, 2.0, -0.5]))
    softmax = -np.log(powers[2] / powers.sum())
    sigmoid = -np.log([1 - chances[0], 1 - chances[1], chances[2]]).mean()
    for end, wanted in ((None, softmax), ("softmax", softmax), ("sigmoid", sigmoid)):
        network = read(small(kit, 3, end))
        assert float(qat.loss_of(network, logits, labels)) == pytest.approx(wanted, abs=1e-5)
    single = read(small(kit, 1, "sigmoid"))
    for label, wanted in ((1, -np.log(chances[0])), (0, -np.log(1 - chances[0]))):
        found = qat.loss_of(single, tf.constant([[1.0]]), tf.constant([label]))
        assert float(found) == pytest.approx(wanted, abs=1e-5)
