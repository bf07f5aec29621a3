"""Operators that litert-quantizer does not know are quantized in the guise of others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import stand_in_graphs

import tflconv
from tflconv import conversion, recipe
from tflconv.conversion import Calibration
from tflconv.network.keras.opened import open_once
from tflconv.tflite import editing, packing, standing_in

SHAPE = (1, 4, 6)
SAMPLES = np.random.default_rng(0).normal(size=(40, 4, 6)).astype(np.float32)
BESIDE = ("CAST", "DEQUANTIZE", "QUANTIZE", "SELECT_V2")
CONVERTED = ("RELU6", "RELU_0_TO_1", "RELU_N1_TO_1")
"""A QUANTIZE clips as well (``saturating``)."""

CASES = [(bits, name) for bits, names in standing_in.STAND_INS.items() for name in names]


@pytest.mark.parametrize(("bits", "name"), CASES)
def test_it_is_quantized_and_stays_what_it_was(bits: int, name: str, tmp_path: Path) -> None:
    (tmp_path / "float.tflite").write_bytes(stand_in_graphs.alone(name, SHAPE))
    made = tflconv.convert(
        tmp_path / "float.tflite",
        [f"static_wi8_ai{bits}"],
        tmp_path,
        calibration=Calibration.of_values("noise", stand_in_graphs.samples(name, SAMPLES)),
        rewrite="as-is",
        min_cosine=0.997,
    )
    model = packing.unpack(made[0].read_bytes())
    assert not editing.float_operators(model)
    kinds = [kind for _, _, kind in editing.operators(model)]
    wanted = [] if name in CONVERTED and bits == 8 else [name]
    assert [kind for kind in kinds if kind not in BESIDE] == wanted


@pytest.mark.parametrize(("bits", "name"), CASES)
def test_nothing_else_is_changed(bits: int, name: str) -> None:
    before = stand_in_graphs.alone(name, SHAPE)
    model = packing.unpack(before)
    codes = standing_in.disguise(model, bits)
    kinds = [kind for _, _, kind in editing.operators(model)]
    assert [kind for kind in kinds if kind not in BESIDE] == [standing_in.STAND_INS[bits][name]]
    standing_in.reveal(model, codes)
    assert packing.pack(model) == packing.pack(packing.unpack(before))


@pytest.mark.parametrize("name", standing_in.STAND_INS[8])
@pytest.mark.parametrize("scheme", ["mixed_wi8_ai8", "mixed_wi8_ai16", "mixed_wi8_afp16"])
def test_a_mixed_file_has_it_in_8_bits_until_it_is_raised(
    scheme: str, name: str, tmp_path: Path
) -> None:
    (tmp_path / "float.tflite").write_bytes(stand_in_graphs.alone(name, SHAPE))
    model = conversion.prepare(open_once(tmp_path / "float.tflite"))
    noise = Calibration.of_values("noise", stand_in_graphs.samples(name, SAMPLES))
    mixed = recipe.get(scheme)
    low = model.make(mixed, noise)
    assert not editing.float_operators(packing.unpack(low))
    raised = [result for results in model.activations.values() for result in results]
    high = model.make(mixed, noise, dict.fromkeys(raised, mixed.finer))
    if mixed.finer != "int16":
        assert [each.split()[0] for each in editing.float_operators(packing.unpack(high))]
    assert name in [kind for _, _, kind in editing.operators(packing.unpack(high))]
