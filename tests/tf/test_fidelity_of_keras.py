"""Files made of Keras models are held against the model as it was traced, however rewritten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_files import REWRITES, around

import tflconv
from tflconv.conversion import Calibration, Rewrite
from tflconv.errors import VerificationFailed
from tflconv.pipeline.conversion import ConvertedFiles


def lookup(kit: Any, moved: int = 0) -> Any:
    """A model of two inputs, one of which looks up rows of a table of 7."""
    row = kit.Input((3,), dtype="int32", name="row")
    size = kit.Input((2,), name="size")
    moved_row = kit.layers.Lambda(lambda x: x + moved)(row) if moved else row
    read = kit.layers.Flatten()(kit.layers.Embedding(7, 4)(moved_row))
    return kit.Model([row, size], kit.layers.Dense(3)(kit.layers.Concatenate()([read, size])))


def close(made: ConvertedFiles, least: float = 0.99) -> bool:
    return all(found.cosine is not None and found.cosine >= least for found in made.fidelity)


@pytest.mark.parametrize("rewrite", REWRITES)
def test_a_softmax_that_was_left_out_is_no_difference(
    kit: Any, rewrite: Rewrite, tmp_path: Path
) -> None:
    model = around(kit, kit.layers.ReLU())
    model = kit.Model(model.input, kit.layers.Softmax()(model.output))
    recipes = ["fp32"] if rewrite == "unfused" else ["fp32", "static_wi8_ai8"]
    pixels = np.random.default_rng(0).uniform(0, 1, (20, 8, 8, 3)).astype(np.float32)
    samples = Calibration.of_values("pixels", pixels)
    made = tflconv.convert(model, recipes, tmp_path, rewrite=rewrite, calibration=samples)
    assert close(made)
    assert {found.source for found in made.fidelity} == {"pixels"}
    assert made.fidelity[0].cosine == pytest.approx(1, abs=1e-5)


def test_noise_looks_up_rows_that_there_are(kit: Any, tmp_path: Path) -> None:
    made = tflconv.convert(lookup(kit), ["fp32", "fp16"], tmp_path)
    assert close(made, 0.9999)
    again = tflconv.convert(made[0], ["fp32", "dynamic_wi8_afp32"], tmp_path / "again")
    assert close(again, 0.999)


def test_a_model_that_cannot_answer_noise_is_converted_and_said(kit: Any, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="could not be compared.*TensorFlow cannot run"):
        made = tflconv.convert(lookup(kit, moved=50), ["fp32"], tmp_path)
    assert made.fidelity[0].cosine is None
    with pytest.raises(VerificationFailed, match="could not be compared"):
        tflconv.convert(lookup(kit, moved=50), ["fp32"], tmp_path / "no", min_cosine=0.5)
    assert not (tmp_path / "no").exists()
