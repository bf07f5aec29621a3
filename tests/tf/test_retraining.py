"""Training for int8 as a user meets it: by command, in a plan, and refused with a reason."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tflconv
from tflconv import cli, data
from tflconv.compression import QatConfig, qat_tfmot
from tflconv.core.progress import Progress, silent
from tflconv.core.store import Store
from tflconv.core.tensorflow import keras2
from tflconv.errors import TflconvError
from tflconv.model.card import require_card
from tflconv.model.interpreter import Interpreter
from tflconv.model.normalization import NAMED
from tflconv.pipeline import plan
from tflconv.pipeline.plan import Plan
from tflconv.pipeline.stages import prepare
from tflconv.pipeline.study_model import StudyModel
from tflconv.tflite import editing, packing

keras = pytest.importorskip("keras", minversion="3")

RECIPE = "qat_static_wi8_ai8"
SHAPE = (28, 28, 1)

PLAN = """
name = "tiny"
dataset = "{pictures}"
resolution = 8
recipes = ["static_wi8_ai8", "qat_static_wi8_ai8"]
rewrite = "as-is"

[calibration]
count = 8

[qat]
epochs = 1
batch_size = 16

[[models]]
model = "vit_int8"
options = {{ dim = 16, depth = 1, heads = 2, stem = 8 }}
training = {{ epochs = 1, batch_size = 16 }}
"""


def classifier(library: Any, *inside: Any, classes: int = 10, last: str = "softmax") -> Any:
    """A small network with the layers ``inside``."""
    layers = library.layers
    picture = layers.Input(SHAPE, name="picture")
    x = layers.Conv2D(8, 3, strides=4, use_bias=False)(picture)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.5)(x))
    for layer in inside:
        x = layer(x)
    x = layers.Flatten()(x)
    return library.Model(picture, layers.Dense(classes, activation=last, name="scores")(x))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A Keras 3 file."""
    keras.utils.set_random_seed(0)
    classifier(keras).save(tmp_path / "own.keras")
    return tmp_path / "own.keras"


def convert(*arguments: object, recipe: str = RECIPE) -> int:
    """Exit code of ``tflconv convert`` for a model trained on 0..1."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["convert", *map(str, arguments), "--recipe", recipe, "--normalize", "0..1"])
    return int(ended.value.code or 0)


def operators(path: Path) -> list[str]:
    return [name for _, _, name in editing.operators(packing.unpack(path.read_bytes()))]


@pytest.mark.parametrize("engine", ["tflconv", "tfmot"])
def test_a_command_trains_and_writes_integers(
    engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = keras if engine == "tflconv" else keras2
    library.utils.set_random_seed(0)
    classifier(library).save(tmp_path / "own.keras")
    settings = ["--qat-epochs", 3, "--qat-learning-rate", 0.01, "--qat-engine", engine]
    assert convert(tmp_path / "own.keras", "--dataset", "mnist-sample", *settings) == 0
    lines = capsys.readouterr().err.splitlines()
    losses = [float(line.split()[-1]) for line in lines if line.startswith("qat: epoch")]
    assert len(losses) == 3
    assert losses[-1] < 0.6 < losses[0]
    made = tmp_path / f"own-{RECIPE}.tflite"
    assert editing.float_operators(packing.unpack(made.read_bytes())) == []
    test = data.load("mnist-sample").test
    inputs = np.asarray(test.images, np.float32) / 255
    assert (Interpreter(made).predict(inputs).argmax(1) == test.labels).mean() > 0.85
    card = require_card(made)
    assert card.recipe == RECIPE
    assert card.calibration is None
    assert card.training["qat"]["engine"] == engine
    assert card.training["qat"]["dataset"] == "mnist-sample"
    assert len(card.labels) == 10


def test_a_live_keras_3_model_that_rescales_its_pixels(tmp_path: Path) -> None:
    layers = keras.layers
    picture = layers.Input(SHAPE)
    scaled = layers.Rescaling(1 / 127.5, offset=-1)(picture)
    x = layers.Conv2D(4, 3, strides=4, padding="same", activation="relu")(scaled)
    scores = layers.Dense(10, activation="softmax")(layers.Flatten()(x))
    settings = QatConfig(epochs=1, batch_size=100, learning_rate=0.01)
    (made,) = tflconv.convert(
        keras.Model(picture, scores, name="tflconv"),
        [RECIPE],
        tmp_path,
        dataset="mnist-sample",
        qat=settings,
    )
    assert editing.float_operators(packing.unpack(made.read_bytes())) == []
    assert require_card(made).normalization == NAMED["in-model"]
    test = data.load("mnist-sample").test
    assert (Interpreter(made).predict(test.images).argmax(1) == test.labels).mean() > 0.5


def test_the_softmax_stays_unless_the_graph_may_change(saved: Path) -> None:
    settings = ["--dataset", "mnist-sample", "--qat-epochs", 1]
    assert convert(saved, *settings) == 0
    assert operators(saved.parent / f"own-{RECIPE}.tflite")[-1] == "SOFTMAX"
    assert convert(saved, *settings, "--rewrite", "optimized") == 0
    assert "SOFTMAX" not in operators(saved.parent / f"own-{RECIPE}.tflite")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "name a dataset"),
        (["--dataset", "no-such-set"], 2, "no-such-set"),
        (["--dataset", "mnist-sample", "--qat-epochs", "0"], 2, "epochs must be at least 1"),
        (["--dataset", "mnist-sample", "--qat-engine", "tfmot"], 1, "not a Keras 2 model"),
    ],
)
def test_what_is_missing_is_one_message(
    saved: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
) -> None:
    assert convert(saved, *arguments) == code
    told = capsys.readouterr().err
    assert says in told
    assert "Traceback" not in told
    assert list(saved.parent.iterdir()) == [saved]


def retrain(model: Any, **settings: Any) -> None:
    """Convert by a recipe that trains first; an epoch of that training fails the test."""

    def progress(event: Progress) -> None:
        assert "epoch" not in event.message

    with tempfile.TemporaryDirectory() as folder:
        tflconv.convert(
            model,
            [RECIPE],
            folder,
            dataset="mnist-sample",
            normalize="0..1",
            qat=QatConfig(**settings),
            progress=progress,
        )


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        (keras.layers.ConvLSTM1D, r"conv.* \(ConvLSTM1D\)"),
        (keras.layers.Conv2DTranspose, r"layer 'conv2d_transpose.*' \(Conv2DTranspose\)"),
    ],
)
def test_a_layer_that_cannot_be_trained_is_named(layer: Any, says: str) -> None:
    if layer is keras.layers.ConvLSTM1D:
        inside = [keras.layers.Reshape((7, 7, 8)), layer(4, 3)]
    else:
        inside = [layer(4, 3)]
    with pytest.raises(TflconvError, match=says) as raised:
        retrain(classifier(keras, *inside))
    assert "docs/qat.md lists those that can be trained" in str(raised.value.hint)


def test_what_no_integer_file_can_hold_is_told_before_the_training() -> None:
    with pytest.raises(TflconvError, match=r"in float"):
        retrain(classifier(keras, keras.layers.LayerNormalization()))


def test_a_layer_that_tfmot_refuses_is_named_and_our_own_offered() -> None:
    normal = keras2.layers.LayerNormalization(name="norm")
    with pytest.raises(TflconvError, match=r"'norm' \(LayerNormalization\)") as raised:
        retrain(classifier(keras2, normal), engine="tfmot")
    assert 'qat=QatConfig(engine="tflconv")' in str(raised.value.hint)


def test_a_model_inside_of_a_model_is_too_much_for_tfmot() -> None:
    inner = keras2.Sequential([keras2.layers.Conv2D(4, 1, input_shape=(7, 7, 8))])
    with pytest.raises(TflconvError, match="inside another") as raised:
        retrain(classifier(keras2, inner), engine="tfmot")
    assert 'qat=QatConfig(engine="tflconv")' in str(raised.value.hint)


def test_labels_say_what_the_outputs_stand_for(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model whose outputs are in another order than the folders of the pictures."""
    keras.utils.set_random_seed(0)
    picture = keras.Input((8, 8, 3))
    brightness = keras.layers.Flatten()(keras.layers.AveragePooling2D(8)(picture))
    scores = keras.layers.Dense(3, kernel_initializer="zeros")(brightness)
    keras.Model(picture, scores).save(tmp_path / "shades.keras")
    labels = tmp_path / "labels.txt"
    settings = ["--dataset", pictures, "--labels", labels, "--qat-batch-size", 4]
    labels.write_text("light\nmedium\ndark\n")
    learning = ["--qat-epochs", 20, "--qat-learning-rate", 0.1]
    assert convert(tmp_path / "shades.keras", *settings, *learning) == 0
    made = Interpreter(tmp_path / f"shades-{RECIPE}.tflite")
    shades = np.array([0.1, 0.9], np.float32)[:, None, None, None] * np.ones((1, 8, 8, 3))
    assert list(made.predict(shades.astype(np.float32)).argmax(1)) == [2, 0]
    labels.write_text("light\nmedium\nblack\n")
    assert convert(tmp_path / "shades.keras", *settings) == 2
    assert "pictures of dark, which is none of the labels" in capsys.readouterr().err


def test_a_model_for_other_classes_is_told() -> None:
    with pytest.raises(TflconvError, match=r"the 10 classes of mnist-sample.*\[\[7\]\]"):
        retrain(classifier(keras, classes=7))


def test_a_model_that_tfmot_trained_elsewhere_converts_with_its_ranges(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = qat_tfmot.rounded(classifier(keras2))
    for weight in trained.weights:
        if weight.name.endswith(("output_min:0", "output_max:0")):
            weight.assign(-1.0 if "min" in weight.name else 3.0)
    trained.save(tmp_path / "theirs.h5")
    trained.save(tmp_path / "theirs.keras")
    assert convert(tmp_path / "theirs.h5", recipe="static_wi8_ai8") == 0
    made = packing.unpack((tmp_path / "theirs-static_wi8_ai8.tflite").read_bytes())
    assert editing.float_operators(made) == []
    found = [tensor.quantization for tensor in made.subgraphs[0].tensors]
    scales = [one.scale[0] for one in found if one is not None and one.scale is not None]
    assert np.isclose(scales, 4 / 255, rtol=1e-6).any()
    assert convert(tmp_path / "theirs.keras", recipe="static_wi8_ai8") == 1
    assert "Save the model as .h5" in capsys.readouterr().err


@pytest.mark.slow
def test_a_plan_compares_it_with_rounding_afterwards(pictures: Path, tmp_path: Path) -> None:
    planned = plan.parse(PLAN.format(pictures=pictures))
    store = Store(tmp_path)

    def built(planned: Plan) -> dict[str, int]:
        before = set(tmp_path.glob("*/*"))
        found = prepare(StudyModel(plan=planned, model=planned.models[0], store=store), silent)
        assert not found.failures, found.failures
        assert [one.model.recipe for one in found.candidates] == ["static_wi8_ai8", RECIPE]
        new = [entry.parent.name for entry in set(tmp_path.glob("*/*")) - before]
        return {stage: new.count(stage) for stage in new}

    once = {"train": 1, "reference": 1, "facts": 1, "qat": 1}
    assert built(planned) == once | {"convert": 2, "fidelity": 2, "verify": 2}
    assert built(planned) == {}
    assert built(replace(planned, qat=replace(planned.qat, epochs=2))) == {
        "qat": 1,
        "convert": 1,
        "fidelity": 1,
        "verify": 1,
    }
