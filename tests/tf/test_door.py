"""No file that is opened runs a program: more than 40 that do so elsewhere are refused here."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import attacks
import numpy as np
import pytest

import tflconv
from tflconv import cli, models
from tflconv.core import bounded
from tflconv.core.tensorflow import keras2, keras3, tf
from tflconv.errors import TflconvError
from tflconv.model.opening import open_model
from tflconv.models.registry import names

HERE = Path(__file__).parent
GOLDEN = HERE.parent / "golden" / "models"
PACKAGE = Path(tflconv.__file__).parent

HARMLESS_WITHOUT = "import as an optimizer (2.keras)"
"""What does harm in this one is left out of the copy that is opened."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """The file and the mark of each attack."""
    root = tmp_path_factory.mktemp("attacks")
    files = {}
    for number, name in enumerate(attacks.names()):
        kind = name.rsplit("(", 1)[1][0]
        folder = root / f"{kind}-{number}"
        folder.mkdir()
        files[name] = attacks.write(name, folder)
    return files


def test_there_are_many_attacks() -> None:
    assert len(attacks.names()) >= 40


def test_each_attack_does_its_harm_without_the_door(
    made: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    (tmp_path / "list").write_text("\n".join(f"{path}\t{mark}" for path, mark in made.values()))
    command = [sys.executable, str(HERE / "open_without_door.py"), str(tmp_path / "list")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=500, check=True)
    harmless = [name for name, (_, mark) in made.items() if not mark.exists()]
    for _, mark in made.values():
        _remove(mark)
    assert not harmless, ended.stderr[-3000:]


@pytest.mark.parametrize("command", ["convert", "verify"])
@pytest.mark.parametrize("name", attacks.names())
def test_an_attack_is_one_message_and_does_nothing(
    name: str,
    command: str,
    made: dict[str, tuple[Path, Path]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path, mark = made[name]
    monkeypatch.chdir(path.parent)
    monkeypatch.syspath_prepend(str(path.parent))
    monkeypatch.setenv("MARK", str(mark))
    other = ["-o", str(tmp_path / "out")]
    if command == "verify":
        other = [str(GOLDEN / "tiny_int8.tflite"), "--dataset", str(_pictures(tmp_path))]
    with pytest.raises(SystemExit) as ended:
        cli.main([command, str(path), *other])
    message = capfd.readouterr().err
    assert not mark.exists()
    assert attacks.MODULE not in sys.modules
    if name == HARMLESS_WITHOUT:
        return
    assert ended.value.code == 1, message
    assert message.count("Error") == 1, message
    assert str(path) in message
    assert "Traceback" not in message
    if name.startswith("declare 6 GB"):
        assert "declares layers with more parameters than the 55 that it holds" in message


def _remove(mark: Path) -> None:
    if mark.is_dir():
        for part in sorted(mark.rglob("*"), reverse=True):
            part.rmdir() if part.is_dir() else part.unlink()
        mark.rmdir()
    else:
        mark.unlink(missing_ok=True)


def _pictures(folder: Path) -> Path:
    from PIL import Image

    for name in ("a", "b"):
        (folder / "pictures" / name).mkdir(parents=True)
        for number in range(4):
            pixels = np.full((8, 8), 40 * number + 9, np.uint8)
            Image.fromarray(pixels).save(folder / "pictures" / name / f"{number}.png")
    return folder / "pictures"


@pytest.mark.parametrize("name", names())
def test_each_of_our_own_models_passes(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    models.build(name, (28, 28, 1), 10).save(path)
    assert open_model(path).outputs


def blocks(library: Any) -> Any:
    """A model of what the applications of Keras are made of."""
    layers = library.layers
    picture = layers.Input((32, 32, 3))
    x = layers.Rescaling(1 / 255.0)(picture)
    x = layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 1.0, 1.0])(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2D(8, 3, use_bias=False, kernel_regularizer="l2", kernel_constraint="max_norm")(
        x
    )
    x = layers.BatchNormalization()(x)
    x = layers.ReLU(max_value=6.0)(x)
    x = layers.DepthwiseConv2D(3, padding="same", activation="hard_sigmoid")(x)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(8, 1, activation=layers.LeakyReLU())(gate)
    x = layers.Multiply()([x, gate])
    x = layers.SeparableConv2D(8, 3, padding="same", depthwise_initializer="he_normal")(x)
    x = layers.Add()([x, layers.Dropout(0.2)(x)])
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    x = layers.Activation("gelu")(x) * 2.0 + 1.0
    x = layers.Reshape((32 * 32, 8))(x)[:, :16]
    x = layers.MultiHeadAttention(2, 4)(x, x)
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(x)
    x = layers.TimeDistributed(layers.Dense(3, activation="tanh"))(x)
    inner = library.Sequential([layers.Flatten(), layers.Dense(4, activation="softmax")])
    inner.compile("adam", "mse")
    return library.Model(picture, inner(x))


@pytest.mark.parametrize("name", ["2.keras", "2.h5", "3.keras"])
def test_what_applications_are_made_of_passes(name: str, tmp_path: Path) -> None:
    model, path = blocks(keras2 if name[0] == "2" else keras3()), tmp_path / name
    model.save(path)
    values = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    opened = open_model(path).call(tf.constant(values))[0]
    np.testing.assert_allclose(opened, model(values), atol=1e-6)


def test_a_folder_of_the_same_model_passes(tmp_path: Path) -> None:
    for name, library in (("2", keras2), ("3", keras3())):
        blocks(library).export(str(tmp_path / name))
        assert open_model(tmp_path / name).outputs


def test_a_description_above_the_limit_is_not_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (tmp_path / "model.h5", tmp_path / "model.keras"):
        blocks(keras2).save(path)
        assert open_model(path)
    monkeypatch.setattr(bounded, "max_text_bytes", lambda: 1000)
    for name in ("model.h5: model_config", "model.keras: config.json"):
        with pytest.raises(TflconvError, match=f"{name} unpacks to more than"):
            open_model(tmp_path / name.partition(":")[0])


def test_a_name_that_the_user_imports_does_not_let_code_in(tmp_path: Path) -> None:
    """``from tf_keras.layers import *`` is common, and brings Lambda with it."""
    path, mark = attacks.write("Python in a Lambda (2.h5)", tmp_path)
    (tmp_path / "own.py").write_text("from tf_keras.layers import *\nfrom os import system\n")
    with pytest.raises(TflconvError, match="Lambda layer, which is code"):
        open_model(path, custom_objects=tmp_path / "own.py")
    assert not mark.exists()


@pytest.mark.parametrize("key", ["kernel_constraint", "bias_regularizer", "kernel_initializer"])
@pytest.mark.parametrize("name", ["tflconv>ClassToken", "Dense"])
@pytest.mark.parametrize("kind", ["2.keras", "2.h5", "3.keras", "3.h5"])
def test_a_layer_stands_where_layers_do(kind: str, name: str, key: str, tmp_path: Path) -> None:
    """Keras would take it, and call it in the middle of a training."""
    layer = {"class_name": name, "config": {}}
    if kind.endswith(".keras") and name == "Dense":
        layer |= {"module": "keras.layers", "registered_name": None}
    path = tmp_path / kind
    attacks.save_harmless(kind, path)
    with attacks.opened(path) as content:
        config = json.loads(content.config)
        attacks.layers_of(config)[-1]["config"][key] = layer
        content.config = json.dumps(config)
    with pytest.raises(TflconvError, match=f"names {name} as its {key}, which is none"):
        open_model(path)


def test_a_graph_of_the_users_own_saver_only(tmp_path: Path) -> None:
    """The functions that save may write files, so that nothing else may call them."""
    from tflconv.core.tensorflow import meta_graphs
    from tflconv.model import saved_graph

    blocks(keras2).export(str(tmp_path / "model"))
    (graph,) = meta_graphs((tmp_path / "model" / "saved_model.pb").read_bytes())
    saver = next(
        f.signature.name for f in graph.graph_def.library.function if "save" in str(f)[:99]
    )
    for offer in (_as_object, _as_call):
        changed = type(graph).FromString(graph.SerializeToString())
        offer(changed, saver)
        with pytest.raises(TflconvError, match=r"calls '.*save.*', which writes files"):
            saved_graph._check_graph(tmp_path, changed)


@pytest.mark.parametrize("place", ["model", "model/variables/variables.index", "model/pipe"])
def test_a_pipe_is_not_waited_for(place: str, tmp_path: Path) -> None:
    if place != "model":
        blocks(keras2).export(str(tmp_path / "model"))
    (tmp_path / place).unlink(missing_ok=True)
    os.mkfifo(tmp_path / place)
    with pytest.raises(TflconvError, match=r"is neither a? ?file nor a? ?folder"):
        open_model(tmp_path / "model")


def test_texts_of_layers_have_one_limit_together(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    blocks(keras3()).save(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for number in range(20):
            archive.writestr(f"assets/{number}/vocabulary.txt", b"a" * (4 << 20))
    with pytest.raises(TflconvError, match=r"assets/ unpacks to more than 64 MB"):
        open_model(path)


def _as_object(graph: Any, saver: str) -> None:
    graph.object_graph_def.nodes.add().bare_concrete_function.concrete_function_name = saver


def _as_call(graph: Any, saver: str) -> None:
    node = graph.graph_def.node.add(name="innocent", op="StatefulPartitionedCall")
    node.attr["f"].func.name = saver


DOORS = {
    "clone_model": {"training/learner.py"},
    "load_model": {"model/opening.py"},
    "model_from_json": {"model/opening.py"},
    "from_config": set(),
    "load": {"model/opening.py"},
}
"""What makes objects of descriptions, and where it may be called: for files behind the door."""


def test_files_are_opened_in_one_place() -> None:
    found: dict[str, set[str]] = {name: set() for name in DOORS}
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            name, owner = node.func.attr, ast.unparse(node.func.value)
            if name in found and (name != "load" or owner.endswith("saved_model")):
                found[name].add(file.relative_to(PACKAGE).as_posix())
    assert found == DOORS


def _of_keras3(kind: str) -> Any:
    layers = keras3().layers
    if kind in ("int8", "int4", "float8"):
        value = keras3().Input((8,))
        model = keras3().Model(value, layers.Dense(3)(layers.Dense(8, activation="relu")(value)))
        model.quantize(kind)
        return model
    sound = keras3().Input((256,) if kind == "mel" else (256, 1))
    mel = layers.MelSpectrogram(fft_length=64, sequence_stride=32, num_mel_bins=8)
    stft = layers.STFTSpectrogram(frame_length=64, frame_step=32)
    return keras3().Model(sound, (mel if kind == "mel" else stft)(sound))


FILES = [f"{kind}{end}" for kind in ("mel", "stft", "int8", "int4") for end in (".keras", ".h5")]


@pytest.mark.parametrize("name", [*FILES, "float8.keras"])  # Keras cannot read its own float8.h5
@pytest.mark.filterwarnings("ignore:.*does not have a `quantize` method")
def test_spectrograms_and_quantizers_of_keras3_pass(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    model = _of_keras3(path.stem)
    model.save(path)
    values = np.random.default_rng(0).random((2, *model.input_shape[1:]), np.float32)
    (answer,) = open_model(path).call(tf.constant(values))
    np.testing.assert_allclose(answer, model(values), rtol=0, atol=1e-6)
