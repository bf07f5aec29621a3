"""Read NumPy files of others: plain arrays, within limits, and one message where one is damaged."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tflconv.core import bounded


def read_arrays(path: Path, what: str) -> dict[str, NDArray[np.generic]]:
    """Return the arrays in a ``.npz`` file by their names, or the one in a ``.npy`` file as "".

    Args:
        path: The file.
        what: What is in it, for errors: "the calibration samples".

    Raises:
        DamagedError: The file is damaged, or holds something other than arrays of numbers or text.
        TflconvError: It cannot be read, or unpacks to more than the limit.
    """
    with bounded.explained(path, what):
        if zipfile.is_zipfile(path):
            _check_size(path)
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"": _array(loaded, path.name)}
        with loaded:
            return {name: _array(loaded[name], name) for name in loaded.files}


def _array(value: object, name: str) -> NDArray[np.generic]:
    if not isinstance(value, np.ndarray):  # NumPy hands out other members as bytes
        raise ValueError(f"'{name[:100]}' is no array")
    if value.dtype.kind == "U" and value.size:
        points = np.frombuffer(value.astype(value.dtype.newbyteorder("=")).tobytes(), np.uint32)
        if points.max(initial=0) > sys.maxunicode:
            raise ValueError(f"'{name[:100]}' is no text")
    return value


def _check_size(path: Path) -> None:
    """Refuse an archive that unpacks to too much; ``zipfile`` reads no more than it declares."""
    with zipfile.ZipFile(path) as archive:
        declared = sum(info.file_size for info in archive.infolist())
    limit = bounded.limit_for(path.stat().st_size)
    if declared > limit:
        raise bounded.too_large(str(path), limit)
