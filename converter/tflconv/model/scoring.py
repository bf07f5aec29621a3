"""Scores of many pictures, by as many interpreters side by side as help.

An interpreter runs one picture at a time, as on a phone, and lets go of Python meanwhile. So where
much is left to do after a first batch, each core gets an interpreter of its own; which one scores a
picture does not change a bit of its scores.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from tflconv.model.card import ModelCard
from tflconv.model.interpreter import Interpreter, Stored

CHUNK = 64
"""Pictures that are prepared at once: as floats, a whole test split may not fit into memory."""

_WORTH_SECONDS = 0.5
"""Work below which further interpreters do not pay."""
_MOST_THREADS = 8
_MOST_BYTES = 256 << 20
"""Size of model files together: each interpreter packs the weights once more."""

Told = Callable[[int, int], None]
"""Is told how many pictures are done, of how many."""


def _untold(_done: int, _total: int) -> None:
    pass


def scores(
    model: Path,
    images: Stored,
    *,
    card: ModelCard | None = None,
    told: Told = _untold,
) -> NDArray[np.float32]:
    """Return the scores of a ``.tflite`` classifier for pictures.

    Args:
        model: The file.
        images: ``[n, height, width, channels]``: uint8 pixels, or float32 inputs of the model.
        card: How pixels become inputs, by default as the file says.
        told: Is told how many pictures are done, of how many.

    Returns:
        float32 ``[n, classes]``.

    Raises:
        UsageError: The model is no classifier, or takes pictures of another shape, or nothing says
            how its pixels are normalized.
        TflconvError: The file is missing or damaged, or LiteRT cannot run it.
    """
    first = Interpreter(model, card=card)
    chunks = [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)] or [images]
    began = time.perf_counter()
    parts = [first.predict(chunks[0])]
    left = (time.perf_counter() - began) * (len(chunks) - 1)
    told(len(chunks[0]), len(images))
    count = _threads(model) if left > _WORTH_SECONDS else 1
    idle = SimpleQueue[Interpreter]()
    for runtime in (first, *(Interpreter(model, card=card) for _ in range(count - 1))):
        idle.put(runtime)

    def predict(chunk: Stored) -> NDArray[np.float32]:
        runtime = idle.get()
        try:
            return runtime.predict(chunk)
        finally:
            idle.put(runtime)

    pool = ThreadPoolExecutor(count)
    try:
        for part in pool.map(predict, chunks[1:]):
            parts.append(part)
            told(min(len(parts) * CHUNK, len(images)), len(images))
    finally:
        pool.shutdown(cancel_futures=True)
    return np.concatenate(parts)


def _threads(model: Path) -> int:
    fitting = _MOST_BYTES // max(1, model.stat().st_size)
    return max(1, min(os.cpu_count() or 1, _MOST_THREADS, fitting))
