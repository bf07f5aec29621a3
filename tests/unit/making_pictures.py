"""Pictures and folders of pictures for the tests of the data package."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image


def pixels(seed: int, height: int = 24, width: int = 24, channels: int = 3) -> np.ndarray:
    """A picture unlike every other: smooth colour noise."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, channels), np.uint8)
    image = Image.fromarray(coarse.squeeze())
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))


def png(seed: int, **size: int) -> bytes:
    return encoded(Image.fromarray(pixels(seed, **size)))


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def collection(classes: Mapping[str, int], seed: int = 0) -> dict[str, bytes]:
    """File names and contents: so many pictures a class."""
    return {
        f"{label}/{index:03}.png": png(seed + 1000 * number + index)
        for number, (label, count) in enumerate(classes.items())
        for index in range(count)
    }


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def write_tar(path: Path, files: Mapping[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


PETS_IN_SPLITS = {
    f"{split}/{name}": content
    for number, (split, count) in enumerate({"train": 7, "val": 6, "test": 5}.items())
    for name, content in collection({"cats": count, "dogs": count}, seed=100 * number).items()
}
"""Cats and dogs in folders ``train``, ``val`` and ``test``: 7, 6 and 5 of each."""
