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
_BEGINNINGS = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", "Give it the ending .h5 and convert it."),
    (b"\x1f\x8b", "compressed with gzip", _UNPACK),
    (b"BZh", "compressed with bzip2", _UNPACK),
    (b"\xfd7zXZ\0", "compressed with xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"LITERTLM", "a LiteRT-LM bundle of a language model", "tflconv takes single models."),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file", "Fetch it: git lfs pull."),
    (b"GGUF", "a GGUF file of a language model", _EXPORT),
    (b"\xff\xd8\xff", "a JPEG picture", ""),
    (b"\x89PNG", "a PNG picture", ""),
    (b"\x80\x02", "a Python pickle, as old PyTorch files are", _EXPORT),
)
_PAGE = re.compile(rb"\s*<(!doctype|html|\?xml)", re.IGNORECASE)
_ONNX = re.compile(rb"\x08[\x01-\x1f]\x12[\x01-\x40][ -~]{2}|\x08[\x01-\x1f]:")
_MEMBER = re.compile(rb"PK\x01\x02.{24}(..).{16}", re.DOTALL)


def refusal(message: str, stream: IO[bytes], *, hint: str) -> TflconvError:
    """Return the error for a file that is not what was expected, with what it is in its place.

    Args:
        message: What was expected, without a full stop: ``a.tflite is not a .tflite file``.
        stream: The file, open; it may be read from anywhere.
        hint: What to do where nothing better is known.

    Example:
        >>> import io
        >>> print(refusal("a.tflite is not a .tflite file", io.BytesIO(), hint="Convert a model."))
        a.tflite is not a .tflite file: it is empty.
        Copy or download it again.
    """
    found = recognized(stream)
    if found is None:
        return TflconvError(f"{message}.", hint=hint)
    what, todo = found
    return TflconvError(f"{message}: it is {what}.", hint=todo or hint)


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
    if head[4:8] == b"TFL3":
        return "a .tflite file", "Give it the ending .tflite."
    if head[8:10] == b'{"':
        return "a safetensors file, which holds weights only", _EXPORT
    if _PAGE.match(head):
        return "a web page", "The download went wrong: look at it in a browser."
    if _ONNX.match(head):
        return "an ONNX file", _EXPORT
    known = (entry[1:] for entry in _BEGINNINGS if head.startswith(entry[0]))
    return next(known, None)


def _members(end: bytes) -> Iterator[str]:
    """Names in the directory at the end of a zip archive; the last ones of a long directory."""
    for entry in _MEMBER.finditer(end):
        length = int.from_bytes(entry[1], "little")
        yield end[entry.end() : entry.end() + length].decode(errors="replace")


def _archive(names: list[str]) -> tuple[str, str]:
    if {"config.json", "metadata.json"} <= set(names):
        return "a .keras file", "Give it the ending .keras and convert it."
    if any(name.endswith("/data.pkl") for name in names):
        return "a PyTorch file", _EXPORT
    models = [name for name in names if name.endswith((".tflite", ".keras", ".h5"))]
    if models:
        rest = [f"{len(models) - 2} more"] if len(models) > 3 else models[2:3]
        inside = " and ".join([", ".join(models[:2]), *rest]) if rest else " and ".join(models)
        return f"an archive with {inside} in it", "Unpack it and name the model: unzip FILE."
    return "a zip archive", _UNPACK
