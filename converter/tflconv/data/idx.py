"""Reads and writes IDX, the format of MNIST: a short header with type and shape, then raw numbers.

Bytes 0 and 1 are zero, byte 2 is the type (8 is unsigned byte, the only one image sets use),
byte 3 the number of dimensions; then one big-endian 32-bit size per dimension, then the data. Files
usually come gzipped. Format: Y. LeCun, C. Cortes, C. Burges, "The MNIST database".
"""

from __future__ import annotations

import gzip
import io
import math
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tflconv.core import bounded
from tflconv.core.files import write_bytes
from tflconv.errors import TflconvError

_UNSIGNED_BYTE = 8
_GZIP_MAGIC = b"\x1f\x8b"
_MAX_DIMENSIONS = 4
_MAX_HEADER = 4 + 4 * _MAX_DIMENSIONS
_MAX_ELEMENTS = 1 << 40


def read(path: Path) -> NDArray[np.uint8]:
    """Read the array in an IDX file, gzipped or not.

    Raises ``TflconvError`` where the file is damaged, cut short or of another format.
    """
    with bounded.explained(path, "the file", hint="Fetch it again."):
        return decode(_content(path), str(path))


def read_shape(path: Path) -> tuple[int, ...]:
    """Read the sides of the array in an IDX file, gzipped or not, from its first bytes.

    Raises ``TflconvError`` where the file is damaged, cut short or of another format.
    """
    with bounded.explained(path, "the file", hint="Fetch it again."), path.open("rb") as raw:
        packed = raw.read(2) == _GZIP_MAGIC
        raw.seek(0)
        if packed:
            with gzip.open(raw) as stream:
                return _shape(stream.read(_MAX_HEADER), str(path))
        return _shape(raw.read(_MAX_HEADER), str(path))


def decode(content: bytes, source: str) -> NDArray[np.uint8]:
    """Return the array in the bytes of an IDX file.

    Args:
        content: The bytes, unzipped.
        source: Name of the file, for errors.

    Raises:
        TflconvError: The bytes are no IDX file of unsigned bytes, or cut short.

    Example:
        >>> decode(encode(np.array([[1, 2]], np.uint8)), "example")
        array([[1, 2]], dtype=uint8)
    """
    shape = _shape(content, source)
    start = 4 + 4 * len(shape)
    expected, received = math.prod(shape), len(content) - start
    if expected != received:
        raise TflconvError(
            f"{source} holds {received} bytes of data; its header {shape} asks for {expected}.",
            hint="Fetch the file again.",
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def encode(array: NDArray[np.uint8]) -> bytes:
    """Return the bytes of an IDX file that holds ``array``."""
    header = bytes([0, 0, _UNSIGNED_BYTE, array.ndim]) + struct.pack(
        f">{array.ndim}I", *array.shape
    )
    return header + array.tobytes()


def write(path: Path, array: NDArray[np.uint8]) -> None:
    """Write a gzipped IDX file; equal arrays give equal bytes (no time or name in the header)."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=buffer, mtime=0) as stream:
        stream.write(encode(array))
    write_bytes(path, buffer.getvalue())


def _shape(content: bytes, source: str) -> tuple[int, ...]:
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UNSIGNED_BYTE:
        raise TflconvError(f"{source} is not an IDX file of unsigned bytes.")
    dimensions = content[3]
    start = 4 + 4 * dimensions
    if not 1 <= dimensions <= _MAX_DIMENSIONS:
        raise TflconvError(
            f"{source} has {dimensions} dimensions; pictures and labels have 1 to 4."
        )
    if len(content) < start:
        raise TflconvError(f"{source} ends inside its IDX header.")
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    if math.prod(max(1, side) for side in shape) > _MAX_ELEMENTS:
        raise TflconvError(f"{source} has a header {shape}, which no file of pictures has.")
    return shape


def _content(path: Path) -> bytes:
    with path.open("rb") as raw:
        if raw.read(2) != _GZIP_MAGIC:
            raw.seek(0)
            return raw.read()
    return bounded.read_gzip(path)
