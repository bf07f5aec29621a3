"""Operators that litert-quantizer does not know are quantized in the guise of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from numpy.typing import NDArray
from tiny_graphs import INT32, Builder

import tflconv
from tflconv.conversion import Calibration
from tflconv.tflite import editing, packing, standing_in

RANDOM = np.random.default_rng(0)
SAMPLES = RANDOM.normal(size=(40, 4, 6)).astype(np.float32)
BESIDE = ("CAST", "DEQUANTIZE", "QUANTIZE", "SELECT_V2")
COMPARISONS = ("GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
CASES = [(bits, name) for bits, names in standing_in.STAND_INS.items() for name in names]


def graph(name: str) -> bytes:
    """A graph of one operator over ``[1, 4, 6]``."""
    builder = Builder()
    source, target = builder.tensor((1, 4, 6)), builder.tensor(_shape(name))
    operands: dict[str, Any] = {
        "MINIMUM": builder.tensor((6,), values=RANDOM.uniform(0.2, 0.8, 6)),
        "PRELU": builder.tensor((1, 6), values=RANDOM.uniform(-0.2, 0.5, (1, 6))),
        "REDUCE_MAX": builder.tensor((1,), INT32, values=[1]),
    }
    if name in COMPARISONS:
        mask = builder.tensor((1, 4, 6), fb.TensorType.BOOL)
        builder.op(name, [source, operands["MINIMUM"]], [mask])
        builder.op("CAST", [mask], [target])
        return builder.content([source], [target])
    options = {"LEAKY_RELU": fb.LeakyReluOptionsT(), "REDUCE_MAX": fb.ReducerOptionsT()}
    if name == "LEAKY_RELU":
        options[name].alpha = 0.2
    used = [operands[name]] if name in operands else []
    builder.op(name, [source, *used], [target], options.get(name))
    return builder.content([source], [target])


def _shape(name: str) -> tuple[int, ...]:
    return (1, 6) if name == "REDUCE_MAX" else (1, 4, 6)


def samples(name: str) -> NDArray[np.float32]:
    if name in COMPARISONS:
        return np.round(2 * SAMPLES)  # away from what is compared with
    return np.abs(SAMPLES) + np.float32(0.2) if name == "LOG" else SAMPLES


@pytest.mark.parametrize(("bits", "name"), CASES)
def test_it_is_quantized_and_stays_what_it_was(bits: int, name: str, tmp_path: Path) -> None:
    (tmp_path / "float.tflite").write_bytes(graph(name))
    made = tflconv.convert(
        tmp_path / "float.tflite",
        [f"static_wi8_ai{bits}"],
        tmp_path,
        calibration=Calibration.of_values("noise", samples(name)),
        rewrite="as-is",
        min_cosine=0.997,
    )
    model = packing.unpack(made[0].read_bytes())
    assert not editing.float_operators(model)
    kinds = [kind for _, _, kind in editing.operators(model)]
    assert [kind for kind in kinds if kind not in BESIDE] == [name]


@pytest.mark.parametrize(("bits", "name"), CASES)
def test_nothing_else_is_changed(bits: int, name: str) -> None:
    before = graph(name)
    model = packing.unpack(before)
    codes = standing_in.disguise(model, bits)
    kinds = [kind for _, _, kind in editing.operators(model)]
    assert [kind for kind in kinds if kind not in BESIDE] == [standing_in.STAND_INS[bits][name]]
    standing_in.reveal(model, codes)
    assert packing.pack(model) == packing.pack(packing.unpack(before))
