"""int8 operators that clip become conversions where the range of their results does it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import stand_in_graphs
from ai_edge_litert import interpreter as litert
from tiny_graphs import INT8, Builder

from tflconv import conversion, recipe
from tflconv.conversion import Calibration
from tflconv.inspection import delegation
from tflconv.network.keras.opened import open_once
from tflconv.tflite import editing, packing, reading, saturating

CLIPS = ("RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1")


def graph(name: str, before: tuple[float, int], after: tuple[float, int]) -> bytes:
    """One operator from one scale and zero point to another."""
    builder = Builder()
    source, target = (
        builder.tensor((1, 256), INT8, scale=scale, zero_point=zero)
        for scale, zero in (before, after)
    )
    builder.op(name, [source], [target])
    return builder.content([source], [target])


def run(content: bytes) -> np.ndarray:
    """What it makes of all integers."""
    runtime = litert.Interpreter(model_content=content, num_threads=1)
    runtime.allocate_tensors()
    values = np.arange(-128, 128, dtype=np.int8)[np.newaxis]
    runtime.set_tensor(runtime.get_input_details()[0]["index"], values)
    runtime.invoke()
    return np.asarray(runtime.get_tensor(runtime.get_output_details()[0]["index"])[0], int)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("RELU", (0.1, 3), (0.05, -128)),
        ("RELU", (0.1, -100), (0.1, -128)),
        ("RELU6", (0.1, 3), (6 / 255, -128)),
        ("RELU6", (0.1, 3), (4 / 255, -128)),
        ("RELU_0_TO_1", (0.02, -20), (1 / 255, -128)),
        ("RELU_N1_TO_1", (0.02, -20), (2 / 255, 0)),
        ("RELU_N1_TO_1", (0.02, -20), (1 / 255, -120)),
    ],
)
def test_what_the_range_clips_is_a_conversion(
    name: str, before: tuple[float, int], after: tuple[float, int]
) -> None:
    content = graph(name, before, after)
    model = packing.unpack(content)
    saturating.clip_by_range(model)
    assert [kind for _, _, kind in editing.operators(model)] == ["QUANTIZE"]
    assert np.abs(run(packing.pack(model)) - run(content)).max() <= 1  # kernels round otherwise


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("RELU", (0.1, 3), (0.05, -127)),
        ("RELU6", (0.1, 3), (6.1 / 255, -128)),
        ("RELU_0_TO_1", (0.02, -20), (0.02, -20)),
        ("RELU_N1_TO_1", (0.02, -20), (3 / 255, -40)),
        ("RELU", (0.1, 3), (0.0001, -128)),
    ],
)
def test_what_the_range_does_not_clip_or_xnnpack_not_take_stays(
    name: str, before: tuple[float, int], after: tuple[float, int]
) -> None:
    model = packing.unpack(graph(name, before, after))
    saturating.clip_by_range(model)
    assert [kind for _, _, kind in editing.operators(model)] == [name]


@pytest.mark.parametrize("name", CLIPS)
def test_a_file_of_int8_stays_in_one_partition(name: str, tmp_path: Path) -> None:
    path = tmp_path / "float.tflite"
    path.write_bytes(stand_in_graphs.alone(name, (1, 4, 6)))
    noise = Calibration.of_values("noise", np.random.default_rng(0).normal(size=(8, 4, 6)))
    content = conversion.prepare(open_once(path)).make(recipe.get("static_wi8_ai8"), noise)
    assert not delegation.predict(reading.parse(content, path)).reasons
