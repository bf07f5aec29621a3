"""Compare what two float files compute: the one a model was lowered to, and one rewritten from it.

A random batch behind a softmax hides nearly everything, so a softmax that was dropped is undone in
the first file, and inputs have scales from a tenth to a hundred: what clips at one of them does not
at another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
from ai_edge_litert import interpreter as litert
from numpy.typing import NDArray

from tflconv.conversion.calibration import load
from tflconv.network.nodes import CannotRewrite
from tflconv.tflite import outline
from tflconv.tflite.contents import TfliteModel

CLOSE = 1e-4
"""Largest difference between files that compute the same, as a share of the largest output."""

_SCALES = (0.1, 1.0, 10.0, 100.0)


def difference(
    model: TfliteModel,
    content: bytes,
    rewritten: bytes,
    *,
    without_softmax: Collection[int] = (),
) -> float:
    """Return how far the outputs of two float files lie apart.

    Args:
        model: The first file, read.
        content: Its bytes.
        rewritten: A file that shall compute the same.
        without_softmax: Places of those outputs of the first file whose softmax was dropped.

    Returns:
        The largest difference of any output, as a share of the largest of it for the same input;
        infinity if inputs or outputs have different shapes or types, or an output is no numbers
        whatever the input.

    Raises:
        CannotRewrite: The first file cannot compute what it is given.
    """
    expected = [
        model.main.producers[tensor].inputs[0] if place in without_softmax else tensor
        for place, tensor in enumerate(model.main.outputs)
    ]
    first, second = load(content), load(rewritten)
    if _ends(first) != _ends(second):
        return float("inf")
    received = [detail["index"] for detail in second.get_output_details()]
    ends = outline.of(model)
    limits = [ends.rows.get(name) for name in ends.inputs]
    distances = [
        list(map(_apart, _computed(first, sample, expected), _computed(second, sample, received)))
        for sample in _samples(first, limits)
    ]
    outputs = [
        [apart for apart in each if apart is not None] for each in zip(*distances, strict=True)
    ]
    return max(max(each, default=float("inf")) for each in outputs)


def _ends(runtime: litert.Interpreter) -> list[tuple[tuple[int, ...], type[np.generic]]]:
    """Shapes and types of the inputs, then those of the outputs."""
    details = (*runtime.get_input_details(), *runtime.get_output_details())
    return [(tuple(map(int, detail["shape"])), detail["dtype"]) for detail in details]


def _samples(
    runtime: litert.Interpreter, limits: Sequence[int | None]
) -> Iterator[list[NDArray[np.generic]]]:
    """Numbers at several scales, and rows of those inputs that look them up in a table."""
    random = np.random.default_rng(0)
    for scale in _SCALES:
        yield [
            _drawn(random, scale, tuple(map(int, detail["shape"])), detail["dtype"])
            if rows is None
            else random.integers(0, rows, detail["shape"]).astype(detail["dtype"])
            for detail, rows in zip(runtime.get_input_details(), limits, strict=True)
        ]


def _drawn(
    random: np.random.Generator, scale: float, shape: tuple[int, ...], dtype: type[np.generic]
) -> NDArray[np.generic]:
    values = random.normal(size=shape) * scale
    signed = issubclass(dtype, np.floating)
    return values.astype(dtype) if signed else np.abs(values).astype(dtype)


def _computed(
    runtime: litert.Interpreter, sample: list[NDArray[np.generic]], tensors: Sequence[int]
) -> list[NDArray[np.float32]]:
    for detail, values in zip(runtime.get_input_details(), sample, strict=True):
        runtime.set_tensor(detail["index"], values)
    try:
        runtime.invoke()
    except RuntimeError as error:
        raise CannotRewrite(f"It cannot be run on random numbers: {error}") from error
    return [np.ravel(runtime.get_tensor(tensor)).astype(np.float32) for tensor in tensors]


def _apart(first: NDArray[np.float32], second: NDArray[np.float32]) -> float | None:
    """Their distance as a share of the largest of ``first``; None where that is no number."""
    if first.size != second.size:
        return float("inf")
    if not np.isfinite(first).all():
        return None
    largest = float(np.abs(first).max()) or 1.0
    apart = float(np.abs(first - second).max()) / largest
    return apart if np.isfinite(apart) else float("inf")
