"""Trainings that start from weights: taken over by layer, frozen at first, resumed alike."""

from __future__ import annotations

import functools
import http.server
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

import tflconv
from fakes.servers import Quiet, serving
from tflconv import data, models
from tflconv.compression import PruneConfig, finetune
from tflconv.compression.config import FinetuneConfig
from tflconv.compression.examples import Examples
from tflconv.compression.fine_tuning import fine_tune
from tflconv.compression.head import renewed
from tflconv.core.files import sha256_file
from tflconv.core.tensorflow import keras2, keras3
from tflconv.errors import TflconvError, UsageError
from tflconv.model.card import ModelCard, require_card
from tflconv.model.normalization import NAMED
from tflconv.model.opening import open_model
from tflconv.network.keras.opened import open_once
from tflconv.training import TrainConfig
from tflconv.training.course import StartingWeights
from tflconv.training.learner import Learner
from tflconv.training.saving import write_model
from tflconv.training.starting import take_over
from tflconv.training.thawing import Thawing, TrainableLayers, weighted
from tflconv.training.views import Batch

SMALL = {"width": 4, "blocks": 1}
CLASSES = ("cat", "dog", "owl")


def network(classes: int = 3, side: int = 8, seed: int = 0, **options: Any) -> Any:
    keras2.utils.set_random_seed(seed)
    return models.build("resnet", (side, side, 3), classes, **{**SMALL, **options})


def written(path: Path, labels: tuple[str, ...] = CLASSES, **options: Any) -> StartingWeights:
    """A file of a trained network."""
    card = ModelCard(
        model="resnet",
        labels=labels,
        input_shape=(8, 8, 3),
        normalization=NAMED["-1..1"],
        resize="stretch",
    )
    write_model(path, network(len(labels), seed=1, **options), card)
    return StartingWeights(name=path.name, path=path, sha256=sha256_file(path))


def values(model: Any) -> dict[str, list[Any]]:
    return {layer.name: layer.get_weights() for layer in weighted(model)}


def same(one: list[Any], other: list[Any]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_all_layers_are_taken_over_but_a_head_of_other_classes(tmp_path: Path) -> None:
    start = written(tmp_path / "a.keras")
    theirs = values(network(seed=1))
    for classes, side, new in (
        (CLASSES, 16, ()),
        (("owl", "dog", "cat"), 8, ("logits",)),
        (("car", "bus"), 8, ("logits",)),
    ):
        model = network(len(classes), side)
        first = values(model)
        assert take_over(model, start, classes) == new
        for name, found in values(model).items():
            assert same(found, (first if name in new else theirs)[name]), name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"width": 8},
            r"layer 'stem' has weights of \[\[3, 3, 3, 8\]\] there",
        ),
        ({"blocks": 2}, "it has a layer 'stage0_1_first', which the network lacks"),
        ({"first_blocks": 0}, "it has no layer 'stage0_0_first'"),
    ],
)
def test_another_network_is_refused_by_the_layer_that_does_not_fit(
    options: dict[str, int], message: str, tmp_path: Path
) -> None:
    start, model = written(tmp_path / "a.keras", **options), network()
    first = values(model)
    with pytest.raises(UsageError, match=message):
        take_over(model, start, CLASSES)
    assert all(same(found, first[name]) for name, found in values(model).items())


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.keras").write_text("weights")
    network().save_weights(tmp_path / "only.h5")
    for name, message in (("text.keras", "neither a .keras nor"), ("only.h5", "weights only")):
        start = StartingWeights(name=name, path=tmp_path / name, sha256="")
        with pytest.raises(TflconvError, match=message):
            take_over(network(), start, CLASSES)


def learner(thawing: Thawing) -> Learner:
    """Of a network with four layers under its head."""
    keras2.utils.set_random_seed(0)
    layers = keras2.layers
    x = pixels = layers.Input((8, 8, 3))
    for name in ("one", "two"):
        x = layers.Conv2D(4, 3, use_bias=False, name=name)(x)
        x = layers.BatchNormalization(name=f"{name}_norm")(x)
    scores = layers.Dense(3, name="logits")(layers.GlobalAveragePooling2D()(x))
    model = keras2.Model(pixels, scores)
    return Learner(model, TrainConfig(), NAMED["-1..1"], layers=TrainableLayers(model, thawing))


def stepped(taught: Learner, epoch: int) -> dict[str, list[Any]]:
    draw = np.random.default_rng(epoch)
    maps = np.tile(np.array([1, 0, 0, 0, 1, 0, 0, 0], np.float32), (6, 1))
    pixels = draw.integers(0, 256, (6, 8, 8, 3), np.uint8)
    taught.enter(epoch)
    taught.step(Batch(pixels=pixels, labels=np.arange(6) % 3, maps=maps), 0.01, 0.5)
    return values(taught.model)


def test_layers_join_from_the_head_backwards_and_a_resumed_training_goes_on_alike() -> None:
    thawing = Thawing(freeze_epochs=1, unfreeze_epochs=1)
    whole, first = learner(thawing), learner(thawing)
    before = values(whole.model)
    names = list(before)
    moved = []
    for epoch in range(3):
        after = stepped(whole, epoch)
        moved.append([name for name in names if not same(before[name], after[name])])
        before = after
    assert moved[0] == ["logits"], "BatchNormalization keeps its statistics, too"
    assert moved[1] == ["two", "two_norm", "logits"]
    assert moved[2] == ["one", "one_norm", "two", "two_norm", "logits"]
    stepped(first, 0)
    second = learner(thawing)
    second.restore(first.values())
    for epoch in (1, 2):
        stepped(second, epoch)
    assert same(second.values(), whole.values())


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    for name in ("bus", "car"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(12):
            pixels = draw.integers(0, 256, (8, 8, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


def test_a_download_is_checked_taken_and_kept(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path / "cache"))
    start = written(tmp_path / "a.keras")

    def train(address: str, sha256: str | None) -> ModelCard:
        return tflconv.train(
            "resnet", pictures, tmp_path / "b.keras", options=SMALL, epochs=1, batch_size=8,
            resolution=8, weights=address, weights_sha256=sha256, freeze_epochs=1,
        )  # fmt: skip

    class Files(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    server = Quiet(("127.0.0.1", 0), functools.partial(Files, directory=str(tmp_path)))
    with serving(server) as host:
        address = f"{host}/a.keras"
        with pytest.raises(UsageError, match="only if its hash is known"):
            train(address, None)
        with pytest.raises(TflconvError, match=f"its sha256 is {start.sha256}, expected 0000"):
            train(address, "0" * 64)
        with pytest.raises(TflconvError, match="the server says 404"):
            train(f"{address}x", "0" * 64)
        assert not list((tmp_path / "cache").glob("weights/*"))
        card = train(address, start.sha256)
    assert card.training["weights"] == {"file": address, "sha256": start.sha256}
    assert card.training["freeze_epochs"] == 1
    (kept,) = (tmp_path / "cache" / "weights").iterdir()
    assert sha256_file(kept) == start.sha256
    kept.write_bytes(b"damaged")
    with pytest.raises(TflconvError, match="cannot fetch"):
        train(address, start.sha256)
    with pytest.raises(TflconvError, match="has the sha256"):
        train(str(start.path), "0" * 64)
    assert not list(tmp_path.glob("*.state"))


@pytest.mark.parametrize("kit", [keras2, keras3()], ids=["keras2", "keras3"])
def test_the_step_finetune_freezes_layers_of_any_model(kit: Any) -> None:
    kit.utils.set_random_seed(0)
    inner = kit.Sequential([kit.Input((4,)), kit.layers.Dense(4, name="one")])
    still = kit.layers.Dense(4, name="still", trainable=False)
    model = kit.Sequential([kit.Input((4,)), inner, still, kit.layers.Dense(3, name="head")])
    inputs = np.random.default_rng(0).random((12, 4), np.float32)
    examples = Examples(images=inputs, labels=np.arange(12) % 3)
    first, after = values(model), []
    layers = TrainableLayers(model, Thawing(freeze_epochs=1))
    fine_tune(
        model,
        examples,
        FinetuneConfig(epochs=2, batch_size=6, augment=False, warmup_ratio=0.0),
        layers=layers,
        progress=lambda event: after.append(values(model)) if event.message else None,
    )
    layers.leave()
    moved = [{name for name in first if not same(first[name], each[name])} for each in after]
    assert moved == [{"head"}, {"head", "one"}]
    assert [layer.name for layer in weighted(model) if layer.trainable] == ["one", "head"]


def small(kit: Any, seed: int, classes: int = 3, side: int = 2) -> Any:
    kit.utils.set_random_seed(seed)
    layers = [kit.layers.Conv2D(2, 1, name="one"), kit.layers.BatchNormalization(name="norm")]
    head = [kit.layers.Flatten(), kit.layers.Dense(classes, name="head")]
    return kit.Sequential([kit.Input((side, side, 3)), *layers, *head])


@pytest.mark.parametrize("kit", [keras2, keras3()], ids=["keras2", "keras3"])
def test_the_step_finetune_begins_with_weights_of_keras(kit: Any, tmp_path: Path) -> None:
    path = tmp_path / "only.h5"
    theirs = small(keras2, 1, classes=5)
    theirs.save_weights(path)
    model = small(kit, 2)
    head = values(model)["head"]
    with pytest.warns(UserWarning, match="does not fit 1 of 3 layers, .*: head"):
        finetune._begin_with(path, model)
    after = values(model)
    assert same(after["head"], head)
    for name in ("one", "norm"):
        assert same(after[name], values(theirs)[name])


def test_a_file_of_weights_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    model, path = small(keras2, 1), tmp_path / "only.h5"
    first = values(model)
    network().save_weights(path)
    with pytest.raises(UsageError, match="does not fit: it has no layer with the name"):
        finetune._begin_with(path, model)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(TflconvError, match=r"damaged|cannot read"):
        finetune._begin_with(path, model)
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["one"]
        file["one"] = h5py.ExternalLink("elsewhere.h5", "/one")
    with pytest.raises(TflconvError, match="is a link to somewhere else"):
        finetune._begin_with(path, model)
    path.write_text("weights")
    with pytest.raises(TflconvError, match=r"is not an \.h5 file of weights"):
        finetune._begin_with(path, model)
    assert all(same(found, first[name]) for name, found in values(model).items())


@pytest.fixture
def shades(tmp_path: Path) -> Path:
    """Dark and light pictures."""
    draw = np.random.default_rng(0)
    for name, low in (("dark", 0), ("light", 156)):
        (tmp_path / "shades" / name).mkdir(parents=True)
        for number in range(40):
            pixels = draw.integers(low, low + 100, (8, 8, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "shades" / name / f"{number}.png")
    return tmp_path / "shades"


@pytest.mark.filterwarnings("ignore:.*is replaced by")
@pytest.mark.parametrize("frozen", [True, False])
def test_a_new_head_learns_other_classes(
    kit: Any, frozen: bool, shades: Path, tmp_path: Path
) -> None:
    """The last Dense is another one; all else begins with what it was, and may stay frozen."""
    source, made = tmp_path / "own.keras", tmp_path / "made.keras"
    model = small(kit, 1, classes=7, side=4)
    model.save(source)
    settings = FinetuneConfig(
        head="new", epochs=6, freeze_epochs=6 * frozen, batch_size=8, learning_rate=0.02,
        augment=False,
    )  # fmt: skip
    with pytest.warns(UserWarning, match="layer 'head' of own, with 7 classes, is replaced .* 2"):
        tflconv.compress(
            source, "finetune", made, dataset=str(shades), normalize="0..1", settings=settings
        )
    before, after = values(model), values(open_model(made).model)
    assert [w.shape[-1] for w in after["head"]] == [2, 2]
    assert same(before["norm"], after["norm"]) == same(before["one"], after["one"]) == frozen
    card = require_card(made)
    assert card.labels == ("dark", "light")
    dataset = data.load_for(card, str(shades))
    trained: Any = open_model(made).model
    scores = np.asarray(trained(card.normalization.apply(dataset.validation.images)))
    right = np.mean(scores.argmax(-1) == dataset.validation.labels)
    assert right > 0.9 or not frozen  # so few steps do not settle the statistics of a norm


def test_steps_behind_a_new_head_learn_its_classes_and_none_comes_before(
    kit: Any, pictures: Path, tmp_path: Path
) -> None:
    source, made = tmp_path / "own.keras", tmp_path / "made.keras"
    small(kit, 1, classes=7, side=4).save(source)
    said: dict[str, Any] = {
        "dataset": str(pictures), "normalize": "0..1",
        "settings": [FinetuneConfig(head="new", epochs=1), PruneConfig(epochs=1)],
    }  # fmt: skip
    with pytest.warns(UserWarning, match="is replaced by"):
        tflconv.compress(source, "finetune_prune50", made, **said)
    assert require_card(made).labels == ("bus", "car")
    with pytest.raises(UsageError, match="Let it be the first"):
        tflconv.compress(source, "prune50_finetune", tmp_path / "no.keras", **said)


def test_a_head_may_have_the_name_of_a_layer_of_an_inner_model(
    kit: Any, pictures: Path, tmp_path: Path
) -> None:
    """As in what Keras calls ``dense`` by itself, in the features and behind them."""
    pixels = kit.Input((8, 8, 3))
    wide = kit.layers.Dense(6, name="dense")(kit.layers.GlobalAveragePooling2D()(pixels))
    inner = kit.Model(pixels, wide, name="features")
    whole = kit.Input((8, 8, 3))
    model = kit.Model(whole, kit.layers.Dense(7, name="dense")(inner(whole)))
    settings = FinetuneConfig(head="new", epochs=1, freeze_epochs=1)
    with pytest.warns(UserWarning, match="layer 'dense' of .*, with 7 classes, is replaced"):
        made = tflconv.compress(
            model, "finetune", tmp_path / "made.keras", dataset=str(pictures), normalize="0..1",
            settings=settings,
        )  # fmt: skip
    kept, head = list(weighted(open_model(made).model))
    assert same(kept.get_weights(), inner.get_layer("dense").get_weights())
    assert head.get_weights()[0].shape == (6, 2)


def test_a_layer_that_is_only_called_dense_is_none(kit: Any) -> None:
    class Dense(kit.layers.Layer):  # type: ignore[misc, name-defined]
        units = 7

        def build(self, shape: Any) -> None:
            self.factor = self.add_weight(name="factor", shape=(shape[-1], 7))

        def call(self, values: Any) -> Any:
            return values @ self.factor

    entry = kit.Input((3,))
    model = kit.Model(entry, Dense(name="own")(entry))
    with pytest.raises(UsageError, match="is 'own', a Dense"):
        renewed(open_once(model), 2, seed=0)


def test_a_head_that_is_no_dense_is_refused(kit: Any, pictures: Path, tmp_path: Path) -> None:
    pixels = kit.Input((8, 8, 3))
    x = kit.layers.Conv2D(5, 1, name="scores")(pixels)
    model = kit.Model(pixels, kit.layers.GlobalAveragePooling2D()(x))
    with pytest.raises(UsageError, match="is 'scores', a Conv2D"):
        tflconv.compress(
            model, "finetune", tmp_path / "no.keras", dataset=str(pictures), normalize="0..1",
            settings=FinetuneConfig(head="new"),
        )  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*You are saving your model as an HDF5")
def test_a_network_of_keras_applications_gets_a_new_head(pictures: Path, tmp_path: Path) -> None:
    """A file that Keras wrote, with 1000 classes, and one of its weights."""
    keras2.utils.set_random_seed(1)
    theirs = keras2.applications.MobileNetV2((32, 32, 3), alpha=0.35, weights=None)
    theirs.save_weights(tmp_path / "weights.h5")
    bare = keras2.applications.MobileNetV2((32, 32, 3), alpha=0.35, weights=None)
    bare.save(tmp_path / "theirs.h5")
    settings = FinetuneConfig(
        head="new", weights=str(tmp_path / "weights.h5"), epochs=1, freeze_epochs=1, batch_size=32
    )
    with pytest.warns(UserWarning, match="is replaced by a new one") as warned:
        made = tflconv.compress(
            tmp_path / "theirs.h5", "finetune", dataset=str(pictures), normalize="-1..1",
            settings=settings,
        )  # fmt: skip
    said = " ".join(str(each.message) for each in warned)
    assert "layer 'predictions' of theirs, with 1000 classes, is replaced by a new one" in said
    assert "does not fit 1 of 105 layers, which begin with the weights of the model: pred" in said
    before, after = values(theirs), values(open_model(made).model)
    assert after.pop("predictions")[0].shape == (1280, 2)
    assert all(same(found, before[name]) for name, found in after.items())
