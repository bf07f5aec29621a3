"""Copies pictures of files into one array, a few at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tflconv.data.cache import Allocate
from tflconv.data.dataset import Files
from tflconv.model.pictures import View

_CHUNK = 256


def copied(files: Files, view: View, allocate: Allocate) -> NDArray[np.uint8]:
    """Return all pictures in ``view``, in an array of ``allocate``."""
    shaped: NDArray[np.uint8] | None = None
    end = 0
    for number in range(len(files.counts)):
        images = files.read(number)
        if shaped is None:
            height, width = view.size or images.shape[1:3]
            shaped = allocate((sum(files.counts), height, width, view.channels))
        for first in range(0, len(images), _CHUNK):
            chunk = view.shape_all(images[first : first + _CHUNK])
            shaped[end : end + len(chunk)] = chunk
            end += len(chunk)
    assert shaped is not None, "there are files"
    return shaped
