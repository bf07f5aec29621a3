"""The cache of decoded pictures: decoding 20 000 JPEG files takes longer than training on them.

An entry is named by the digest of its dataset, so another byte, size or split is another entry.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import platformdirs

from tflconv.core.files import write_json
from tflconv.core.store import Store
from tflconv.data.dataset import Reading, Split
from tflconv.errors import TflconvError

_STAGE = "pictures"
_FILE = "reading.json"


class _ReadingFailed(Exception):  # noqa: N818 - never leaves this module
    """The dataset could not be read; the cache is not at fault."""

    def __init__(self, error: TflconvError) -> None:
        super().__init__(str(error))
        self.error = error


def cached(digest: str, read: Callable[[], Reading]) -> Reading:
    """Return the pictures of a dataset from the cache, or read and cache them.

    Entries lie in the user's cache folder (``XDG_CACHE_HOME``); ``clear`` removes them. A cache
    that cannot be written is no error.

    Args:
        digest: Digest of the dataset.
        read: Reads the dataset.

    Raises:
        TflconvError: The dataset cannot be read.
    """
    fresh: list[Reading] = []

    def build(folder: Path) -> None:
        try:
            fresh.append(read())
        except TflconvError as error:
            raise _ReadingFailed(error) from error
        save(fresh[0], folder)

    try:
        entry = Store(_root()).fetch(_STAGE, {"dataset": digest}, build)
        return fresh[0] if fresh else restore(entry.path)
    except _ReadingFailed as failure:
        raise failure.error from None
    except (OSError, TflconvError):
        return fresh[0] if fresh else read()


def clear() -> int:
    """Remove all cached pictures and return the number of bytes that this frees."""
    folder = _root() / _STAGE
    freed = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise TflconvError(f"cannot remove {error.filename}: {error.strerror}.") from error
    return freed


def _root() -> Path:
    return platformdirs.user_cache_path("tflconv")


def save(reading: Reading, folder: Path) -> None:
    """Write ``reading`` into ``folder``."""
    for name, split in reading.splits.items():
        np.save(folder / f"{name}-images.npy", split.images)
        np.save(folder / f"{name}-labels.npy", split.labels)
    ids = {name: split.ids for name, split in reading.splits.items()}
    value = {"ids": ids, "classes": reading.classes, "warnings": reading.warnings}
    write_json(folder / _FILE, value)


def restore(folder: Path) -> Reading:
    """Return the reading that ``save`` wrote into ``folder``."""
    value = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    splits = {
        name: Split(
            images=np.load(folder / f"{name}-images.npy"),
            labels=np.load(folder / f"{name}-labels.npy"),
            ids=tuple(ids),
        )
        for name, ids in value["ids"].items()
    }
    classes, warnings = tuple(value["classes"]), tuple(value["warnings"])
    return Reading(splits=splits, classes=classes, warnings=warnings)
