"""Calibration data: the pictures on which the ranges of static quantization are measured.

A fixed number is drawn by seed from the training split, stratified by class: ranges measured on
test pictures would make the test easier, and ranges measured on one class would clip the others.
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
from tflconv.data.samples import Samples
from tflconv.data.splits import draw, ranks
from tflconv.errors import TflconvError, UsageError
from tflconv.model.pictures import View


@dataclass(frozen=True, kw_only=True, eq=False)
class CalibrationSet:
    """Calibration pictures.

    Attributes:
        name: Name of the set, for reports.
        images: uint8 ``[n, height, width, channels]``.
        labels: int64 ``[n]``; -1 where a label is not known.
        ids: Names of the pictures.
        digest: Hash that is equal for equal pictures.
    """

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    ids: tuple[str, ...]
    digest: str


def calibration(dataset: Dataset, count: int = 200, seed: int = 0) -> CalibrationSet:
    """Draw calibration pictures from the training split, stratified by class.

    Every machine draws the same ones.

    Args:
        dataset: The dataset.
        count: Number of pictures.
        seed: Seed of the draw.

    Returns:
        The pictures.

    Raises:
        UsageError: The training split has fewer pictures than ``count``.

    Example:
        >>> from tflconv import data
        >>> calibration(data.load("mnist-sample"), count=50).images.shape
        (50, 28, 28, 1)
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


def calibration_samples(samples: Samples, pixels: NDArray[np.uint8]) -> CalibrationSet:
    """Return ``samples``, whose inputs are ``pixels``, as calibration pictures.

    Example:
        >>> digits = Samples(name="digits", inputs=(np.zeros((9, 28, 28), np.uint8),))
        >>> calibration_samples(digits, digits.pixels).images.shape
        (9, 28, 28, 1)
    """
    return CalibrationSet(
        name=samples.name,
        images=pixels,
        labels=np.full(len(pixels), -1, np.int64),
        ids=samples.ids,
        digest=sha256_bytes(pixels.tobytes()),
    )


def calibration_pictures(path: Path, view: View, count: int = 200, seed: int = 0) -> CalibrationSet:
    """Draw calibration pictures from a folder or archive that is not sorted into classes.

    Args:
        path: The folder or archive; pictures may lie at any depth.
        view: Size and channels to which they are brought.
        count: Number of pictures; all are taken where there are fewer.
        seed: Seed of the draw.

    Returns:
        The pictures, with labels of -1. Unreadable ones are left out with a warning.

    Raises:
        TflconvError: There is no readable picture.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (40, 30)).save(f"{folder}/cat.png")
        ...     view = View(size=(24, 24), channels=3, resize="crop")
        ...     calibration_pictures(Path(folder), view).images.shape
        (1, 24, 24, 3)
    """
    drawn = nsmallest(count, folders.pictures(path, view), key=lambda item: _rank(item[0], seed))
    if not drawn:
        raise TflconvError(f"{path}: there is no picture that can be read.")
    by_name = dict(drawn)
    ids = tuple(sorted(by_name))
    images = np.stack([by_name[name] for name in ids])
    return CalibrationSet(
        name=f"{path.name}-{len(ids)}-seed{seed}",
        images=images,
        labels=np.full(len(images), -1, np.int64),
        ids=ids,
        digest=sha256_bytes(images.tobytes()),
    )


def _rank(name: str, seed: int) -> int:
    return int(ranks([name], seed)[0])
