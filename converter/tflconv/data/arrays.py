"""Reads ``.npy`` and ``.npz`` files of others: numbers and text only, never pickles, and bounded.

Arrays are mapped from disk, so that memory does not grow with the file.
"""

from __future__ import annotations

import tempfile
import tokenize
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv.core import bounded
from tflconv.errors import TflconvError

SUFFIXES = (".npy", ".npz")
_MEMBER = ".npy"
_KINDS = "buifU"
"""Kinds of NumPy types that are read: bool, integers, floats and text."""


def is_array_file(path: Path) -> bool:
    """Return whether ``path`` is called like a file of arrays.

    Example:
        >>> is_array_file(Path("digits.NPZ")), is_array_file(Path("digits"))
        (True, False)
    """
    return path.suffix.lower() in SUFFIXES


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file by their names; the only one of a ``.npy`` file has none.

    Args:
        path: A ``.npy`` or ``.npz`` file.

    Raises:
        TflconvError: The file is missing or damaged, holds Python objects or nothing, or unpacks
            to more than the limit (``core.bounded``).

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/two.npz", x=np.zeros((5, 8)), y=np.arange(5))
        ...     arrays = read_arrays(Path(folder) / "two.npz")
        >>> arrays["x"].shape, arrays["y"].shape
        ((5, 8), (5,))
    """
    with bounded.explained(path, "an array in it"):
        if not path.is_file():
            raise TflconvError(f"there is no file {path}.")
        arrays = _members(path) if zipfile.is_zipfile(path) else {"": _mapped(path)}
    for name, array in arrays.items():
        if array.dtype.kind not in _KINDS:
            place = f"{path}: {name}" if name else str(path)
            raise TflconvError(f"{place} holds no numbers or text. Received: {array.dtype}.")
    if not arrays:
        raise TflconvError(f"{path} holds no arrays.")
    return arrays


def _members(path: Path) -> dict[str, NDArray[Any]]:
    with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory(prefix="tflconv-") as folder:
        names = [name for name in archive.namelist() if name.endswith(_MEMBER)]
        return {name.removesuffix(_MEMBER): _member(archive, name, Path(folder)) for name in names}


def _member(archive: zipfile.ZipFile, name: str, folder: Path) -> NDArray[Any]:
    """Map an array from a file that is gone from its folder, and from disk when it is let go."""
    target = folder / "member.npy"
    with target.open("wb") as stream:
        bounded.copy_member(archive, name, stream)
    try:
        return _mapped(target)
    finally:
        target.unlink()


def _mapped(path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (SyntaxError, tokenize.TokenError) as error:  # NumPy reads headers as Python literals
        raise ValueError(f"its header cannot be read: {error.args[0]}") from error
    return array
