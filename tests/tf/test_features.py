"""Learning from inner layers of a teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tflconv
from tflconv import data
from tflconv.compression import DistillStepConfig
from tflconv.compression.fine_tuning import variables_of
from tflconv.core.nesting import leaves
from tflconv.core.tensorflow import tf
from tflconv.errors import TflconvError, UsageError
from tflconv.model.card import ModelCard, embed_card, require_card
from tflconv.model.normalization import NAMED
from tflconv.network.keras.opened import open_once
from tflconv.training import DistillConfig
from tflconv.training.features import Features, LayerPair, pairs
from tflconv.training.seeing import between

CARD = ModelCard(
    model="m", labels=("dark", "light"), input_shape=(8, 8, 3), normalization=NAMED["0..1"]
)
INPUTS = np.random.default_rng(0).normal(size=(6, 8, 8, 3)).astype(np.float32)
LOSSES = ("fitnets", "attention")


def stages(kit: Any, widths: tuple[int, int], seed: int = 0) -> Any:
    """Two stages of convolutions, of 8 and 4 pixels."""
    kit.utils.set_random_seed(seed)
    layers = kit.layers
    pixels = layers.Input((8, 8, 3))
    x = layers.Conv2D(widths[0], 3, padding="same", activation="relu", name="wide")(pixels)
    x = layers.Conv2D(widths[1], 3, 2, padding="same", name="narrow")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.GlobalAveragePooling2D()(layers.ReLU(name="end")(x))
    return kit.Model(pixels, layers.Dense(2)(x))


def lesson(kit: Any, kind: Any, student: Any = None, teacher: Any = None, **more: Any) -> Features:
    teacher = teacher or stages(kit, (6, 8))
    student = student or stages(kit, (4, 8), seed=1)
    return Features(teacher, student, [LayerPair(teacher="wide", student="wide")], kind, **more)


def loss_of(taught: Features) -> Any:
    _, *seen = leaves(taught.watched(tf.constant(INPUTS), training=True))
    return taught.loss(tf.constant(INPUTS), seen)


@pytest.mark.parametrize("kind", LOSSES)
def test_gradients_reach_the_layers_below_and_no_others(kit: Any, kind: Any) -> None:
    student = stages(kit, (4, 8), seed=1)
    taught = lesson(kit, kind, student)
    with tf.GradientTape() as tape:
        loss = loss_of(taught)
    held = variables_of(student, trainable=True)
    gradients = tape.gradient(loss, [*held, *taught.variables])
    reached = [g is not None and float(tf.norm(g)) > 0 for g in gradients]
    below = 2  # kernel and bias of the first convolution
    assert reached[:below] == [True, True]
    assert not any(reached[below : len(held)])
    assert reached[len(held) :] == [True] * len(taught.variables)
    assert len(taught.variables) == (1 if kind == "fitnets" else 0)


@pytest.mark.parametrize("kind", LOSSES)
def test_nothing_is_lost_where_both_are_the_same(kit: Any, kind: Any) -> None:
    one = stages(kit, (4, 8))
    taught = lesson(kit, kind, student=one, teacher=one)
    assert not taught.variables  # as wide as the teacher
    assert float(loss_of(taught)) == pytest.approx(0, abs=1e-6)
    other = lesson(kit, kind, student=stages(kit, (4, 8), seed=1), teacher=one)
    assert float(loss_of(other)) > 0.01


def test_losses_by_hand(kit: Any) -> None:
    teacher, student = stages(kit, (4, 8)), stages(kit, (4, 8), seed=1)
    theirs = kit.Model(teacher.inputs, teacher.get_layer("wide").output)(INPUTS)
    own = kit.Model(student.inputs, student.get_layer("wide").output)(INPUTS)
    theirs, own = np.asarray(theirs), np.asarray(own)
    hint = ((theirs - own) ** 2).mean() / (theirs**2).mean()
    assert float(loss_of(lesson(kit, "fitnets", student, teacher))) == pytest.approx(hint, rel=1e-4)

    def where(values: Any) -> Any:
        flat = (values**2).mean(-1).reshape(len(values), -1)
        return flat / np.linalg.norm(flat, axis=-1, keepdims=True)

    apart = ((where(theirs) - where(own)) ** 2).sum(-1).mean()
    twice = lesson(kit, "attention", student, teacher, beta=2.0)
    assert float(loss_of(twice)) == pytest.approx(2 * apart, rel=1e-4)


def test_stage_ends_are_found_and_others_are_refused(kit: Any) -> None:
    teacher, student = stages(kit, (6, 8)), stages(kit, (4, 8), seed=1)
    assert pairs("auto", teacher, student) == [LayerPair(teacher="end", student="end")]
    assert pairs("wide=narrow, norm = end", teacher, student)[1] == LayerPair(
        teacher="norm", student="end"
    )
    with pytest.raises(UsageError, match="Did you mean wide"):
        Features(teacher, student, [LayerPair(teacher="wid", student="wide")])
    dense = student.layers[-1].name
    with pytest.raises(UsageError, match="makes 2, and wide of the teacher 8 x 8 x 6"):
        Features(teacher, student, [LayerPair(teacher="wide", student=dense)])


def test_features_of_another_size_are_brought_to_the_students(kit: Any) -> None:
    teacher, student = stages(kit, (6, 8)), stages(kit, (4, 8), seed=1)
    taught = Features(teacher, student, [LayerPair(teacher="wide", student="narrow")], "attention")
    assert np.isfinite(float(loss_of(taught)))


@pytest.mark.parametrize("text", ["conv", "a=b=c", "=b", "a=", ","])
def test_what_names_no_layers_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="auto or TEACHER_LAYER=STUDENT_LAYER"):
        DistillStepConfig(features=text)


@pytest.fixture
def saved(tmp_path: Path, kit: Any) -> tuple[Path, Path]:
    found = []
    for name, widths in (("student", (4, 8)), ("teacher", (6, 12))):
        path = tmp_path / f"{name}.keras"
        stages(kit, widths).save(path)
        embed_card(path, CARD)
        found.append(path)
    return found[0], found[1]


def test_the_step_keeps_no_projection_and_the_card_tells_the_layers(
    saved: tuple[Path, Path], pictures: Path, tmp_path: Path
) -> None:
    student, teacher = saved
    said = DistillStepConfig(
        teacher=str(teacher), features="wide=wide,end=end", beta=3.0, epochs=2, batch_size=16,
        augment=False, alpha=0.5,
    )  # fmt: skip
    made = tmp_path / "made.keras"
    tflconv.compress(student, "distill", made, dataset=str(pictures), settings=said)
    before, after = (open_once(path).source.model for path in (student, made))
    assert [w.shape for w in after.get_weights()] == [w.shape for w in before.get_weights()]
    told = require_card(made).training["distill"]
    assert isinstance(told, dict)
    assert (told["beta"], told["feature_loss"]) == (3.0, "fitnets")
    assert told["layers"] == [
        {"teacher": "wide", "student": "wide", "projected": True},
        {"teacher": "end", "student": "end", "projected": True},
    ]
    moved = [
        float(np.abs(a - b).max())
        for a, b in zip(after.get_weights(), before.get_weights(), strict=True)
    ]
    assert max(moved) > 0


def test_unknown_layers_leave_nothing_behind(
    saved: tuple[Path, Path], pictures: Path, tmp_path: Path
) -> None:
    said = DistillStepConfig(teacher=str(saved[1]), features="wide=wade")
    with pytest.raises(TflconvError, match="unknown layer 'wade'"):
        tflconv.compress(
            saved[0], "distill", tmp_path / "x.keras", dataset=str(pictures), settings=said
        )
    assert not (tmp_path / "x.keras").exists()


STUDENT: dict[str, Any] = {
    "model": "resnet", "resolution": 8, "batch_size": 16, "learning_rate": 0.01, "augment": True,
    "options": {"width": 4, "blocks": 1},
}  # fmt: skip


def taught(pictures: Path, output: Path, teacher: Path, epochs: int = 2, **more: Any) -> ModelCard:
    config = DistillConfig(features="auto", **{"alpha": 0, "beta": 5.0, **more.pop("distill", {})})
    return tflconv.train(
        dataset=str(pictures), output=output, epochs=epochs, teacher=teacher, distill=config,
        **STUDENT, **more,
    )  # fmt: skip


def apart(student: Path, teacher: Path, layer: str, pictures: Path) -> float:
    """How unlike the features of both are where they look: the loss of attention."""
    theirs, own = (open_once(path).source.model for path in (teacher, student))
    lesson = Features(
        theirs, own, [LayerPair(teacher="end", student=layer)], "attention",
        adapted=between(NAMED["-1..1"], NAMED["0..1"]),
    )  # fmt: skip
    images = data.load(str(pictures), resolution=8).test.images
    inputs = tf.constant(NAMED["-1..1"].apply(images))
    _, *seen = leaves(lesson.watched(inputs, training=False))
    return float(lesson.loss(inputs, seen))


def test_a_training_learns_from_features_and_the_card_tells_the_layers(
    saved: tuple[Path, Path], pictures: Path, tmp_path: Path
) -> None:
    _, teacher = saved
    card = taught(pictures, tmp_path / "s.keras", teacher, 8, distill={"feature_loss": "attention"})
    told = card.training["distill"]
    assert isinstance(told, dict)
    assert (told["features"], told["feature_loss"], told["beta"]) == ("auto", "attention", 5.0)
    (pair,) = told["layers"]
    assert (pair["teacher"], pair["projected"]) == ("end", False)
    weights = open_once(tmp_path / "s.keras").source.model.get_weights()
    tflconv.train(dataset=str(pictures), output=tmp_path / "alone.keras", epochs=8, **STUDENT)
    alone = open_once(tmp_path / "alone.keras").source.model.get_weights()
    assert [each.shape for each in weights] == [each.shape for each in alone]
    near, far = (
        apart(tmp_path / f"{name}.keras", teacher, pair["student"], pictures)
        for name in ("s", "alone")
    )
    assert near < far / 2


def test_an_interrupted_training_keeps_its_projections(
    saved: tuple[Path, Path], pictures: Path, tmp_path: Path
) -> None:
    _, teacher = saved
    whole, cut = tmp_path / "whole" / "s.keras", tmp_path / "cut" / "s.keras"
    for path in (whole, cut):
        path.parent.mkdir()
    card = taught(pictures, whole, teacher)
    assert card.training["distill"]["layers"][0]["projected"]  # type: ignore[index,call-overload]

    def stop(event: Any) -> None:
        if event.message.startswith("epoch 1 "):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        taught(pictures, cut, teacher, progress=stop)
    taught(pictures, cut, teacher)
    assert cut.read_bytes() == whole.read_bytes()


def test_a_teacher_of_other_classes_teaches_features_alone(
    kit: Any, pictures: Path, tmp_path: Path
) -> None:
    """With no share of its answers in the loss it is not asked for them."""
    teacher = tmp_path / "teacher.keras"
    stages(kit, (6, 12)).save(teacher)
    embed_card(teacher, ModelCard(model="m", labels=("cat", "dog"), input_shape=(8, 8, 3),
                                  normalization=NAMED["caffe"]))  # fmt: skip
    said: list[str] = []
    taught(pictures, tmp_path / "s.keras", teacher, 1, progress=lambda e: said.append(e.message))
    assert not any("asking" in text for text in said)
    with pytest.raises(UsageError, match="was trained for other classes"):
        taught(pictures, tmp_path / "s.keras", teacher, 1, distill={"alpha": 0.5})


def test_inputs_are_brought_to_another_normalization() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype(np.float32)
    for first, other in (("-1..1", "caffe"), ("caffe", "0..1"), ("caffe", "caffe")):
        found = between(NAMED[first], NAMED[other])(tf.constant(NAMED[first].apply(pixels)))
        np.testing.assert_allclose(found, NAMED[other].apply(pixels), atol=1e-4)


@pytest.mark.parametrize("name", ["logits.npy", "teacher.tflite"])
def test_a_teacher_without_layers_is_refused(name: str, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(UsageError, match="shows no layers of Keras"):
        taught(pictures, tmp_path / "s.keras", tmp_path / name)


@pytest.mark.parametrize("said", [{"beta": 2.0}, {"feature_loss": "attention"}])
def test_words_about_features_without_any_are_refused(said: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="no features are named"):
        DistillConfig(**said)
