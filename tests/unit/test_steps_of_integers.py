"""Steps over which kernels would end the process are avoided, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from tiny_graphs import INT8, Builder

import tflconv
from tflconv.conversion import Calibration
from tflconv.errors import TflconvError
from tflconv.tflite import packing, steps
from tflconv.tflite.biases import scales

BOOL = fb.TensorType.BOOL
PIXELS = np.random.default_rng(0).integers(0, 256, (40, 4, 6)).astype(np.float32)
PIXELS[0, 0, :2] = 0, 255


def compared(kind: str = "NOT_EQUAL") -> bytes:
    """Pixels, those that are not 7, and both beside one another."""
    builder = Builder()
    source, target = builder.tensor((1, 4, 6)), builder.tensor((1, 4, 12))
    seven, mask = builder.tensor((1, 1, 1), values=[7.0]), builder.tensor((1, 4, 6), BOOL)
    chosen = builder.tensor((1, 4, 6))
    builder.op(kind, [source, seven], [mask])
    builder.op("SELECT_V2", [mask, source, seven], [chosen], fb.SelectV2OptionsT())
    options = fb.ConcatenationOptionsT()
    options.axis = 2
    builder.op("CONCATENATION", [source, chosen], [target], options)
    return builder.content([source], [target])


def test_pixels_are_compared_in_integers(tmp_path: Path) -> None:
    (tmp_path / "float.tflite").write_bytes(compared())
    (made,) = tflconv.convert(
        tmp_path / "float.tflite",
        ["static_wi8_ai8"],
        tmp_path,
        calibration=Calibration.of_values("pixels", PIXELS),
        min_cosine=0.9999,
    )
    model = packing.unpack(made.read_bytes())
    found = [scales(each) for each in model.subgraphs[0].tensors if each.quantization is not None]
    assert [each for each in found if (abs(each - 1) < 1e-6).any()]
    assert not [each for each in found if (each == 1).any()]


def test_a_model_without_comparisons_keeps_its_steps() -> None:
    builder = Builder()
    ends = [builder.tensor((1, 4), INT8, scale=1.0) for _ in range(2)]
    builder.op("RELU", ends[:1], ends[1:])
    model = packing.unpack(builder.content(ends[:1], ends[1:]))
    steps.avoid_ones(model)
    assert [scales(each).tolist() for each in model.subgraphs[0].tensors] == [[1.0], [1.0]]


@pytest.mark.parametrize(("largest", "runs"), [(70.0, True), (84.0, False)])
def test_values_beyond_all_integers_are_refused(largest: float, runs: bool, tmp_path: Path) -> None:
    """LiteRT aborts when it prepares such a sum."""
    builder = Builder()
    source, grown, target = (builder.tensor((1, 4), name=name) for name in ("x", "grown", "y"))
    one = builder.tensor((1, 4), values=[[1.0] * 4])
    builder.op("EXP", [source], [grown])
    builder.op("SUB", [grown, one], [target], fb.SubOptionsT())
    (tmp_path / "float.tflite").write_bytes(builder.content([source], [target]))
    samples = np.linspace(-largest, largest, 80, dtype=np.float32).reshape(20, 4)

    def convert() -> None:
        tflconv.convert(
            tmp_path / "float.tflite",
            ["static_wi8_ai8"],
            tmp_path,
            calibration=Calibration.of_values("wide", samples),
        )

    if runs:
        convert()
    else:
        with pytest.raises(TflconvError, match=r"values of grown: they reach 8e\+34"):
            convert()
