"""Operators that litert-quantizer leaves in float are spelled by others, number for number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from tiny_graphs import INT32, Builder

import tflconv
from tflconv.conversion import Calibration
from tflconv.model.interpreter import Interpreter
from tflconv.tflite import editing, packing, respelling

RANDOM = np.random.default_rng(0)
SAMPLES = RANDOM.normal(size=(20, 4, 6)).astype(np.float32)
SAMPLES[np.abs(SAMPLES) < 0.1] = 0  # which a mask hides; integers tell the others from it


def graph(name: str, axis: int = 2) -> bytes:
    """A graph of one operator over ``[1, 4, 6]``, or of a mask, as Masking has it."""
    builder = Builder()
    source = builder.tensor((1, 4, 6))
    if name == "CAST":
        masked, hidden = builder.tensor((1, 1, 1), values=[0.0]), builder.tensor((1, 4, 6), BOOL)
        target, seen = builder.tensor((1, 4, 6)), builder.tensor((1, 4, 6))
        builder.op("NOT_EQUAL", [source, masked], [hidden])
        builder.op("CAST", [hidden], [seen])
        builder.op("MUL", [source, seen], [target])
        return builder.content([source], [target, seen])
    if name in ("EXPAND_DIMS", "SQUEEZE", "TILE"):
        return _reshaping(builder, source, name)
    if name == "REVERSE_V2":
        target, place = builder.tensor((1, 4, 6)), builder.tensor((1,), INT32, values=[axis])
        builder.op(name, [source, place], [target])
        return builder.content([source], [target])
    if name == "MAXIMUM":
        target, limit = builder.tensor((1, 4, 6)), builder.tensor((4, 1), values=[[0.3]] * 4)
        builder.op(name, [source, limit], [target])
        return builder.content([source], [target])
    if name != "SPLIT_V":
        target = builder.tensor((1, 4, 6))
        builder.op(name, [source], [target])
        return builder.content([source], [target])
    sizes = (1, 3, 2) if axis in (2, -1) else (1, 3)
    stored = builder.tensor((len(sizes),), INT32, values=sizes)
    place = builder.tensor((), INT32, values=axis)
    shapes = [(1, 4, size) if axis in (2, -1) else (1, size, 6) for size in sizes]
    parts = [builder.tensor(shape) for shape in shapes]
    options = fb.SplitVOptionsT()
    options.numSplits = len(sizes)
    builder.op("SPLIT_V", [source, stored, place], parts, options, version=2)
    return builder.content([source], parts)


def _reshaping(builder: Builder, source: int, name: str) -> bytes:
    apart, place = builder.tensor((1, 4, 1, 6)), builder.tensor((), INT32, values=2)
    builder.op("EXPAND_DIMS", [source, place], [apart])
    if name == "EXPAND_DIMS":
        return builder.content([source], [apart])
    if name == "SQUEEZE":
        target, options = builder.tensor((1, 4, 6)), fb.SqueezeOptionsT()
        options.squeezeDims = [2]
        builder.op(name, [apart], [target], options)
        return builder.content([source], [target])
    times, target = builder.tensor((4,), INT32, values=[1, 1, 3, 1]), builder.tensor((1, 4, 3, 6))
    builder.op(name, [apart, times], [target])
    return builder.content([source], [target])


BOOL = fb.TensorType.BOOL
CASES = [
    ("CAST", 2), ("EXPAND_DIMS", 2), ("MAXIMUM", 2), ("NEG", 2), ("REVERSE_V2", 1),
    ("REVERSE_V2", -1), ("SPLIT_V", 2), ("SPLIT_V", -1), ("SPLIT_V", 1), ("SQUARE", 2),
    ("SQUEEZE", 2), ("TILE", 2),
]  # fmt: skip


@pytest.mark.parametrize(("name", "axis"), CASES)
def test_the_spelling_gives_the_same_numbers(name: str, axis: int, tmp_path: Path) -> None:
    before, after = tmp_path / "before.tflite", tmp_path / "after.tflite"
    before.write_bytes(graph(name, axis))
    model = packing.unpack(before.read_bytes())
    assert respelling.respell(model)
    kinds = {operator for _, _, operator in editing.operators(model)}
    assert name == "MAXIMUM" or name not in kinds
    after.write_bytes(packing.pack(model))
    for sample in SAMPLES:
        answers = [Interpreter(file).run([sample[np.newaxis]]) for file in (before, after)]
        assert all(map(np.array_equal, *answers))


@pytest.mark.parametrize(("name", "axis"), CASES)
def test_it_is_quantized_throughout(name: str, axis: int, tmp_path: Path) -> None:
    (tmp_path / "float.tflite").write_bytes(graph(name, axis))
    made = tflconv.convert(
        tmp_path / "float.tflite",
        ["static_wi8_ai8"],
        tmp_path,
        calibration=Calibration.of_values("noise", SAMPLES),
        min_cosine=0.999,
    )
    assert not editing.float_operators(packing.unpack(made[0].read_bytes()))


def test_a_graph_without_them_is_left_alone() -> None:
    model = packing.unpack(graph("RELU"))
    assert not respelling.respell(model)
