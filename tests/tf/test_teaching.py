"""Students and teachers: they see the same pictures, and what is learned is worth it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tflconv
from tflconv import data
from tflconv.core.files import sha256_file
from tflconv.core.store import Store
from tflconv.core.tensorflow import keras2, tf
from tflconv.data import Dataset
from tflconv.errors import TflconvError, UsageError
from tflconv.model.card import ModelCard
from tflconv.model.normalization import NAMED
from tflconv.pipeline.teaching import TeacherAnswers, TeacherFile, as_logits
from tflconv.training.augmentation import Augmentation
from tflconv.training.config import DistillConfig, TrainConfig
from tflconv.training.course import Course
from tflconv.training.course import Teacher as Told
from tflconv.training.loop import train
from tflconv.training.saving import write_model
from tflconv.training.seeing import seen, targets
from tflconv.training.teaching import taught_loss
from tflconv.training.views import Batch, Views

OPTIONS = {"patch": 4, "dim": 8, "depth": 1, "heads": 2}
MIXING = TrainConfig(epochs=3, batch_size=16, mixup=0.4, cutmix=1.0, erasing=0.5, seed=4)


@pytest.fixture(scope="module")
def dataset(pictures: Path) -> Dataset:
    return data.load(pictures, resolution=8)


def echo(dataset: Dataset) -> Any:
    """A model whose scores are sums of what it sees, so that it tells what it saw."""
    keras2.utils.set_random_seed(0)
    shape = dataset.train.images.shape[1:]
    layers = [keras2.layers.Flatten(), keras2.layers.Dense(len(dataset.classes))]
    return keras2.Sequential([keras2.Input(shape), *layers])


def written(
    model: Any, dataset: Dataset, path: Path, labels: tuple[str, ...] | None = None
) -> Path:
    card = ModelCard(
        model="echo",
        labels=dataset.classes if labels is None else labels,
        input_shape=dataset.train.images.shape[1:],
        normalization=NAMED["-1..1"],
    )
    write_model(path, model, card)
    return path


def teacher(path: Path, dataset: Dataset, config: TrainConfig, store: Path) -> TeacherAnswers:
    views = Views.of(config, dataset.card.augmentation)
    return TeacherAnswers(TeacherFile(path=path), dataset, views, Store(store))


def test_teacher_and_student_see_the_same_pictures_bit_by_bit(
    dataset: Dataset, tmp_path: Path
) -> None:
    """The teacher's stored answers are those to the very pictures of each batch."""
    model = echo(dataset)
    asked = teacher(written(model, dataset, tmp_path / "echo.keras"), dataset, MIXING, tmp_path)
    told = Told(name="echo", sha256=None, config=DistillConfig(views=2), teach=asked.logits)
    course = Course(dataset, MIXING, told)
    for epoch in range(3):
        for batch in course.batches(epoch):
            inputs = NAMED["-1..1"].apply(seen(batch).numpy())
            expected = model(inputs).numpy().astype(np.float16)
            np.testing.assert_allclose(batch.logits, expected, rtol=2e-3, atol=2e-3)
            wrong = np.roll(batch.logits, 1, axis=0)
            assert np.abs(wrong - expected).max() > 0.1


def test_a_picture_is_seen_alike_in_any_batch(dataset: Dataset) -> None:
    view = Views.of(MIXING, {"shift": 2, "rotate": 20, "flip": True}).draw(
        7, len(dataset.train), (8, 8)
    )
    whole = seen(view.batch(dataset.train, np.arange(len(dataset.train)))).numpy()
    chosen = np.random.default_rng(0).permutation(len(dataset.train))[:11]
    compiled = tf.function(lambda tensors: seen(Batch(**tensors)))
    for function in (lambda tensors: seen(Batch(**tensors)), compiled):
        some = function(view.batch(dataset.train, chosen).tensors()).numpy()
        np.testing.assert_array_equal(some, whole[chosen])


def test_answers_are_kept_and_views_come_again(dataset: Dataset, tmp_path: Path) -> None:
    path = written(echo(dataset), dataset, tmp_path / "echo.keras")
    first = teacher(path, dataset, MIXING, tmp_path / "store").logits(1)
    entries = list((tmp_path / "store" / "teacher").iterdir())
    again = teacher(path, dataset, MIXING, tmp_path / "store").logits(1)
    np.testing.assert_array_equal(first, again)
    assert first.dtype == np.float16
    assert list((tmp_path / "store" / "teacher").iterdir()) == entries
    teacher(path, dataset, MIXING, tmp_path / "store").logits(2)
    assert len(list((tmp_path / "store" / "teacher").iterdir())) == 2


def test_mixup_cutmix_and_erasing_do_what_their_papers_say() -> None:
    black, white = np.zeros((1, 4, 4, 1), np.uint8), np.full((1, 4, 4, 1), 200, np.uint8)
    maps = Augmentation.none().maps(1, (4, 4), np.random.default_rng(0))
    nothing = np.zeros((1, 4), np.int32)
    box = np.array([[0, 1, 2, 4]], np.int32)

    def batch(**given: Any) -> Batch:
        return Batch(pixels=black, labels=np.array([0]), maps=maps, **given)

    other = (white, np.array([2]), maps)
    share = np.array([0.25], np.float32)
    mixed = batch(partners=other, share=share, boxes=nothing)
    np.testing.assert_allclose(seen(mixed), np.full((1, 4, 4, 1), 150))
    np.testing.assert_allclose(targets(mixed, 3), [[0.25, 0, 0.75]])
    np.testing.assert_allclose(targets(mixed, 3, 0.3), [[0.275, 0.1, 0.625]], atol=1e-6)
    cut = seen(batch(partners=other, share=share, boxes=box)).numpy()[0, :, :, 0]
    expected = np.zeros((4, 4))
    expected[0:2, 1:4] = 200
    np.testing.assert_array_equal(cut, expected)
    half = np.concatenate([black[:, :2], white[:, 2:]], axis=1)
    erased = seen(Batch(pixels=half, labels=np.array([0]), maps=maps, erased=box)).numpy()
    expected[:2], expected[2:] = 0, 200
    expected[0:2, 1:4] = 100
    np.testing.assert_array_equal(erased[0, :, :, 0], expected)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (DistillConfig(targets="hard"), 0.693147),  # ln 2: the student has no opinion
        (DistillConfig(temperature=1.0), 0.130812),  # KL of (0.75, 0.25) from (0.5, 0.5)
        (DistillConfig(temperature=2.0), 4 * 0.036341),  # of (0.633975, 0.366025)
    ],
)
def test_the_loss_on_a_teacher_is_that_of_the_papers(
    config: DistillConfig, expected: float
) -> None:
    logits = np.log([[0.75, 0.25]]).astype(np.float32)
    loss = float(taught_loss(tf.constant(logits), tf.zeros((1, 2)), config))
    assert loss == pytest.approx(expected, abs=2e-5)
    assert float(taught_loss(tf.constant(logits), tf.constant(logits), config)) == pytest.approx(
        0.0 if config.targets == "soft" else 0.287682, abs=1e-5
    )


def mislabelled(dataset: Dataset, share: float) -> Dataset:
    """The same pictures, of which a ``share`` of those to train with has another label."""
    labels = dataset.train.labels.copy()
    wrong = np.random.default_rng(0).random(len(labels)) < share
    labels[wrong] = (labels[wrong] + 1) % len(dataset.classes)
    splits = {**dataset.splits, "train": replace(dataset.train, labels=labels)}
    reading = replace(dataset.reading, splits=splits)
    return replace(dataset, read=lambda: reading)


@pytest.mark.parametrize("targets", ["soft", "hard"])
def test_a_taught_student_is_better_where_labels_are_wrong(
    targets: Any, dataset: Dataset, tmp_path: Path
) -> None:
    """With 70 of 100 labels wrong, labels teach the wrong thing, and the teacher the right one."""
    bad = mislabelled(dataset, 0.7)
    config = TrainConfig(epochs=6, batch_size=16, learning_rate=0.01, augment=False)
    oracle = written(knowing(dataset), dataset, tmp_path / "oracle.keras")
    asked = teacher(oracle, bad, config, tmp_path)
    distill = DistillConfig(targets=targets, alpha=1.0)
    told = Told(name="oracle", sha256=asked.sha256, config=distill, teach=asked.logits)
    alone, taught = (
        train(bad, "vit", config, tmp_path / "student.keras", options=OPTIONS, teacher=each)
        for each in (None, told)
    )
    assert taught.metrics["validation_accuracy"] > 0.9
    assert alone.metrics["validation_accuracy"] < 0.6
    assert taught.training["distill"]["teacher_sha256"] == asked.sha256  # type: ignore[index,call-overload]


def knowing(dataset: Dataset) -> Any:
    """A model that tells the classes apart by their mean brightness, and is right."""
    images, labels = dataset.train.images, dataset.train.labels
    means = NAMED["-1..1"].apply(images).mean((1, 2, 3))
    centers = np.array([means[labels == n].mean() for n in range(len(dataset.classes))])
    model = echo(dataset)
    size = int(np.prod(images.shape[1:]))
    kernel = np.tile(20 * centers, (size, 1)).astype(np.float32) / size
    model.set_weights([kernel, (-10 * centers**2).astype(np.float32)])
    return model


def test_teachers_are_files_of_any_kind(dataset: Dataset, tmp_path: Path) -> None:
    path = written(echo(dataset), dataset, tmp_path / "echo.keras")
    (lite,) = tflconv.convert(path, ["fp32"], tmp_path)
    answers = [
        teacher(file, dataset, MIXING, tmp_path).logits(3).astype(np.float32)
        for file in (path, lite)
    ]
    np.testing.assert_allclose(*answers, atol=5e-3)


def test_columns_are_in_the_order_of_the_pictures_classes(dataset: Dataset, tmp_path: Path) -> None:
    model, classes = echo(dataset), dataset.classes
    straight = written(model, dataset, tmp_path / "straight.keras")
    turned = written(model, dataset, tmp_path / "turned.keras", classes[::-1])
    first, second = (teacher(p, dataset, MIXING, tmp_path).logits(0) for p in (straight, turned))
    np.testing.assert_array_equal(first, second[:, ::-1])


def test_a_teacher_of_other_classes_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    names = ("cat", *dataset.classes[1:])
    path = written(echo(dataset), dataset, tmp_path / "cats.keras", names)
    with pytest.raises(UsageError, match="was trained for other classes"):
        teacher(path, dataset, MIXING, tmp_path).logits(0)


def test_a_teacher_of_other_pictures_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    path = written(echo(dataset), dataset, tmp_path / "echo.keras")
    larger = data.load(dataset.name if Path(dataset.name).exists() else "mnist-sample")
    with pytest.raises(UsageError, match="and the student sees"):
        teacher(path, larger, MIXING, tmp_path).logits(0)


def test_clean_logits_are_refused_with_augmented_pictures(dataset: Dataset, tmp_path: Path) -> None:
    count = len(dataset.train), len(dataset.classes)
    file = tmp_path / "clean.npy"
    np.save(file, np.random.default_rng(0).normal(size=count).astype(np.float32))
    plain = TrainConfig(augment=False)
    for config in (TrainConfig(augment=False, mixup=0.2), TrainConfig(augment=False, erasing=0.5)):
        with pytest.raises(UsageError, match="said about pictures as they are"):
            teacher(file, dataset, config, tmp_path)
    taken = teacher(file, dataset, plain, tmp_path).logits(5)
    np.testing.assert_allclose(taken, np.load(file), rtol=1e-3)
    np.save(file, np.zeros((3, 2)))
    with pytest.raises(UsageError, match=r"is \[3, 2\]; .* needs"):
        teacher(file, dataset, plain, tmp_path).logits(0)


def test_probabilities_become_logits_and_logits_stay() -> None:
    logits = np.array([[2.0, -1.0, 0.5]], np.float32)
    probabilities = np.exp(logits) / np.exp(logits).sum()
    back = as_logits(probabilities)
    np.testing.assert_allclose(back - back.max(), logits - logits.max(), atol=1e-5)
    np.testing.assert_array_equal(as_logits(logits), logits)
    two = as_logits(np.array([[0.8]], np.float32))
    np.testing.assert_allclose(two, np.log([[0.2, 0.8]]), rtol=1e-5)


def test_a_taught_training_is_told_in_the_card_and_ends_alike_again(
    pictures: Path, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path / "cache"))
    oracle = written(knowing(dataset), dataset, tmp_path / "oracle.keras")
    outputs = [tmp_path / name / "vit.keras" for name in ("first", "again")]
    for output in outputs:
        output.parent.mkdir()
        card = tflconv.train(
            "vit", str(pictures), output, resolution=8, options=OPTIONS, epochs=3, batch_size=16,
            mixup=0.2, erasing=0.3, teacher=oracle, distill=DistillConfig(views=2),
        )  # fmt: skip
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    assert card.training["distill"] == {
        "teacher": "oracle.keras", "teacher_sha256": sha256_file(oracle),
        "targets": "soft", "temperature": 2.0, "alpha": 0.9, "views": 2,
        "features": "", "feature_loss": "fitnets", "beta": 1.0,
    }  # fmt: skip
    assert len(list((tmp_path / "cache" / "teachers" / "teacher").iterdir())) == 2
    with pytest.raises(TflconvError, match="no model at"):
        tflconv.train("vit", str(pictures), outputs[0], teacher=tmp_path / "gone.keras")
