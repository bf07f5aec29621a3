"""The step ``distill``, and QAT under its teacher."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tflconv
from tflconv import recipe
from tflconv.compression import DistillStepConfig, PruneConfig, QatConfig
from tflconv.compression.distillation import in_logits, taught, teacher_of
from tflconv.compression.kernels import kernels
from tflconv.core.store import Store
from tflconv.core.tensorflow import keras2, tf
from tflconv.errors import TflconvError, UsageError
from tflconv.model.card import ModelCard, require_card
from tflconv.model.normalization import NAMED
from tflconv.network.keras.opened import Opened, open_once
from tflconv.pipeline.conversion import convert
from tflconv.pipeline.requests import ConversionRequest

CARD = ModelCard(
    model="m", labels=("dark", "light"), input_shape=(8, 8, 3), normalization=NAMED["0..1"]
)
FAST: dict[str, Any] = {"epochs": 1, "batch_size": 16, "augment": False}


def classifier(kit: Any, seed: int = 0, classes: int = 2, ends: str | None = None) -> Any:
    kit.utils.set_random_seed(seed)
    layers = kit.layers
    pixels = layers.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu")(pixels)
    return kit.Model(pixels, layers.Dense(classes, activation=ends)(layers.Flatten()(x)))


def opened(model: Any, card: ModelCard | None = None) -> Opened:
    found = open_once(model)
    found.card = card
    return found


INPUTS = np.random.default_rng(0).normal(size=(5, 8, 8, 3)).astype(np.float32)


@pytest.mark.parametrize("ends", [None, "softmax"])
def test_a_teacher_answers_in_logits_and_in_the_students_order(kit: Any, ends: str | None) -> None:
    model = classifier(kit, ends=ends)
    student = opened(classifier(kit, 1), CARD)
    teacher = teacher_of(opened(model, replace(CARD, labels=CARD.labels[::-1])), student)
    scores = np.asarray(model(INPUTS))
    logits = np.log(scores) if ends else scores
    np.testing.assert_allclose(teacher(tf.constant(INPUTS)), logits[:, ::-1], atol=1e-5)


def test_a_teacher_that_is_normalized_otherwise_sees_the_same_pixels(kit: Any) -> None:
    model = classifier(kit)
    student = opened(classifier(kit, 1), CARD)
    theirs = opened(model, replace(CARD, normalization=NAMED["-1..1"]))
    pixels = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3)).astype(np.float32)
    told = teacher_of(theirs, student)(tf.constant(CARD.normalization.apply(pixels)))
    expected = model(NAMED["-1..1"].apply(pixels))
    np.testing.assert_allclose(told, np.asarray(expected), atol=1e-4)


def test_one_score_and_sigmoids_are_logits_of_all_classes() -> None:
    single = in_logits(tf.constant([[0.8]]), "sigmoid")
    np.testing.assert_allclose(single, [[0, np.log(4)]], atol=1e-5)
    np.testing.assert_allclose(in_logits(tf.constant([[1.5]]), ""), [[0, 1.5]])
    np.testing.assert_allclose(
        in_logits(tf.constant([[0.5, 0.8]]), "sigmoid"), [[0, np.log(4)]], atol=1e-5
    )


def test_the_loss_is_nothing_where_student_and_teacher_agree(kit: Any) -> None:
    model = classifier(kit)
    teacher = teacher_of(opened(model), opened(classifier(kit, 1)))
    scores, labels = tf.constant(np.asarray(model(INPUTS))), tf.constant([0, 1, 0, 1, 0])
    alone = taught(model, teacher, DistillStepConfig(alpha=1.0))
    assert float(alone(tf.constant(INPUTS), scores, labels)) == pytest.approx(0, abs=1e-6)
    half = taught(model, teacher, DistillStepConfig(alpha=0.5))
    labelled = taught(model, teacher, DistillStepConfig(alpha=0.0))
    assert float(half(tf.constant(INPUTS), scores, labels)) == pytest.approx(
        0.5 * float(labelled(tf.constant(INPUTS), scores, labels)), rel=1e-5
    )


@pytest.mark.parametrize(
    ("made", "card", "message"),
    [
        ({"classes": 3}, None, "makes 3 scores"),
        ({}, replace(CARD, labels=("cat", "dog")), "tells cat, dog apart"),
    ],
)
def test_a_teacher_of_other_classes_is_refused(
    made: dict[str, Any], card: ModelCard | None, message: str, kit: Any
) -> None:
    with pytest.raises(UsageError, match=message):
        teacher_of(opened(classifier(kit, **made), card), opened(classifier(kit), CARD))


def test_pruned_under_a_teacher_and_trained_for_int8_under_it(
    pictures: Path, tmp_path: Path
) -> None:
    """The teacher is the model as it came; zeros stay; each step is an entry of the store."""
    kit = pytest.importorskip("keras", minversion="3")
    source, store = tmp_path / "own.keras", Store(tmp_path / "store")
    classifier(kit, ends="softmax").save(source)
    said: list[str] = []
    request = ConversionRequest(
        model=source,
        recipes=tuple(
            map(recipe.get, ("prune60_distill_fp32", "prune60_distill_qat_static_wi8_ai8"))
        ),
        dataset=str(pictures),
        normalize="0..1",
        labels=CARD.labels,
        settings=(PruneConfig(epochs=0), DistillStepConfig(**FAST, alpha=1.0)),
        qat=QatConfig(epochs=1, batch_size=16),
    )
    made, rounded = convert(
        request, tmp_path, store=store, progress=lambda e: said.append(e.message)
    )
    assert [len(list((store.root / name).iterdir())) for name in ("prune", "distill", "qat")] == [
        1, 1, 1,
    ]  # fmt: skip
    step = next((store.root / "distill").glob("*/model.keras"))
    model: Any = open_once(step).source.model
    assert all(np.mean(kernel.weights == 0) > 0.59 for kernel in kernels(model))
    card = require_card(rounded.artifact.path)
    assert card.training["distill"]["alpha"] == 1.0  # type: ignore[index,call-overload]
    distilled = next(text for text in said if text.startswith("distill: epoch"))
    assert 0 < float(distilled.partition("loss ")[2].partition(",")[0]) < 1
    assert made.fidelity.cosine is not None


def test_another_file_teaches_and_is_part_of_the_key(pictures: Path, tmp_path: Path) -> None:
    kit, source = keras2, tmp_path / "own.keras"
    classifier(kit).save(source)
    for seed, name in ((1, "one"), (2, "two")):
        classifier(kit, seed).save(tmp_path / "teacher.keras")
        tflconv.compress(
            source,
            "distill",
            tmp_path / f"{name}.keras",
            dataset=str(pictures),
            normalize="0..1",
            labels=CARD.labels,
            settings=[
                DistillStepConfig(**FAST, teacher=str(tmp_path / "teacher.keras"), alpha=1.0)
            ],
        )
    one, two = (require_card(tmp_path / f"{n}.keras").training["distill"] for n in ("one", "two"))
    assert one["teacher_sha256"] != two["teacher_sha256"]  # type: ignore[index,call-overload]
    weights = [open_once(tmp_path / f"{n}.keras").source.model for n in ("one", "two")]
    first, second = (kernels(model)[0].weights for model in weights)  # type: ignore[arg-type]
    assert (first != second).any()


def test_a_teacher_that_is_not_there_is_refused(kit: Any, pictures: Path, tmp_path: Path) -> None:
    source = tmp_path / "own.keras"
    classifier(kit).save(source)
    with pytest.raises(TflconvError, match=r"no model at .*gone\.keras"):
        tflconv.compress(
            source,
            "prune80_distill",
            dataset=str(pictures),
            normalize="0..1",
            settings=[DistillStepConfig(teacher=str(tmp_path / "gone.keras"))],
        )
