"""What a file really is that was given in place of another: told by its bytes, not by its name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import IO

from tflconv.errors import TflconvError

_WINDOW = 65536
_EXPORT = "Convert it to Keras or to TFLite with the tools of its own framework first."
_UNPACK = "Unpack it first, and name the file that comes out."
WHOLE = "Load the weights into the model and save it whole: model.save('model.keras')."
_FROM_GRAPH = (
    "Make a float .tflite of it, and name that: tf.compat.v1.lite.TFLiteConverter"
    ".from_frozen_graph(FILE, ['INPUT'], ['OUTPUT']).convert()."
)
_LENGTH = rb"[\x80-\xff]{0,4}[\x01-\x7f]"
"""The length of what follows in a protocol buffer."""

_KINDS = tuple(
    (re.compile(pattern, re.DOTALL), what, todo)
    for pattern, what, todo in (
        (rb"....TFL3", "a .tflite file", "Rename it to end in .tflite."),
        (
            rb"....TFL[0-9]",
            "a TensorFlow Lite file of an old schema, which LiteRT does not read",
            "Convert the model again with a TensorFlow of today.",
        ),
        (rb"....ORTM", "a file of ONNX Runtime", _EXPORT),
        (rb"....ET[0-9]{2}", "an ExecuTorch file", _EXPORT),
        (rb"\x89HDF\r\n\x1a\n", "an HDF5 file", "Rename it to end in .h5 and convert it."),
        (rb"\x1f\x8b", "compressed with gzip", _UNPACK),
        (rb"BZh", "compressed with bzip2", _UNPACK),
        (rb"\xfd7zXZ\0", "compressed with xz", _UNPACK),
        (rb"\x28\xb5\x2f\xfd", "compressed with zstd", _UNPACK),
        (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
        (rb"Rar!\x1a\x07", "a RAR archive", _UNPACK),
        (rb".{257}ustar", "a tar archive", _UNPACK),
        (rb"LITERTLM", "a LiteRT-LM bundle of a language model", "tflconv takes single models."),
        (
            rb"version https://git-lfs",
            "a pointer of Git LFS, not the file",
            "Fetch it: git lfs pull.",
        ),
        (rb"GGUF", "a GGUF file of a language model", _EXPORT),
        (rb".{8}\{\"", "a safetensors file, which holds weights only", _EXPORT),
        (rb"RKNN", "compiled for a Rockchip NPU", "Name the file that it was compiled from."),
        (rb"[fp]trt", "a TensorRT engine", "Name the file that it was compiled from."),
        (rb"7767517\n", "a description of an ncnn network", _EXPORT),
        (rb"\xff\xd8\xff", "a JPEG picture", ""),
        (rb"\x89PNG", "a PNG picture", ""),
        (rb"%PDF-", "a PDF document", ""),
        (rb"\x93NUMPY", "an array of NumPy", ""),
        (rb"\x80[\x02-\x05]", "a Python pickle, as files of old PyTorch are", _EXPORT),
        (rb"<\?xml[^>]*>\s*<net ", "a description of an OpenVINO network", _EXPORT),
        (
            rb"(?i)\s*<(!doctype|html|\?xml)",
            "a web page",
            "The download went wrong: look at it in a browser.",
        ),
        (
            rb"\s*\{.*?\"modelTopology\"",
            "a model of TensorFlow.js",
            "Make a Keras file of it with tensorflowjs_converter, and name that.",
        ),
        (rb"\s*\{.*?\"nbformat\"", "a notebook", "Run it, and name the model that it saves."),
        (
            rb"\s*\{.*?\"class_name\"",
            "the layers of a Keras model as JSON, without weights",
            WHOLE,
        ),
        (rb"\s*\{\s*\"", "a JSON file", ""),
        (rb"(model|all_model)_checkpoint_path", "the index of TensorFlow checkpoints", WHOLE),
        (rb"\s*node \{", "a graph of TensorFlow as text, without weights", WHOLE),
        (
            rb"\n" + _LENGTH + rb"\n[\x01-\x7f][ -~]{1,127}?\x12[\x01-\x40][A-Z]\w",
            "a frozen graph of TensorFlow 1",
            _FROM_GRAPH,
        ),
        (
            rb"\x08\x01\x12" + _LENGTH + rb"\n",
            "the graph of a SavedModel, without its weights",
            "Name the folder that it lies in, beside variables.",
        ),
        (rb"\x08[\x02-\x1f]\x12" + _LENGTH + rb"\n", "a Core ML file", _EXPORT),
        (
            rb"\x08[\x01-\x1f]\x12[\x01-\x40][ -~]{2}|\x08[\x01-\x1f]:",
            "an ONNX file",
            _EXPORT,
        ),
    )
)
_TABLE = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"
"""What the index of a checkpoint ends with."""

_MEMBER = re.compile(rb"PK\x01\x02.{24}(..).{16}", re.DOTALL)


def refusal(message: str, stream: IO[bytes], *, hint: str, suffix: str = "") -> TflconvError:
    """Return the error for a file that is not what was expected, with what it is in its place.

    Args:
        message: What was expected, without a full stop: ``a.tflite is not a .tflite file``.
        stream: The file, open; it may be read from anywhere.
        hint: What to do where nothing better is known.
        suffix: The ending of the file's name; a Keras file that has its own needs no other.

    Returns:
        The error, to be raised.

    Example:
        >>> import io
        >>> print(refusal("a.tflite is not a .tflite file", io.BytesIO(), hint="Convert a model."))
        a.tflite is not a .tflite file: it is empty.
        Copy or download it again.
    """
    identified = recognized(stream)
    if identified is None:
        return TflconvError(f"{message}.", hint=hint)
    what, todo = identified
    if todo == _renamed(suffix):
        todo = "Convert it first: tflconv convert MODEL."
    return TflconvError(f"{message}: it is {what}.", hint=todo or hint)


def _renamed(suffix: str) -> str:
    return f"Rename it to end in {suffix} and convert it."


def recognized(stream: IO[bytes]) -> tuple[str, str] | None:
    """Return what a file is and what to do with it; None where it looks like nothing known."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    head = stream.read(_WINDOW)
    if not size:
        return "empty", "Copy or download it again."
    if head.startswith(b"PK\x03\x04"):
        stream.seek(max(0, size - _WINDOW))
        return _archive(list(_members(stream.read(_WINDOW))))
    for pattern, what, todo in _KINDS:
        if pattern.match(head):
            return what, todo
    stream.seek(max(0, size - len(_TABLE)))
    if stream.read() == _TABLE:
        return "part of a TensorFlow checkpoint, which holds weights only", WHOLE
    return ("a text file", "") if _is_text(head) else None


def _is_text(head: bytes) -> bool:
    """Whether a beginning, which may end within a character, is all letters and blanks."""
    text = head.decode("utf-8", errors="ignore")
    whole = len(text.encode()) > len(head) - 4
    return whole and all(each.isprintable() or each.isspace() for each in text)


def _members(end: bytes) -> Iterator[str]:
    """Names in the directory at the end of a zip archive; the last ones of a long directory."""
    for entry in _MEMBER.finditer(end):
        length = int.from_bytes(entry[1], "little")
        yield end[entry.end() : entry.end() + length].decode(errors="replace")


def _archive(names: list[str]) -> tuple[str, str]:
    if {"config.json", "metadata.json"} <= set(names):
        return "a .keras file", _renamed(".keras")
    if any(name.endswith("/data.pkl") for name in names):
        return "a PyTorch file", _EXPORT
    if names and all(name.endswith(".npy") for name in names):
        return "an archive of arrays of NumPy", ""
    models = [name for name in names if name.endswith((".tflite", ".keras", ".h5"))]
    if models:
        rest = [f"{len(models) - 2} more"] if len(models) > 3 else models[2:3]
        inside = " and ".join([", ".join(models[:2]), *rest]) if rest else " and ".join(models)
        return f"an archive with {inside} in it", "Unpack it and name the model: unzip FILE."
    return "a zip archive", _UNPACK
