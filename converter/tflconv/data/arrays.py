"""Files of arrays as samples: ``.npy`` and ``.npz``, numbers and text only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tflconv.core import arrays
from tflconv.errors import TflconvError

SUFFIXES = (".npy", ".npz")
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
        >>> import tempfile
        >>> import numpy as np
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/two.npz", x=np.zeros((5, 8)), y=np.arange(5))
        ...     found = read_arrays(Path(folder) / "two.npz")
        >>> found["x"].shape, found["y"].shape
        ((5, 8), (5,))
    """
    if not path.is_file():
        raise TflconvError(f"there is no file {path}.", hint="Is the path right?")
    by_name = arrays.read_arrays(path, "the samples")
    for name, array in by_name.items():
        if array.dtype.kind not in _KINDS:
            place = f"{path}: {name}" if name else str(path)
            raise TflconvError(f"{place} holds no numbers or text. Received: {array.dtype}.")
    if not by_name:
        raise TflconvError(f"{path} holds no arrays.")
    return by_name
