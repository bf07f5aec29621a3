"""Pictures by which the ranges of static quantization are set.

They come from the training split, a fixed number, every class by its share, drawn by seed: ranges
taken from test pictures would make the test easier, and ranges taken from one class would clip the
others.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import nsmallest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tflconv.core.files import sha256_bytes, sha256_json
from tflconv.data import folders
from tflconv.data.dataset import Dataset
from tflconv.data.splits import draw, ranks
from tflconv.errors import TflconvError, UsageError
from tflconv.model.pictures import View


@dataclass(frozen=True, kw_only=True, eq=False)
class CalibrationSet:
    """``images`` uint8 ``[n, h, w, c]``, what they are and where they come from.

    ``digest`` is equal for equal pictures; ``labels`` are -1 where nobody said.
    """

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    ids: tuple[str, ...]
    digest: str


def calibration(dataset: Dataset, count: int = 200, seed: int = 0) -> CalibrationSet:
    """``count`` pictures of the training split, stratified by class, the same for every machine.

    Raises ``UsageError`` where the split has fewer than ``count`` pictures.
    """
    if not 0 < count <= len(dataset.train):
        raise UsageError(
            f"cannot draw {count} calibration pictures:"
            f" the training split of {dataset.name} has {len(dataset.train)}."
        )
    chosen = dataset.train.take(draw(dataset.train.labels, dataset.train.ids, count, seed))
    return CalibrationSet(
        name=f"{dataset.name}-train-{count}-seed{seed}",
        images=chosen.images,
        labels=chosen.labels,
        ids=chosen.ids,
        digest=sha256_json({"dataset": dataset.digest, "count": count, "seed": seed}),
    )


def calibration_file(path: Path) -> CalibrationSet:
    """The pictures in the NumPy file at ``path``: uint8 ``[n, h, w, c]`` (or ``[n, h, w]``).

    Raises ``TflconvError`` for another shape or type.
    """
    array = _array(path)
    images = array[..., np.newaxis] if array.ndim == 3 else array
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape:
        raise TflconvError(
            f"{path}: calibration pictures are [n, height, width, 1 or 3]."
            f" Received: shape={list(array.shape)}."
        )
    return CalibrationSet(
        name=path.name,
        images=images,
        labels=np.full(len(images), -1, np.int64),
        ids=tuple(f"{path.name}/{index}" for index in range(len(images))),
        digest=sha256_bytes(images.tobytes()),
    )


def calibration_pictures(path: Path, view: View, count: int = 200, seed: int = 0) -> CalibrationSet:
    """``count`` pictures (or all, if fewer) from anywhere under the folder or archive ``path``.

    For pictures that nobody sorted into classes; those that cannot be read are passed over.
    Raises ``TflconvError`` where there is none.
    """
    drawn = nsmallest(count, folders.pictures(path, view), key=lambda item: _rank(item[0], seed))
    if not drawn:
        raise TflconvError(f"{path}: there is no picture that can be read.")
    found = dict(drawn)
    ids = tuple(sorted(found))
    images = np.stack([found[name] for name in ids])
    return CalibrationSet(
        name=f"{path.name}-{len(ids)}-seed{seed}",
        images=images,
        labels=np.full(len(images), -1, np.int64),
        ids=ids,
        digest=sha256_bytes(images.tobytes()),
    )


def _rank(name: str, seed: int) -> int:
    return int(ranks([name], seed)[0])


def _array(path: Path) -> NDArray[np.uint8]:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise TflconvError(f"cannot read calibration pictures from {path}: {error}.") from error
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8:
        received = array.dtype if isinstance(array, np.ndarray) else "several arrays"
        raise TflconvError(f"{path}: pictures are pixels of type uint8. Received: {received}.")
    return array
