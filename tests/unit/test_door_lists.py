"""What a description of a model may name, by one case each; ``tests/tf/test_door`` has files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tflconv.errors import TflconvError
from tflconv.model import weights
from tflconv.model.door import Door

DOOR = Door(source="m.keras", custom={"Own", "tflconv>ClassToken", "own_function"})


def named(name: str, module: str | None = None, **more: Any) -> dict[str, Any]:
    return {"class_name": name, "module": module, "config": {}, **more}


def function(module: str, name: Any) -> dict[str, Any]:
    return {"class_name": "function", "module": module, "config": name, "registered_name": name}


def with_settings(name: str, module: str = "keras.layers", **settings: Any) -> dict[str, Any]:
    return {"class_name": name, "module": module, "config": settings}


def calling(name: str) -> dict[str, Any]:
    return {"class_name": "TFOpLambda", "config": {"name": "call", "function": name}}


GOOD = {
    "layer of Keras 3": named("Conv2D", "keras.layers", registered_name=None),
    "layer of an .h5 file": {"class_name": "Conv2D", "config": {}},
    "model of Keras 2": named("Functional", "tf_keras.src.engine.functional"),
    "model of an older Keras 2": named("Functional", "keras.engine.functional"),
    "operation": named("Relu6", "keras.src.ops.nn", registered_name="Relu6"),
    "policy": named("DTypePolicy", "keras"),
    "initializer of TensorFlow": named("Constant", "tensorflow.python.ops.init_ops_v2"),
    "of an application": named("LayerScale", "keras.src.applications.convnext"),
    "own": named("Own", "somewhere", registered_name="Own"),
    "ours": named("tflconv>ClassToken", "tflconv.models", registered_name="tflconv>ClassToken"),
    "activation": function("builtins", "relu"),
    "own function": function("somewhere", "own_function"),
    "name of an activation": {"activation": "gelu", "recurrent_activation": "sigmoid"},
    "name of an initializer": {"kernel_initializer": "he_normal"},
    "numbers": {"class_name": "__numpy__", "config": {"value": [1], "dtype": "float32"}},
    "slice": {"class_name": "__slice__", "config": {"start": 0, "stop": 1, "step": None}},
    "pure function": calling("math.multiply"),
    "operator": calling("__operators__.getitem"),
    "older name": calling("compat.v1.transpose"),
    "pictures": calling("image.resize"),
    "name with a slash": {"name": "block/conv"},
    "quantized": named("QuantizeWrapperV2"),
    "quantizer of Keras 3": named("AbsMaxQuantizer", "keras.quantizers"),
    "spectrogram": with_settings("MelSpectrogram", window="hann", fft_length=2048, max_freq=8000),
    "words": with_settings("StringLookup", vocabulary=["a"], num_oov_indices=0),
    "spectrogram without settings": named("STFTSpectrogram", "keras.layers"),
}


@pytest.mark.parametrize("config", GOOD.values(), ids=GOOD)
def test_what_computes_passes_as_it_is(config: dict[str, Any]) -> None:
    assert DOOR.checked({"layers": [[config]]}) == {"layers": [[config]]}


BAD = {
    "window of 4 GB": with_settings("STFTSpectrogram", frame_length=1 << 30),
    "window that is no number": with_settings("STFTSpectrogram", frame_length=True),
    "window by a name": with_settings("MelSpectrogram", window="tukey"),
    "matrix of 256 GB": with_settings("MelSpectrogram", num_mel_bins=1 << 20),
    "frequency that is none": with_settings("MelSpectrogram", min_freq=float("inf")),
    "mode": with_settings("STFTSpectrogram", mode="__class__"),
    "type of a quantizer": with_settings("AbsMaxQuantizer", "keras.quantizers", output_dtype="O"),
    "a billion unknown words": with_settings("StringLookup", num_oov_indices=10**9),
    "a billion unknown numbers": with_settings("IntegerLookup", num_oov_indices=10**9),
    "quantizer with data": named("GPTQConfig", "keras.quantizers"),
    "Lambda": named("Lambda", "keras.layers"),
    "Lambda of an .h5 file": named("Lambda"),
    "Lambda with a package": named("keras>Lambda"),
    "Lambda called ours by half": named("Lambda", registered_name="tflconv>Class"),
    "method of a class of TensorFlow": named("ClassMethod"),
    "property of an object": named("InstanceProperty"),
    "features of columns": named("LinearModel"),
    "layer of a hub": named("KerasLayer", "tensorflow_hub.keras_layer"),
    "base of all layers": named("Layer", "keras.src.layers.layer"),
    "callback": named("LambdaCallback", "keras.callbacks"),
    "function in a metric": named("MeanMetricWrapper", "keras.metrics"),
    "exporter": named("ExportArchive", "keras.export"),
    "folder": named("makedirs", "keras.src.utils.file_utils"),
    "operation by its public name": named("relu", "keras.ops"),
    "operation of a module": named("nn.Relu", "keras.src.ops"),
    "no name": named(None),  # type: ignore[arg-type]
    "empty module": named("Dense", ""),
    "empty registered name": named("Dense", "keras.layers", registered_name=""),
    "Python": named("__lambda__"),
    "type": named("__typespec__", "tensorflow", spec_name="TensorSpec", registered_name=None),
    "other model": named("TFSMLayer", "keras.layers"),
    "pickles": named("TorchModuleWrapper", "keras.layers"),
    "features with a vocabulary": named("DenseFeatures", "keras.layers"),
    "lower case": named("lambda", "keras.layers"),
    "upper case": named("DENSE", "keras.layers"),
    "layer of another module": named("Dense", "os"),
    "layer of an inner module": named("Dense", "keras.src.utils.dataset_utils"),
    "module that begins alike": named("Dense", "keras.layers.evil"),
    "package that begins alike": named("Dense", "keras_evil.layers"),
    "quantized alike": named("QuantizeWrapperV2", "tensorflow_model_optimization_evil"),
    "other registered name": named("Dense", "keras.layers", registered_name="system"),
    "registered name that is none": named("Dense", "keras.layers", registered_name=["Own"]),
    "own by the class only": named("Own", "os", registered_name="system"),
    "name that is none": named(["Dense"], "keras.layers"),  # type: ignore[arg-type]
    "module that is none": named("Dense", ["keras.layers"]),  # type: ignore[arg-type]
    "dotted": named("layers.Dense", "keras"),
    "function of os": function("os", "system"),
    "activation of os": function("os", "relu"),
    "function of Keras": function("keras.utils", "get_file"),
    "function without a name": function("builtins", None),
    "built-in function": function("builtins", "exec"),
    "name of no activation": {"activation": "deserialize"},
    "name of no initializer": {"bias_initializer": "get"},
    "objects": {"class_name": "__numpy__", "config": {"value": [1], "dtype": "object"}},
    "texts": {"class_name": "__tensor__", "config": {"value": ["a"], "dtype": "string"}},
    "loop": named("Map", "keras.src.ops.core"),
    "writing": calling("io.write_file"),
    "writing after a blank": calling(" io.write_file"),
    "writing by two old names": calling("compat.v1.compat.v1.io.write_file"),
    "module for a function": calling("math"),
    "class of a module": calling("math.__class__"),
    "globals of an operator": calling("__operators__.getitem.__globals__"),
    "lookup of an activation": calling("keras.activations.get"),
    "branch": calling("cond"),
    "map": calling("map_fn"),
    "functions by number": calling(["math", "add"]),  # type: ignore[arg-type]
    "reading": calling("io.read_file"),
    "raw": calling("raw_ops.WriteFile"),
    "Python by TensorFlow": calling("py_function"),
    "loading": calling("load_library"),
    "printing": calling("print"),
    "file of words": {"vocabulary": "words.txt"},
    "file called as a class": {"vocabulary": "Own"},
    "file of weights": {"idf_weights": "words.npy"},
    "path": {"anything": "/etc/passwd"},
    "path of Windows": {"anything": "C:\\secret"},
    "share": {"anything": "\\\\server\\share"},
    "home": {"anything": "~/secret"},
    "address": {"anything": " HTTPS://example.org"},
    "bucket": {"anything": "gs://bucket/file"},
    "file address": {"anything": "file:///etc/passwd"},
}


@pytest.mark.parametrize("config", BAD.values(), ids=BAD)
@pytest.mark.parametrize("around", ["plain", "wrapped", "listed"])
def test_what_does_more_is_refused_wherever_it_stands(config: Any, around: str) -> None:
    wrapped = named("TimeDistributed", "keras.layers") | {"config": {"layer": config}}
    place = {"plain": config, "wrapped": wrapped, "listed": {"a": [[0, {"b": config}]]}}
    with pytest.raises(TflconvError, match=r"cannot open m\.keras as a model: it"):
        DOOR.checked(place[around])


@pytest.mark.parametrize("name", ["ClassToken", "Lambda", "anything"])
def test_a_registered_class_goes_by_that_name_alone(name: str) -> None:
    """An older file, or one without a module, is read by the class's name, and others are not."""
    config = named(name, registered_name="tflconv>ClassToken")
    assert DOOR.checked([config]) == [{**config, "class_name": "tflconv>ClassToken"}]


def test_a_compile_configuration_is_left_out_at_any_level() -> None:
    inner = {**named("Sequential", "keras"), "compile_config": {"optimizer": named("system", "os")}}
    outer = {**named("Functional", "keras"), "config": {"layers": [inner]}, "compile_config": 1}
    text = repr(DOOR.checked(outer))
    assert "compile_config" not in text
    assert "system" not in text


def model(*calls: Any) -> dict[str, Any]:
    first = {"class_name": "InputLayer", "name": "picture", "config": {}, "inbound_nodes": []}
    second = {"class_name": "Dense", "name": "dense", "config": {}, "inbound_nodes": [*calls]}
    return {"class_name": "Functional", "config": {"layers": [first, second]}}


TENSOR = {"class_name": "__keras_tensor__", "config": {"keras_history": ["picture", 0, 0]}}


@pytest.mark.parametrize(
    "call",
    [
        [["picture", 0, 0, {}]],
        ["picture", 0, 0, {"y": 2}],
        ["_CONSTANT_VALUE", -1, 1.0, {"y": ["picture", 0, 0]}],
        {"args": [TENSOR, 1.0], "kwargs": {}},
    ],
)
def test_a_call_that_takes_a_tensor_passes(call: Any) -> None:
    assert DOOR.checked(model(call))


@pytest.mark.parametrize(
    "call",
    [
        ["_CONSTANT_VALUE", -1, 1.0, {"y": 2.0}],
        ["_CONSTANT_VALUE", -1, 1.0, {"y": ["another", 0, 0]}],
        {"args": [1.0], "kwargs": {"shape": [1 << 40]}},
    ],
)
def test_a_call_of_constants_is_refused(call: Any) -> None:
    with pytest.raises(TflconvError, match="a call of the layer 'dense' with constants only"):
        DOOR.checked(model([["picture", 0, 0, {}]], call))


def test_control_characters_do_not_reach_the_terminal() -> None:
    with pytest.raises(TflconvError, match=r"\?\[2Jx") as raised:
        DOOR.checked(named("\x1b[2Jx" + "y" * 1000))
    assert "\x1b" not in str(raised.value)
    assert len(raised.value.message) < 400


def outer_link(file: h5py.File) -> None:
    file["a"] = h5py.ExternalLink("other.h5", "/secret")


def soft_link(file: h5py.File) -> None:
    file["a"] = h5py.SoftLink("/b")


def outer_bytes(file: h5py.File) -> None:
    file.create_dataset("a", (4,), "uint8", external=[("/etc/passwd", 0, 4)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), "uint8")
    layout[:] = h5py.VirtualSource("other.h5", "b", (4,))
    file.create_virtual_dataset("a", layout)


def objects(file: h5py.File) -> None:
    file.create_dataset("a", data=["text"], dtype=h5py.string_dtype())


def references(file: h5py.File) -> None:
    file.create_dataset("a", (1,), h5py.ref_dtype)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (outer_link, "is a link to somewhere else"),
        (soft_link, "is a link to somewhere else"),
        (outer_bytes, "lies in another file"),
        (virtual, "lies in another file"),
        (objects, "holds objects, not numbers"),
        (references, "holds objects, not numbers"),
    ],
)
def test_weights_that_are_no_plain_arrays_are_refused(make: Any, why: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["b"] = np.ones(3)
        make(file)
        with pytest.raises(TflconvError, match=f"the array '/+a' {why}"):
            weights.count_elements(file, "w.h5")


def test_weights_are_counted_once_also_in_a_circle(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["group/weights"] = np.ones((3, 4), np.float32)
        file["group/same"] = file["group/weights"]
        file["group/circle"] = file["group"]
        file["half"] = np.ones(5, np.float16)
        assert weights.count_elements(file, "w.h5") == 17


def test_weights_that_take_no_room_are_a_bomb(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_dataset("a", (1 << 30,), "float32", chunks=(1 << 20,), compression="gzip")
        with pytest.raises(
            TflconvError, match=r"w\.h5: the content of the weights unpacks to more than 64 MB"
        ):
            weights.count_elements(file, "w.h5")
    assert (tmp_path / "w.h5").stat().st_size < 10_000
