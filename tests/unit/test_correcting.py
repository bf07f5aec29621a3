"""What rounding shifts in the mean over the samples is taken out of the scores."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from ai_edge_litert.interpreter import Interpreter
from tiny_graphs import FLOAT, Builder

from tflconv import recipe
from tflconv.conversion import Calibration
from tflconv.conversion.calibration import measure
from tflconv.conversion.correcting import correct
from tflconv.conversion.quantization import quantize
from tflconv.tflite import editing, packing

RANDOM = np.random.default_rng(0)
SAMPLES = RANDOM.normal(1, 1, (40, 64)).astype(np.float32)
CALIBRATION = Calibration.of_values("normal", SAMPLES)
COARSE = recipe.get("selective_wi4_ai8")


def classifier(ending: str | None, *, bias: bool) -> bytes:
    """Two dense layers whose weights suffer from 4 bits."""
    random, builder = np.random.default_rng(1), Builder()
    source = value = builder.tensor((1, 64))
    for inputs, outputs in ((64, 32), (32, 5)):
        drawn = random.normal(0.1, 0.3, (outputs, inputs))
        weights = builder.tensor((outputs, inputs), values=drawn)
        biases = builder.tensor((outputs,), FLOAT, values=random.normal(size=outputs))
        made = builder.tensor((1, outputs))
        given = [value, weights, biases if bias else -1]
        builder.op("FULLY_CONNECTED", given, [made], fb.FullyConnectedOptionsT())
        value = made
    if ending is not None:
        shares = builder.tensor((1, 5))
        options = fb.SoftmaxOptionsT()
        options.beta = 1.0
        builder.op(ending, [value], [shares], options)
        value = shares
    model = packing.unpack(builder.content([source], [value]))
    editing.sign(model, ["x"], ["scores"])
    return packing.pack(model)


def answers(content: bytes) -> np.ndarray:
    call = Interpreter(model_content=content).get_signature_runner()
    return np.concatenate([call(x=row[np.newaxis])["scores"] for row in SAMPLES])


def coarse(content: bytes) -> bytes:
    return quantize(content, COARSE, measure(content, CALIBRATION))


@pytest.mark.parametrize("bias", [True, False])
def test_scores_are_right_in_the_mean(bias: bool) -> None:
    content = classifier(None, bias=bias)
    rounded = coarse(content)
    fixed = correct(content, rounded, CALIBRATION)
    expected = answers(content)
    before, after = (np.abs((answers(c) - expected).mean(0)).max() for c in (rounded, fixed))
    step = (expected.max() - expected.min()) / 255
    assert after < step / 2 < before / 4
    assert np.abs(answers(fixed) - expected).mean() < np.abs(answers(rounded) - expected).mean()


def odds(shares: np.ndarray) -> np.ndarray:
    """Logarithms of the odds against the first class, which shifts of the scores shift, too."""
    logs = np.log(shares.astype(np.float64))
    return logs - logs[:, :1]


def test_the_layer_before_a_softmax_is_corrected() -> None:
    content = classifier("SOFTMAX", bias=True)
    rounded = coarse(content)
    expected = odds(answers(content))
    before, after = (
        np.abs((odds(answers(made)) - expected).mean(0)).max()
        for made in (rounded, correct(content, rounded, CALIBRATION))
    )
    assert after < before / 4


@pytest.mark.parametrize("bias", [True, False])
def test_scores_of_a_layer_that_reads_floats_are_right_in_the_mean(bias: bool) -> None:
    content = classifier(None, bias=bias)
    rounded = quantize(content, recipe.get("dynamic_wi8_afp32"))
    expected = answers(content)
    before, after = (
        np.abs((answers(made) - expected).mean(0)).max()
        for made in (rounded, correct(content, rounded, CALIBRATION))
    )
    assert after < before / 20


def test_what_is_right_in_the_mean_stays() -> None:
    content = classifier(None, bias=True)
    made = quantize(content, recipe.get("fp32"))
    assert correct(content, made, CALIBRATION) is made


def test_the_same_samples_give_the_same_bytes() -> None:
    content = classifier(None, bias=True)
    first, second = (correct(content, coarse(content), CALIBRATION) for _ in range(2))
    assert first == second
