"""The cache of decoded pictures: decoding 20 000 JPEG files takes longer than training on them.

Pictures are decoded into one memory-mapped array per dataset, so that memory does not grow with
their number; splits are slices of it. An entry is named by the digest of its dataset, so another
byte, size or split is another entry.
"""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tflconv.core import telling
from tflconv.core.files import cache_dir, put_away, write_json
from tflconv.core.private import private_folder, sweep
from tflconv.core.store import Store
from tflconv.data.dataset import Reading, Split
from tflconv.errors import TflconvError

Allocate = Callable[[tuple[int, int, int, int]], NDArray[np.uint8]]
"""Gives a memory-mapped array for pictures ``[n, height, width, channels]``."""

TOLD_BYTES = 1 << 30
"""Disk that decoded pictures need without a word."""
_STAGE = "pictures"
_FORMAT = 2
"""Number of the format of entries: one array for all splits."""
_FILE = "reading.json"
_IMAGES = "images.npy"


class _ReadingFailed(Exception):  # noqa: N818 - never leaves this module
    """The dataset could not be read; the cache is not at fault."""

    def __init__(self, error: TflconvError) -> None:
        super().__init__(str(error))
        self.error = error


def cached(digest: str, read: Callable[[Allocate], Reading]) -> Reading:
    """Return the pictures of a dataset from the cache, or read and cache them.

    Entries lie in the user's cache folder (``TFLCONV_CACHE_DIR`` moves it); ``clear`` removes them.
    Where nothing can be written there, the pictures are put into a temporary file.

    Args:
        digest: Digest of the dataset.
        read: Reads the dataset into an array that it asks for.

    Raises:
        TflconvError: The dataset cannot be read, or the disk is too small for its pictures.
    """

    def build(folder: Path) -> None:
        try:
            save(read(partial(_allocate, folder / _IMAGES)), folder)
        except TflconvError as error:
            raise _ReadingFailed(error) from error

    try:
        store = Store(cache_dir(""))
        store.sweep()
        inputs = {"dataset": digest, "format": _FORMAT}
        return restore(store.fetch(_STAGE, inputs, build).path)
    except _ReadingFailed as failure:
        raise failure.error from None
    except (OSError, TflconvError):
        return read(_temporary)


def clear() -> int:
    """Remove all cached pictures and return the number of bytes that this frees.

    What another process is just decoding stays.

    Raises:
        TflconvError: Something cannot be removed.
    """
    folder = cache_dir(_STAGE)
    sweep(folder)
    return sum(map(_remove, folder.glob("[!.]*")))


def _remove(entry: Path) -> int:
    """Remove an entry as it came, in one step, and return its bytes."""
    freed = sum(path.stat().st_size for path in entry.rglob("*") if path.is_file())
    try:
        with private_folder(entry.parent) as folder:
            put_away(entry, folder)
    except OSError as error:
        raise TflconvError(f"cannot remove {entry}: {error.strerror}.") from error
    return freed


def save(reading: Reading, folder: Path) -> None:
    """Describe ``reading`` in ``folder``, where its pictures are, one split after another."""
    splits = reading.splits.items()
    value = {
        "ids": {name: split.ids for name, split in splits},
        "labels": {name: split.labels.tolist() for name, split in splits},
        "classes": reading.classes,
        "warnings": reading.warnings,
    }
    write_json(folder / _FILE, value)


def restore(folder: Path) -> Reading:
    """Return the reading that ``save`` described in ``folder``; its pictures stay on the disk."""
    value = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    images = np.load(folder / _IMAGES, mmap_mode="r")
    splits: dict[str, Split] = {}
    end = 0
    for name, ids in value["ids"].items():
        start, end = end, end + len(ids)
        labels = np.array(value["labels"][name], np.int64)
        splits[name] = Split(images=images[start:end], labels=labels, ids=tuple(ids))
    classes, warnings = tuple(value["classes"]), tuple(value["warnings"])
    return Reading(splits=splits, classes=classes, warnings=warnings)


def _allocate(path: Path, shape: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    _check_space(cache_dir(_STAGE), shape)
    images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    with path.open("r+b") as stream:
        _reserve(stream.fileno(), path, path.stat().st_size)
    return images


def _temporary(shape: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    folder = Path(tempfile.gettempdir())
    _check_space(folder, shape)
    with tempfile.TemporaryFile() as stream:
        stream.truncate(math.prod(shape))
        _reserve(stream.fileno(), folder, math.prod(shape))
        return np.memmap(stream, np.uint8, "r+", shape=shape)


def _check_space(folder: Path, shape: tuple[int, int, int, int]) -> None:
    count, height, width, _ = shape
    needed, free = math.prod(shape), shutil.disk_usage(folder).free
    what = f"{count:,} pictures of {width}x{height} pixels need {_gigabytes(needed)} of disk"
    if needed > free:
        raise _too_small(f"{what} in {folder}, where {_gigabytes(free)} are free.")
    if needed > TOLD_BYTES:
        telling.warn(f"{what} in {folder}; `tflconv datasets clean` frees it.")


def _reserve(descriptor: int, path: Path, size: int) -> None:
    """Take the disk now: writing to a mapped file on a full disk would kill the process."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return
        what = f"cannot take {_gigabytes(size)} of disk for pictures"
        raise _too_small(f"{what} in {path}: {error.strerror}.") from error


def _too_small(problem: str) -> TflconvError:
    return TflconvError(
        problem,
        hint="Free some space, or name a folder on another disk with TFLCONV_CACHE_DIR.",
    )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 5e7 else f"{size / 1e6:.1f} MB"
