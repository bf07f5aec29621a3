"""TRANSPOSE_CONV in integers takes fewer instructions in a selective file than in float."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tflconv
from tflconv.conversion import Calibration, selection

keras = pytest.importorskip("keras", minversion="3")


@pytest.mark.slow
def test_it_takes_fewer_instructions(arm64: None, tmp_path: Path) -> None:
    source = keras.Input((8, 8, 32))
    value = keras.layers.Conv2DTranspose(24, 3, strides=2, padding="same")(source)
    model = keras.Model(source, keras.layers.Conv2DTranspose(3, 4, strides=2)(value))
    noise = np.random.default_rng(0).uniform(-1, 1, (16, 8, 8, 32)).astype(np.float32)
    samples, counts = Calibration.of_values("noise", noise), []
    for fewest in (selection._FEWEST_CHANNELS, 10**6):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(selection, "_FEWEST_CHANNELS", fewest)
            (file,) = tflconv.convert(
                model, ["selective_wi8_ai8"], tmp_path / str(fewest), calibration=samples
            )
        (run,) = tflconv.bench(file, "arm64:cortex-a76").runs
        assert run.instructions is not None
        counts.append(run.instructions.total)
    assert counts[0] < 0.8 * counts[1]
