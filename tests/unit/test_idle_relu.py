"""A RELU of integers goes where its input has none below 0, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import interpreter as litert
from tiny_graphs import INT8, Builder

from tflconv.tflite import editing, idle, packing

SHAPE = (1, 4)


def graph(zero_point: int, after: int) -> bytes:
    """Three RELUs in a row: of these zero points before, before, after and after."""
    builder = Builder()
    source, squared = (builder.tensor(SHAPE, INT8, zero_point=zero_point) for _ in range(2))
    clipped, target = (builder.tensor(SHAPE, INT8, zero_point=after) for _ in range(2))
    builder.op("RELU", [source], [squared])
    builder.op("RELU", [squared], [clipped])
    builder.op("RELU", [clipped], [target])
    return builder.content([source], [target])


def run(content: bytes) -> list[int]:
    runtime = litert.Interpreter(model_content=content, num_threads=1)
    runtime.allocate_tensors()
    values = np.array([[-128, -3, 5, 127]], np.int8)
    runtime.set_tensor(runtime.get_input_details()[0]["index"], values)
    runtime.invoke()
    return [int(each) for each in runtime.get_tensor(runtime.get_output_details()[0]["index"])[0]]


@pytest.mark.parametrize(
    ("zero_point", "after", "left"), [(-128, -128, 1), (0, 0, 3), (-128, -100, 2)]
)
def test_only_idle_relus_are_removed(zero_point: int, after: int, left: int) -> None:
    before = graph(zero_point, after)
    model = packing.unpack(before)
    idle.remove_idle_relus(model)
    assert [name for _, _, name in editing.operators(model)] == ["RELU"] * left
    assert run(packing.pack(model)) == run(before)
