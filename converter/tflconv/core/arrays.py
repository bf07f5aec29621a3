"""Read NumPy files of others: plain arrays, within limits, and one message where one is damaged.

Arrays are mapped from disk, those of an archive from a file that is gone with them, so that memory
does not grow with the file.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tflconv.core import bounded
from tflconv.core.private import scratch_folder

_MEMBER = ".npy"


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
        if not zipfile.is_zipfile(path):
            return {"": _mapped(path, path.name)}
        _check_size(path)
        return _members(path)


def _members(path: Path) -> dict[str, NDArray[np.generic]]:
    arrays = {}
    with bounded.open_zip(path) as archive, scratch_folder() as folder:
        for name in archive.namelist():
            if not name.endswith(_MEMBER):
                raise ValueError(f"'{name[:100]}' is not an array")
            target = folder / f"member{_MEMBER}"
            with target.open("wb") as stream:
                bounded.copy_member(archive, name, stream)
            arrays[name.removesuffix(_MEMBER)] = _mapped(target, name)
            target.unlink()
    return arrays


def _mapped(path: Path, name: str) -> NDArray[np.generic]:
    array: NDArray[np.generic] = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise ValueError(f"'{name[:100]}' is not an array")
    if array.dtype.kind == "U" and array.size:
        points = np.frombuffer(array.astype(array.dtype.newbyteorder("=")).tobytes(), np.uint32)
        if points.max(initial=0) > sys.maxunicode:
            raise ValueError(f"'{name[:100]}' is no text")
    return array


def _check_size(path: Path) -> None:
    """Refuse an archive that unpacks to too much; ``zipfile`` reads no more than it declares."""
    with bounded.open_zip(path) as archive:
        declared = sum(info.file_size for info in archive.infolist())
    limit = bounded.limit_for(path.stat().st_size)
    if declared > limit:
        raise bounded.too_large(str(path), limit)
