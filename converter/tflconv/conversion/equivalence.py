"""Compare what two float files compute: the one a model was lowered to, and one rewritten from it.

A random batch behind a softmax hides nearly everything, so a softmax that was dropped is undone in
the first file, and inputs have scales from a tenth to a hundred: what clips at one of them does not
at another.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ai_edge_litert import interpreter as litert
from numpy.typing import NDArray

from tflconv.conversion.calibration import load
from tflconv.tflite.reading import TfliteModel

CLOSE = 1e-4
"""Largest difference between files that compute the same, as a share of the largest output."""

_SCALES = (0.1, 1.0, 10.0, 100.0)


def difference(
    model: TfliteModel, content: bytes, rewritten: bytes, *, without_softmax: bool = False
) -> float:
    """Return how far the outputs of two float files with one output lie apart.

    Args:
        model: The first file, read.
        content: Its bytes.
        rewritten: A file that shall compute the same.
        without_softmax: Whether the last operator of the first file, a softmax, was dropped.

    Returns:
        The largest difference of any output, as a share of the largest output for the same input;
        infinity if inputs have different types or outputs different sizes, or are no numbers
        whatever the input.
    """
    (output,) = model.main.outputs
    if without_softmax:
        output = model.main.producers[output].inputs[0]
    first, second = load(content), load(rewritten)
    types = [[entry["dtype"] for entry in each.get_input_details()] for each in (first, second)]
    if types[0] != types[1]:
        return float("inf")
    (own,) = [detail["index"] for detail in second.get_output_details()]
    found = [
        _apart(_computed(first, sample, output), _computed(second, sample, own))
        for sample in _samples(first)
    ]
    return max((apart for apart in found if apart is not None), default=float("inf"))


def _samples(runtime: litert.Interpreter) -> Iterator[list[NDArray[np.generic]]]:
    random = np.random.default_rng(0)
    for scale in _SCALES:
        yield [
            _drawn(random, scale, tuple(map(int, detail["shape"])), detail["dtype"])
            for detail in runtime.get_input_details()
        ]


def _drawn(
    random: np.random.Generator, scale: float, shape: tuple[int, ...], dtype: type[np.generic]
) -> NDArray[np.generic]:
    values = random.normal(size=shape) * scale
    signed = issubclass(dtype, np.floating)
    return values.astype(dtype) if signed else np.abs(values).astype(dtype)


def _computed(
    runtime: litert.Interpreter, sample: list[NDArray[np.generic]], tensor: int
) -> NDArray[np.float32]:
    for detail, values in zip(runtime.get_input_details(), sample, strict=True):
        runtime.set_tensor(detail["index"], values)
    runtime.invoke()
    return np.ravel(runtime.get_tensor(tensor))


def _apart(first: NDArray[np.float32], second: NDArray[np.float32]) -> float | None:
    """Their distance as a share of the largest of ``first``; None where that is no number."""
    if first.size != second.size:
        return float("inf")
    if not np.isfinite(first).all():
        return None
    largest = float(np.abs(first).max()) or 1.0
    apart = float(np.abs(first - second).max()) / largest
    return apart if np.isfinite(apart) else float("inf")
