"""Pack a test split for the harness, so that accuracy is measured on the device itself.

One file holds the pictures as they are (uint8), their labels, and per channel the model's input for
each of the 256 pixel values. The harness quantizes these for the model at hand, so one file serves
every recipe of a model and is pushed only once. ``android-benchmark/README.md`` documents the
format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tflconv.core.files import replacing_file, sha256_file
from tflconv.core.shortening import shorten
from tflconv.data import Split
from tflconv.errors import TflconvError, UsageError
from tflconv.model.normalization import Normalization

MAGIC, VERSION = b"tflctest", 1
_HEADER = np.dtype([("magic", "S8"), ("numbers", "<u4", 6)])


@dataclass(frozen=True, kw_only=True)
class PackedSet:
    """A packed test set and its names.

    Attributes:
        path: The packed file.
        dataset: Name of the dataset.
        classes: Name of each class.
        ids: Name of each picture.
        labels: Class of each picture, as an index of ``classes``.
        subset: Whether these are only some pictures of the test split.

    """

    path: Path
    dataset: str
    classes: tuple[str, ...]
    ids: tuple[str, ...]
    labels: tuple[int, ...]
    subset: bool = False

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file: pictures, labels and normalization."""
        return sha256_file(self.path)

    def __repr__(self) -> str:
        return f"PackedSet({len(self.ids)} pictures of {shorten(self.dataset)})"


def pack(
    path: Path,
    split: Split,
    normalization: Normalization,
    *,
    dataset: str,
    classes: Sequence[str],
    subset: bool = False,
) -> PackedSet:
    """Write a split in the harness's format; equal content gives equal bytes.

    Args:
        path: File to write.
        split: Pictures (uint8, ``[n, h, w, c]``) and labels.
        normalization: How pixels become inputs of the model.
        dataset: Name of the dataset.
        classes: Name of each class.
        subset: Whether ``split`` is only a part of the test split.

    Raises:
        UsageError: There are no pictures.

    """
    if len(split) == 0:
        raise UsageError(f"{dataset}: there is no picture to test with.")
    with replacing_file(path) as temporary, temporary.open("wb") as stream:
        stream.writelines(_packed(split, normalization, len(classes)))
    return PackedSet(
        path=path,
        dataset=dataset,
        classes=tuple(classes),
        ids=split.ids,
        labels=tuple(int(label) for label in split.labels),
        subset=subset,
    )


def unpack(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float32]]:
    """Read a packed file.

    Returns:
        Pictures ``[n, h, w, c]``, labels ``[n]`` and the input for each pixel value ``[c, 256]``.

    Raises:
        TflconvError: The file is no packed test set of this version.

    """
    content = path.read_bytes()
    header = np.frombuffer(content, _HEADER, 1)[0] if len(content) >= _HEADER.itemsize else None
    if header is None or header["magic"] != MAGIC or header["numbers"][0] != VERSION:
        raise TflconvError(f"{path} is not a packed test set of version {VERSION}.")
    count, height, width, channels, _ = (int(number) for number in header["numbers"][1:])
    start = _HEADER.itemsize
    values = np.frombuffer(content, "<f4", channels * 256, start).reshape(channels, 256)
    start += values.nbytes
    labels = np.frombuffer(content, "<u2", count, start)
    pixels = np.frombuffer(content, np.uint8)[start + _padded(labels.nbytes) :]
    shape = (count, height, width, channels)
    return pixels.reshape(shape), labels.astype(np.int64), values


def _packed(split: Split, normalization: Normalization, classes: int) -> Iterator[bytes]:
    """Yield the file in parts, so that memory does not grow with the number of pictures."""
    images = split.images[..., ::-1] if normalization.channel_order == "bgr" else split.images
    labels = split.labels.astype("<u2").tobytes()
    header = np.array([(MAGIC, (VERSION, *images.shape, classes))], _HEADER)
    values = _values(normalization, images.shape[-1]).astype("<f4")
    padding = bytes(_padded(len(labels)) - len(labels))
    yield from (header.tobytes(), values.tobytes(), labels, padding)
    for image in images:
        yield image.tobytes()


def _values(normalization: Normalization, channels: int) -> NDArray[np.float32]:
    """Return the model's input for each channel and pixel value, ``[channels, 256]``."""
    levels = np.repeat(np.arange(256, dtype=np.uint8)[:, np.newaxis], channels, axis=1)
    return normalization.apply(levels).T


def _padded(size: int) -> int:
    return (size + 3) // 4 * 4
