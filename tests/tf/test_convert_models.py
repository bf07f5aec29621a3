"""Models as people have them: Keras 2 and 3, files and live, SavedModels, and broken ones."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tflconv
from tflconv import cli, conversion, models, recipe, verification
from tflconv.conversion import FloatModel, description
from tflconv.conversion.calibration import Calibration
from tflconv.core.tensorflow import keras2, tf
from tflconv.errors import TflconvError, UsageError
from tflconv.model.interpreter import Interpreter
from tflconv.network.keras.opened import open_once
from tflconv.tflite import editing, packing, reading

keras = pytest.importorskip("keras", minversion="3")

RANDOM = np.random.default_rng(0)
VALUES = RANDOM.random((6, 8, 8, 1), dtype=np.float32)
CALIBRATION = Calibration.of_values("noise", VALUES)
INT8 = recipe.get("static_wi8_ai8")


def prepare(model: Any, *, resolution: int | None = None, code: Path | None = None) -> FloatModel:
    opened = open_once(model, custom_objects=code)
    return conversion.prepare(opened, resolution=resolution)


def classifier(library: Any, activation: str = "relu") -> Any:
    layers = library.layers
    picture = layers.Input((8, 8, 1), name="picture")
    features = layers.Conv2D(4, 3, activation=activation)(picture)
    features = layers.BatchNormalization()(features)
    pooled = layers.GlobalAveragePooling2D()(features)
    return library.Model(picture, layers.Dense(3, name="scores")(pooled))


def saved(name: str, folder: Path) -> tuple[Any, Path]:
    """A live model, and where it was saved as ``name`` says: ``2.keras``, ``3.h5``, ``3``."""
    model = classifier(keras2 if name.startswith("2") else keras)
    path = folder / name
    if path.suffix:
        model.save(path)
    elif name == "3":
        model.export(path, verbose=False)
    else:
        tf.saved_model.save(model, str(path))
    return model, path


def answers(ready: FloatModel, folder: Path) -> np.ndarray:
    path = folder / "float.tflite"
    path.write_bytes(ready.content)
    return Interpreter(path).predict(VALUES)


@pytest.mark.parametrize("name", ["2.keras", "2.h5", "2", "3.keras", "3.h5", "3"])
def test_every_kind_of_file_gives_the_answers_of_keras(name: str, tmp_path: Path) -> None:
    model, path = saved(name, tmp_path)
    ready = prepare(path)
    assert np.abs(answers(ready, tmp_path) - np.asarray(model(VALUES))).max() < 1e-5
    assert Interpreter(tmp_path / "float.tflite").inputs[0].shape == (1, 8, 8, 1)


@pytest.mark.parametrize("library", [keras2, keras], ids=["keras 2", "keras 3"])
def test_a_live_model_converts_without_being_saved(library: Any, tmp_path: Path) -> None:
    model = classifier(library)
    ready = prepare(model)
    assert np.abs(answers(ready, tmp_path) - np.asarray(model(VALUES))).max() < 1e-5


@pytest.mark.parametrize("library", [keras2, keras], ids=["keras 2", "keras 3"])
def test_a_sequential_model_converts_from_its_file(library: Any, tmp_path: Path) -> None:
    layers = library.layers
    model = library.Sequential(
        [layers.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3)]
    )
    model.save(tmp_path / "plain.keras")
    ready = prepare(tmp_path / "plain.keras")
    assert np.abs(answers(ready, tmp_path) - np.asarray(model(VALUES))).max() < 1e-5


def test_inputs_and_outputs_keep_their_names(tmp_path: Path) -> None:
    _, path = saved("2.keras", tmp_path)
    (signature,) = packing.unpack(prepare(path).content).signatureDefs
    assert [entry.name for entry in signature.inputs] == [b"picture"]
    assert [entry.name for entry in signature.outputs] == [b"scores"]


def test_full_int8_of_a_keras_3_file(tmp_path: Path) -> None:
    model, path = saved("3.keras", tmp_path)
    (made,) = tflconv.convert(path, [INT8.name], tmp_path, calibration=CALIBRATION)
    content = packing.unpack(made.read_bytes())
    assert editing.float_operators(content) == []
    found = Interpreter(made).predict(VALUES)
    assert np.abs(found - np.asarray(model(VALUES))).max() < 0.05


def test_several_inputs_convert_and_accuracy_says_what_it_needs(tmp_path: Path) -> None:
    first, second = keras.Input((4,), name="first"), keras.Input((4,), name="second")
    joined = keras.layers.Concatenate()([first, second])
    model = keras.Model({"first": first, "second": second}, keras.layers.Dense(2)(joined))
    samples = tmp_path / "samples.npz"
    values = RANDOM.random((2, 20, 4), dtype=np.float32)
    np.savez(samples, first=values[0], second=values[1])
    calibration = description.calibration(str(samples), None)
    (made,) = tflconv.convert(model, [INT8.name], tmp_path, calibration=calibration)
    interpreter = Interpreter(made)
    (scores,) = interpreter.run([values[0, :1], values[1, :1]])
    expected = np.asarray(model({"first": values[0, :1], "second": values[1, :1]}))
    assert np.abs(scores - expected).max() < 0.05
    with pytest.raises(UsageError, match=r"2 inputs .* accuracy needs a classifier"):
        interpreter.predict(VALUES)


def test_rescaling_inside_the_model_means_raw_pixels() -> None:
    picture = keras.Input((8, 8, 3))
    inside = keras.layers.Rescaling(1 / 127.5, offset=-1)(picture)
    scores = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(3, 3)(inside))
    ready = prepare(keras.Model(picture, scores))
    assert [text.split()[0] for text in ready.own_arithmetic] == ["Mul", "AddV2"]
    card = description.describe(ready, None)
    assert card is not None
    assert (card.normalization.mean, card.normalization.std) == ((0.0,), (1.0,))
    with pytest.warns(UserWarning, match="normalizes its input by itself"):
        description.describe(ready, None, normalize="-1..1")


@pytest.mark.parametrize(("name", "operator"), [("elu", "ELU"), ("log_softmax", "LOG_SOFTMAX")])
def test_what_the_quantizer_does_not_know_is_integer_nevertheless(
    name: str, operator: str, tmp_path: Path
) -> None:
    model = classifier(keras, activation=name)
    (made,) = tflconv.convert(model, [INT8.name], tmp_path, calibration=CALIBRATION)
    content = packing.unpack(made.read_bytes())
    assert operator in {kind for _, _, kind in editing.operators(content)}
    assert editing.float_operators(content) == []
    found = Interpreter(made).predict(VALUES)
    assert np.abs(found - np.asarray(model(VALUES))).max() < 0.05


def test_an_operator_that_has_no_integer_form_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        TflconvError, match=r"leaves 1 operator in float: SIN \([^)]*\)\."
    ) as raised:
        tflconv.convert(
            classifier(keras, activation=keras.ops.sin), [INT8.name], tmp_path,
            calibration=CALIBRATION,
        )  # fmt: skip
    assert "selective_wi8_ai8" in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_float_fallback_of_16_bit_activations_is_told(tmp_path: Path) -> None:
    chosen = recipe.get("static_wi8_ai16")
    with pytest.warns(UserWarning, match="in float: ELU"):
        (made,) = tflconv.convert(
            classifier(keras, activation="elu"), [chosen.name], tmp_path, calibration=CALIBRATION
        )
    assert Interpreter(made).predict(VALUES).shape == (6, 3)


def test_ranges_that_were_trained_are_used(tmp_path: Path) -> None:
    class FakeQuant(keras2.layers.Layer):
        def call(self, values: Any) -> Any:
            return tf.quantization.fake_quant_with_min_max_args(values, -4.0, 3.96875)

    picture = keras2.layers.Input((8, 8, 1))
    features = FakeQuant()(keras2.layers.Conv2D(4, 3)(FakeQuant()(picture)))
    scores = FakeQuant()(keras2.layers.Dense(3)(keras2.layers.Flatten()(features)))
    ready = prepare(keras2.Model(picture, scores))
    path = tmp_path / "trained.tflite"
    path.write_bytes(ready.make(INT8))
    made = Interpreter(path)
    assert (made.inputs[0].scale, made.outputs[0].scale) == (2**-5, 2**-5)
    with pytest.raises(UsageError, match="trained for int8"):
        ready.make(recipe.get("fp16"))


def test_an_operator_that_only_tensorflow_has_is_named() -> None:
    class Singular(keras.layers.Layer):
        def call(self, values: Any) -> Any:
            return tf.linalg.svd(values[..., 0])[0]

    picture = keras.Input((8, 8, 1))
    with pytest.raises(TflconvError, match="no operators for Svd"):
        prepare(keras.Model(picture, Singular()(picture)))


def test_a_free_resolution_must_be_said() -> None:
    picture = keras.Input((None, None, 3), name="picture")
    model = keras.Model(picture, keras.layers.GlobalAveragePooling2D()(picture))
    with pytest.raises(UsageError, match=r"'picture' .* no fixed shape"):
        prepare(model)
    assert prepare(model, resolution=16).input_shapes == [(16, 16, 3)]


def test_our_own_layers_are_known_to_a_fresh_process(tmp_path: Path) -> None:
    path = tmp_path / "vit.keras"
    models.build("vit", (28, 28, 1), 10, patch=7, dim=32, depth=1, heads=2).save(path)
    code = "import sys; from pathlib import Path; from tflconv.model.opening import open_model;"
    code += "open_model(Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, path], check=True, timeout=300)


CUSTOM = """
import keras
from pathlib import Path

Path(__file__).with_suffix(".ran").touch()

class Twice(keras.layers.Layer):
    def call(self, values):
        return values * 2
"""


def test_code_is_run_only_if_it_was_named(tmp_path: Path) -> None:
    code = tmp_path / "layers.py"
    code.write_text(CUSTOM)
    scope: dict[str, Any] = {"__file__": str(tmp_path / "elsewhere.py")}
    exec(CUSTOM, scope)
    picture = keras.Input((8, 8, 1))
    path = tmp_path / "custom.keras"
    keras.Model(picture, scope["Twice"]()(picture)).save(path)
    with pytest.raises(TflconvError, match="the code of 'Twice' is not in the file") as raised:
        prepare(path)
    assert "--custom-objects" in str(raised.value)
    assert not code.with_suffix(".ran").exists()
    assert prepare(path, code=code).outputs == [64]


@pytest.mark.parametrize("name", ["2.keras", "2.h5", "3.keras", "3.h5"])
def test_a_lambda_is_never_run(name: str, tmp_path: Path) -> None:
    library, path = keras2 if name.startswith("2") else keras, tmp_path / name
    picture = library.layers.Input((8, 8, 1))
    library.Model(picture, library.layers.Lambda(lambda values: values * 2)(picture)).save(path)
    with pytest.raises(TflconvError, match="it holds a Lambda layer, which is code") as raised:
        prepare(path)
    assert "the live model" in str(raised.value.hint)


def test_a_file_of_a_newer_keras_that_cannot_be_opened_names_both(tmp_path: Path) -> None:
    _, path = saved("3.keras", tmp_path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    config["config"]["layers"][1]["config"]["new_setting"] = True
    members["config.json"] = json.dumps(config).encode()
    newer = f"Keras 99.0.1 wrote it, and {keras.__version__} is installed"
    for version, told in (("99.0.1", newer), ("3.0", "could not be deserialized")):
        members["metadata.json"] = json.dumps({"keras_version": version}).encode()
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        with pytest.raises(TflconvError, match=told):
            prepare(path)


def test_a_model_that_takes_text_says_where_it_should_begin(tmp_path: Path) -> None:
    words, path = keras.Input((1,), dtype="string"), tmp_path / "text.keras"
    numbers = keras.layers.StringLookup(vocabulary=["a", "b"])(words)
    keras.Model(words, keras.layers.Embedding(4, 2)(numbers)).save(path)
    with pytest.raises(UsageError, match="is string; conversion takes float32") as raised:
        prepare(path)
    assert "StringLookup" in str(raised.value.hint)


def truncated(folder: Path) -> Path:
    _, path = saved("3.keras", folder)
    path.write_bytes(path.read_bytes()[:3000])
    return path


def damaged(folder: Path) -> Path:
    _, path = saved("3.keras", folder)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 300] = bytes(300)
    path.write_bytes(content)
    return path


def foreign(folder: Path) -> Path:
    path = folder / "foreign.keras"
    path.write_bytes(b"hello" * 100)
    return path


def archive(folder: Path) -> Path:
    path = folder / "archive.keras"
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("readme.txt", "hello")
    return path


def weights(folder: Path) -> Path:
    path = folder / "model.weights.h5"
    classifier(keras).save_weights(path)
    return path


def empty_folder(folder: Path) -> Path:
    path = folder / "empty"
    path.mkdir()
    return path


@pytest.mark.parametrize("make", [truncated, damaged, foreign, archive, weights, empty_folder])
def test_a_file_that_is_no_model_is_one_message(
    make: Callable[[Path], Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, output = make(tmp_path), tmp_path / "out"
    with pytest.raises(SystemExit) as ended:
        cli.main(["convert", str(path), "-o", str(output)])
    message = capfd.readouterr().err
    assert ended.value.code == 1
    assert message.count("Error") == 1
    assert str(path) in message
    assert "Traceback" not in message
    assert not output.exists()


def test_the_command_from_a_users_model_to_a_verified_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, path = saved("3.keras", tmp_path)
    samples, labels = tmp_path / "samples.npy", tmp_path / "labels.txt"
    np.save(samples, RANDOM.integers(0, 256, (20, 8, 8, 1), dtype=np.uint8))
    labels.write_text("a\nb\nc\n")
    arguments = ["--normalize", "-1..1", "--labels", str(labels), "--calibration", str(samples)]
    with pytest.raises(SystemExit) as ended:
        cli.main(["convert", str(path), "--recipe", INT8.name, *arguments, "--io", "uint8"])
    assert ended.value.code == 0
    assert f"3-{INT8.name}.tflite" in capsys.readouterr().out
    target = tmp_path / f"3-{INT8.name}.tflite"
    card = Interpreter(target).card
    assert card is not None
    assert card.labels == ("a", "b", "c")
    pixels = RANDOM.integers(0, 256, (10, 8, 8, 1), dtype=np.uint8)
    expected = verification.reference_logits(path, pixels, card=card)
    assert np.abs(Interpreter(target).predict(pixels) - expected).max() < 0.1


@pytest.mark.parametrize("graph", ["as-is", "optimized"])
def test_raw_pixels_go_into_a_uint8_model_of_one_partition(graph: str, tmp_path: Path) -> None:
    model, path = saved("2.keras", tmp_path)
    pixels = RANDOM.integers(0, 256, (20, 8, 8, 1), dtype=np.uint8)
    np.save(tmp_path / "samples.npy", pixels // 2)
    arguments = ["--normalize=-1..1", "--calibration", str(tmp_path / "samples.npy")]
    arguments += ["--recipe", INT8.name, "--io", "uint8", "--rewrite", graph]
    with pytest.raises(SystemExit) as ended:
        cli.main(["convert", str(path), *arguments])
    assert ended.value.code == 0
    interpreter = Interpreter(tmp_path / f"2-{INT8.name}.tflite")
    (scores,) = interpreter.outputs
    fed = [
        scores.dequantize(*interpreter._invoke([picture[np.newaxis]]))[0] for picture in pixels // 2
    ]
    expected = np.asarray(model((pixels // 2 - np.float32(127.5)) / np.float32(127.5)))
    assert np.abs(np.array(fed) - expected).max() < 0.05
    assert interpreter.partitions == 1


def test_tensorwise_and_int4_of_an_optimized_graph(tmp_path: Path) -> None:
    model = classifier(keras2)
    names = ("static_wi8_ai8_tensorwise", "static_wi4_ai8")
    made = tflconv.convert(model, names, tmp_path, calibration=CALIBRATION, rewrite="optimized")
    graphs = [reading.read(file).main for file in made]
    stored = [{o.name: g.input_tensors(o)[1] for o in g.operators} for g in graphs]
    for kind in ("CONV_2D", "FULLY_CONNECTED"):
        quantization = stored[0][kind].quantization
        assert quantization is not None
        assert len(quantization.scales) == 1
    assert stored[1]["FULLY_CONNECTED"].dtype == "int4"
    assert stored[1]["CONV_2D"].dtype == "int8"
    expected = np.asarray(model(VALUES))
    for file, allowed in zip(made, (0.05, 0.2), strict=True):
        assert np.abs(Interpreter(file).predict(VALUES) - expected).max() < allowed
        assert Interpreter(file).partitions == 1
