"""CIFAR's Python batches: pickles of ``{data: uint8 [n, 3072], labels: [n]}`` in a tar.gz.

A pickle may name any function and have it called, so loading one from the network is running a
stranger's program. This unpickler knows the names that a pickled NumPy array needs, and refuses
every other before anything is called. Each row of data is red, green and blue plane of 32 x 32.
Reference: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv.data.archives import Member, members
from tflconv.data.dataset import Split, pooled
from tflconv.errors import TflconvError

_SIDE = 32


def read(path: Path) -> Mapping[str, Split]:
    """Splits ``train`` (all data batches) and ``test`` of the archive at ``path``."""
    batches: dict[str, list[Split]] = {"train": [], "test": []}
    for member in members(path):
        name = PurePosixPath(member.name).name
        if name.startswith("data_batch_"):
            batches["train"].append(_batch(member, path))
        elif name == "test_batch":
            batches["test"].append(_batch(member, path))
    for split, parts in batches.items():
        if not parts:
            raise TflconvError(f"{path} holds no CIFAR batch for {split}.")
    return {split: pooled(parts) for split, parts in batches.items()}


def _batch(member: Member, path: Path) -> Split:
    source = f"{path}: {member.name}"
    value = unpickle(member.content, source)
    try:
        pixels, labels = value[b"data"], np.asarray(value[b"labels"], np.int64)
        planes = np.asarray(pixels, np.uint8).reshape(-1, 3, _SIDE, _SIDE)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise TflconvError(f"{source} is not a CIFAR batch: {error!r}.") from error
    if labels.shape != (len(planes),):
        raise TflconvError(f"{source} has {len(planes)} pictures, but {labels.size} labels.")
    stem = PurePosixPath(member.name).name
    return Split(
        images=planes.transpose(0, 2, 3, 1),
        labels=labels,
        ids=tuple(f"{stem}/{index}" for index in range(len(labels))),
    )


def unpickle(content: bytes, source: str) -> Any:
    """The plain value (numbers, texts, lists, dicts, arrays) that ``content`` holds.

    Raises ``TflconvError`` where it asks for anything else; nothing it names is ever called.
    """
    try:
        return _PlainUnpickler(io.BytesIO(content), encoding="bytes").load()
    except TflconvError as error:
        raise TflconvError(f"{source}: {error.message}", hint=error.hint) from None
    except Exception as error:  # a damaged pickle raises whatever its broken opcodes raise
        raise TflconvError(f"{source} is cut short or damaged: {error!r}.") from error


def _empty_array(*_: Any) -> NDArray[np.int8]:
    """What a pickled array starts as; its state fills it."""
    return np.ndarray((0,), np.int8)


def _latin1(text: str, _encoding: str) -> bytes:
    """How Python 3 writes bytes into pickles that Python 2 can read."""
    return text.encode("latin1")


class _PlainUnpickler(pickle.Unpickler):
    """Knows arrays and nothing else."""

    _known: Mapping[tuple[str, str], Any] = {
        ("numpy.core.multiarray", "_reconstruct"): _empty_array,
        ("numpy._core.multiarray", "_reconstruct"): _empty_array,
        ("_codecs", "encode"): _latin1,
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._known:
            raise TflconvError(
                f"the pickle asks for {module}.{name}, which could run code.",
                hint="tflconv loads only plain arrays from pickles. Where does the file come from?",
            )
        return self._known[module, name]
