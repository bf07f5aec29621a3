"""Reads CIFAR's Python batches: pickles of ``{data: uint8 [n, 3072], labels: [n]}`` in a tar.gz.

Loading a pickle can call any function that it names, so loading one from the network runs an
untrusted program. This unpickler knows the names that a pickled NumPy array needs, and refuses
every other before anything is called. A row of data is the red, green and blue plane of 32 x 32.
Reference: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from tflconv.data.archives import Member, members
from tflconv.data.dataset import Split, pooled
from tflconv.errors import TflconvError

_SIDE = 32


def read(path: Path) -> Mapping[str, Split]:
    """Read the splits ``train`` and ``test`` of a CIFAR-10 archive.

    Raises ``TflconvError`` where a batch is missing, damaged, or holds more than arrays.
    """
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
    if not isinstance(value, dict):
        raise TflconvError(f"{source} is not a CIFAR batch: it holds a {type(value).__name__}.")
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


def unpickle(content: bytes, source: str) -> object:
    """Return the numbers, texts, lists, dicts and arrays in a pickle; call nothing that it names.

    Args:
        content: The pickle.
        source: Name of the pickle, for errors.

    Raises:
        TflconvError: The pickle is damaged, or asks for anything else.
    """
    try:
        value: object = _PlainUnpickler(io.BytesIO(content), encoding="bytes").load()
        return value
    except TflconvError as error:
        raise TflconvError(f"{source}: {error.message}", hint=error.hint) from None
    except Exception as error:  # a damaged pickle raises whatever its broken opcodes raise
        raise TflconvError(f"{source} is cut short or damaged: {error!r}.") from error


def _empty_array(*_: object) -> NDArray[np.int8]:
    """Return the empty array that the state of a pickled array then fills."""
    return np.ndarray((0,), np.int8)


def _latin1(text: str, _encoding: str) -> bytes:
    """Return bytes as Python 3 writes them into pickles that Python 2 can read."""
    return text.encode("latin1")


class _PlainUnpickler(pickle.Unpickler):
    """An unpickler that knows NumPy arrays and nothing else."""

    _known: Mapping[tuple[str, str], object] = {
        ("numpy.core.multiarray", "_reconstruct"): _empty_array,
        ("numpy._core.multiarray", "_reconstruct"): _empty_array,
        ("_codecs", "encode"): _latin1,
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in self._known:
            raise TflconvError(
                f"the pickle asks for {module}.{name}, which could run code.",
                hint="Do not trust this file: tflconv loads only plain arrays from pickles.",
            )
        return self._known[module, name]
