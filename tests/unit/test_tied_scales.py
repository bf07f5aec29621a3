"""Which int8 operators tie their operands to one scale: asked of LiteRT with its real delegate.

Each graph is made twice: with one scale throughout, and with a scale of its own for every tensor.
An operator ties if the second is refused, or gives other numbers than the first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import interpreter as litert
from ai_edge_litert import schema_py_generated as fb
from tiny_graphs import INT8, INT32, Builder

from tflconv.core import quiet

SHAPE = (1, 2, 4, 8)
LEFT, RIGHT = (
    np.random.default_rng(seed).integers(-4, 5, SHAPE).astype(np.float32) for seed in (1, 2)
)
"""Whole numbers, which any of the scales hold exactly."""


def options(name: str, **values: Any) -> Any:
    made = getattr(fb, f"{name}OptionsT")()
    for key, value in values.items():
        setattr(made, key, value)
    return made


TWO: dict[str, tuple[Any, Any]] = {
    "ADD": (options("Add"), np.add),
    "CONCATENATION": (
        options("Concatenation", axis=3), lambda a, b: np.concatenate([a, b], 3)
    ),
    "MAXIMUM": (options("MaximumMinimum"), np.maximum),
    "MINIMUM": (options("MaximumMinimum"), np.minimum),
    "MUL": (options("Mul"), np.multiply),
    "PACK": (options("Pack", valuesCount=2, axis=1), lambda a, b: np.stack([a, b], 1)),
    "SELECT_V2": (options("SelectV2"), lambda a, b: np.where(np.arange(8) % 2 == 0, a, b)),
    "SUB": (options("Sub"), np.subtract),
}  # fmt: skip
ONE: dict[str, tuple[Any, Any]] = {
    "MAX_POOL_2D": (
        options("Pool2D", strideW=1, strideH=1, filterWidth=1, filterHeight=1), lambda a: a
    ),
    "RESHAPE": (options("Reshape", newShape=[1, 8, 8]), lambda a: a.reshape(1, 8, 8)),
    "PAD": (options("Pad"), lambda a: np.pad(a, ((0, 0), (0, 0), (1, 0), (0, 0)))),
    "TRANSPOSE": (options("Transpose"), lambda a: a.transpose(0, 2, 1, 3)),
}  # fmt: skip
STEERED = {"RESHAPE": [1, 8, 8], "PAD": [[0, 0], [0, 0], [1, 0], [0, 0]], "TRANSPOSE": [0, 2, 1, 3]}

TIED = {"CONCATENATION", "MAXIMUM", "MAX_POOL_2D", "MINIMUM", "PACK", "PAD", "RESHAPE",
        "SELECT_V2", "TRANSPOSE"}  # fmt: skip


def graph(name: str, scales: tuple[float, float, float], result: np.ndarray) -> bytes:
    builder = Builder()
    inputs = [builder.tensor(SHAPE, INT8, scale=scales[0])]
    if name in TWO:
        inputs.append(builder.tensor(SHAPE, INT8, scale=scales[1]))
    operands = list(inputs)
    if name in STEERED:
        values = np.array(STEERED[name], np.int32)
        operands.append(builder.tensor(values.shape, INT32, values=values))
    if name == "SELECT_V2":
        even = builder.tensor((8,), fb.TensorType.BOOL, values=np.arange(8) % 2 == 0)
        operands.insert(0, even)
    target = builder.tensor(result.shape, INT8, scale=scales[2])
    builder.op(name, operands, [target], (TWO | ONE)[name][0])
    return builder.content(inputs, [target])


def run(content: bytes, *values: np.ndarray) -> np.ndarray:
    with quiet.native_stderr():
        runtime = litert.Interpreter(model_content=content, num_threads=1)
        runtime.allocate_tensors()
        for detail, each in zip(runtime.get_input_details(), values, strict=True):
            scale, zero = detail["quantization"]
            stored = np.clip(np.rint(each / scale) + zero, -128, 127).astype(np.int8)
            runtime.set_tensor(detail["index"], stored)
        runtime.invoke()
    (detail,) = runtime.get_output_details()
    scale, zero = detail["quantization"]
    return np.asarray((runtime.get_tensor(detail["index"]).astype(np.float32) - zero) * scale)


def ties(name: str) -> bool:
    values = (LEFT, RIGHT) if name in TWO else (LEFT,)
    expected = (TWO | ONE)[name][1](*values)
    same = run(graph(name, (0.25, 0.25, 0.25), expected), *values)
    np.testing.assert_allclose(same, expected, atol=0.13)
    try:
        other = run(graph(name, (0.25, 0.125, 0.5), expected), *values)
    except (RuntimeError, ValueError):
        return True
    return bool(np.abs(other - expected).max() > 0.26)


@pytest.mark.parametrize("name", sorted(TWO | ONE))
def test_an_operator_ties_its_operands_or_not(name: str) -> None:
    assert ties(name) == (name in TIED)
