"""Trained models that this computer keeps: files in ``$TFLCONV_MODEL_DIR``, known by their hash."""

from __future__ import annotations

import os
from pathlib import Path

from tflconv.core.files import sha256_file
from tflconv.errors import TflconvError

VARIABLE = "TFLCONV_MODEL_DIR"

_SUFFIXES = (".keras", ".h5", ".hdf5")


def find(sha256: str) -> Path | None:
    """Return the model file with this hash, or None where there is none.

    Raises:
        TflconvError: The variable names no folder.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    folder = Path(named)
    if not folder.is_dir():
        raise TflconvError(
            f"${VARIABLE} names {named}, which is not a folder.",
            hint="Name a folder of .keras files, or unset it and models are trained.",
        )
    files = (file for file in sorted(folder.iterdir()) if file.suffix in _SUFFIXES)
    return next((file for file in files if sha256_file(file) == sha256), None)


def check(path: Path, sha256: str) -> None:
    """Raise ``TflconvError`` where the file at ``path`` has another hash than a plan says."""
    actual = sha256_file(path)
    if actual != sha256:
        raise TflconvError(
            f"{path} is not the file that the plan means: its sha256 is {actual}.",
            hint="Give that file, or change the 'sha256' of the plan.",
        )
