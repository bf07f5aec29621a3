"""Files of other kinds that are given in place of a model: each is named, with what to do."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from pathlib import Path

import pytest

from tflconv import recipe
from tflconv.core import recognizing
from tflconv.errors import TflconvError
from tflconv.model import keras_file
from tflconv.pipeline import checking
from tflconv.pipeline.requests import ConversionRequest
from tflconv.tflite import reading

TINY = Path(__file__).parents[1] / "golden" / "models" / "tiny_float32.tflite"


def archive(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        for name in names:
            made.writestr(name, "{}")
    return content.getvalue()


def frozen_graph() -> bytes:
    """The beginning of a graph whose first node is an input: its name, operation and attributes."""
    node = b"\x0a\x05input\x12\x0bPlaceholder" + bytes(120)
    return b"\x0a" + bytes([128 | len(node) & 127, len(node) >> 7]) + node


CHECKPOINT = bytes.fromhex("57fb808b247547db")

FILES = {
    "empty": (b"", "it is empty", "download it again"),
    "gzip": (gzip.compress(b"model"), "compressed with gzip", "Unpack it"),
    "page": (b"\n<!DOCTYPE html><title>404</title>", "a web page", "download went wrong"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS", "git lfs pull"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(99), "an HDF5 file", "end in .h5"),
    "onnx": (b"\x08\x08\x12\x07pytorch\x1a\x05" + bytes(99), "an ONNX file", "own framework"),
    "bundle": (b"LITERTLM" + bytes(99), "a LiteRT-LM bundle", "single models"),
    "weights": (b"\x40\0\0\0\0\0\0\0" + b'{"a":{}}', "a safetensors file", "own framework"),
    "torch": (archive("net/data.pkl", "net/version"), "a PyTorch file", "own framework"),
    "keras": (archive("config.json", "metadata.json"), "a .keras file", "end in .keras"),
    "task": (archive("a.tflite", "b.tflite"), "an archive with a.tflite and b.tflite", "unzip"),
    "many": (archive(*(f"{i}.tflite" for i in range(5))), "0.tflite, 1.tflite and 3 more", "unz"),
    "npz": (archive("x.npy", "y.npy"), "an archive of arrays of NumPy", ""),
    "frozen": (frozen_graph(), "a frozen graph of TensorFlow 1", "from_frozen_graph"),
    "saved graph": (b"\x08\x01\x12\x80\x20\x0a\x90\x0d", "graph of a SavedModel", "the folder"),
    "old": (b"\x18\0\0\0TFL2" + bytes(99), "TensorFlow Lite file of an old schema", "of today"),
    "core ml": (b"\x08\x04\x12\x90\x01\x0a\x0c\x0a", "a Core ML file", "own framework"),
    "ort": (b"\x18\0\0\0ORTM" + bytes(99), "a file of ONNX Runtime", "own framework"),
    "pte": (b"\x18\0\0\0ET12" + bytes(99), "an ExecuTorch file", "own framework"),
    "index": (bytes(40) + CHECKPOINT, "part of a TensorFlow checkpoint", "save it whole"),
    "list": (b'model_checkpoint_path: "w"\n', "the index of TensorFlow checkpoints", "whole"),
    "layers": (b'{"class_name": "Sequential"}', "layers of a Keras model as JSON", "whole"),
    "browser": (b'{"modelTopology": {"class_name": 1}}', "TensorFlow.js", "tensorflowjs_conv"),
    "notebook": (b'{"cells": [], "nbformat": 4}', "a notebook", "model that it saves"),
    "json": (b'{ "a": 1}', "a JSON file", ""),
    "openvino": (b'<?xml version="1.0"?>\n<net name="m">', "an OpenVINO network", "framework"),
    "pickle": (b"\x80\x04\x95", "a Python pickle", "own framework"),
    "tar": (bytes(257) + b"ustar\0" + bytes(99), "a tar archive", "Unpack it"),
    "text": ("Katze\nBär\n".encode(), "a text file", ""),
    "zip": (archive("notes.txt"), "a zip archive", "Unpack it"),
}


@pytest.mark.parametrize("kind", FILES)
def test_what_a_file_is_stands_in_the_message(kind: str) -> None:
    content, what, todo = FILES[kind]
    with pytest.raises(TflconvError, match=r"m\.tflite is not a \.tflite file: it is ") as raised:
        reading.parse(content, Path("m.tflite"))
    assert what in raised.value.message
    assert raised.value.hint is not None
    assert todo in raised.value.hint


@pytest.mark.parametrize("kind", [kind for kind in FILES if kind not in ("keras", "hdf5")])
def test_a_keras_file_that_is_none_is_told_alike(kind: str, tmp_path: Path) -> None:
    content, what, _ = FILES[kind]
    path = tmp_path / "m.keras"
    path.write_bytes(content)
    with pytest.raises(TflconvError, match=what):
        keras_file.read(path)


def test_a_tflite_file_of_another_name_is_told(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    path.write_bytes(TINY.read_bytes())
    with pytest.raises(TflconvError, match=r"it is a \.tflite file") as raised:
        keras_file.read(path)
    assert raised.value.hint == "Rename it to end in .tflite."


@pytest.mark.parametrize(("kind", "name"), [("keras", "m.keras"), ("hdf5", "m.h5")])
def test_a_keras_file_of_its_own_name_need_not_be_renamed(kind: str, name: str) -> None:
    with pytest.raises(TflconvError, match=r"is not a \.tflite file: it is ") as raised:
        reading.parse(FILES[kind][0], Path(name))
    assert raised.value.hint == "Convert it first: tflconv convert MODEL."


def test_unknown_bytes_are_given_no_name() -> None:
    assert recognizing.recognized(io.BytesIO(b"\x17" * 400)) is None
    assert recognizing.recognized(io.BytesIO(b"PK\x03\x04 cut")) == (
        "a zip archive",
        "Unpack it first, and name the file that comes out.",
    )


def test_a_large_file_of_another_kind_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(b"GGUF")
    os.truncate(path, 1 << 42)  # no memory holds it
    with pytest.raises(TflconvError, match="it is a GGUF file"):
        reading.read(path)


def test_a_file_of_over_two_gigabytes_is_not_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(TINY.read_bytes())
    os.truncate(path, 1 << 42)
    request = ConversionRequest(model=path, recipes=(recipe.get("fp16"),))
    with pytest.raises(TflconvError, match=r"has 4398\.0 GB, and a file of more than 2\.1 GB"):
        checking.conversion(request, tmp_path)


@pytest.mark.parametrize(
    ("names", "asked", "what", "todo"),
    [
        (["w.index", "w.data-00000-of-00001"], "w", "is a checkpoint", "save it whole"),
        (["w.index", "checkpoint"], ".", "it holds a checkpoint", "save it whole"),
        (["config.json", "metadata.json"], ".", "it is an unpacked .keras file", "zip -r"),
        (["notes.txt", "net.keras"], ".", "it holds net.keras", "net.keras."),
        (["notes.txt"], ".", "it holds no saved_model.pb", "model.export"),
        ([], "w", "no model at", "Models come as"),
    ],
)
def test_what_stands_in_place_of_a_model_is_told(
    names: list[str], asked: str, what: str, todo: str, tmp_path: Path
) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(TflconvError, match=what) as raised:
        checking.model_file(tmp_path / asked)
    assert todo in str(raised.value.hint)
