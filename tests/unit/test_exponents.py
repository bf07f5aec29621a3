"""A softmax between integers is spelled by exponentials that are looked up."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tiny_graphs import INT8, Builder, fb

from tflconv.conversion import Calibration, attention
from tflconv.model.interpreter import Interpreter
from tflconv.tflite import exponents, reading

TOKENS = 40
SCALE = 0.08
RANDOM = np.random.default_rng(0)
SCORES = RANDOM.integers(-128, 128, (8, TOKENS, TOKENS)).astype(np.int8)
SCORES[0] = 100  # flat
SCORES[1] = np.where(np.eye(TOKENS) > 0, 127, -128)  # peaked
SPELLED = ["REDUCE_MAX", "SUB", "DEQUANTIZE", "EXP", "QUANTIZE", "DEQUANTIZE", "SUM", "DIV"]


def between_integers(
    tokens: int = TOKENS, *, scale: float = SCALE, beta: float = 1, seen: bool = False
) -> bytes:
    builder, shape = Builder(), (1, tokens, tokens)
    scores = builder.tensor(shape, INT8, scale=scale, name="scores")
    exact, weights = builder.tensor(shape), builder.tensor(shape, name="weights")
    stored = builder.tensor(shape, INT8, scale=1 / 255, zero_point=-128, name="stored")
    builder.op("DEQUANTIZE", [scores], [exact], fb.DequantizeOptionsT(), 2)
    options = fb.SoftmaxOptionsT()
    options.beta = beta
    builder.op("SOFTMAX", [exact], [weights], options)
    builder.op("QUANTIZE", [weights], [stored])
    return builder.content([scores], [stored, weights] if seen else [stored])


def kinds(path: Path) -> list[str]:
    return [operator.name for operator in reading.read(path).main.operators]


def ran(content: bytes, path: Path, scale: float) -> np.ndarray:
    path.write_bytes(content)
    runtime, scores = Interpreter(path), np.float32(scale) * SCORES.astype(np.float32)
    return np.concatenate([runtime.run([each[np.newaxis]])[0] for each in scores])


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


@pytest.mark.parametrize("scale", [0.001, SCALE, 0.5])
def test_it_is_the_same_softmax_in_one_partition(scale: float, tmp_path: Path) -> None:
    content = between_integers(scale=scale)
    spelled = exponents.spelled_out(content, {"weights"})
    received = ran(spelled, tmp_path / "spelled.tflite", scale)
    exact = softmax(SCORES.astype(np.float64) * scale)
    assert np.abs(received - exact).max() < 0.02
    assert np.abs(received - exact).mean() < 0.5 / 255
    assert np.abs(received[0] - 1 / TOKENS).max() < 0.5 / 255  # flat rows
    step = min(-exponents.LEAST / 255, scale)
    below = np.rint((SCORES - SCORES.max(-1, keepdims=True).astype(np.float64)) * scale / step)
    powers = np.rint(255 * np.exp(below.clip(-255) * step))
    expected = powers / powers.sum(-1, keepdims=True)
    assert np.abs(received - expected).max() <= 0.51 / 255
    assert kinds(tmp_path / "spelled.tflite") == [*SPELLED, "QUANTIZE"]
    assert Interpreter(tmp_path / "spelled.tflite").partitions == 1


def test_scores_close_to_the_largest_lose_nothing_by_their_difference(tmp_path: Path) -> None:
    """Where all differences fit, they have the steps of the scores."""
    exact = exponents.spelled_out(between_integers(scale=0.001), {"weights"})
    (tmp_path / "fine.tflite").write_bytes(exact)
    coarse = exponents.spelled_out(between_integers(scale=0.5), {"weights"})
    (tmp_path / "coarse.tflite").write_bytes(coarse)
    for name, scale in (("fine", 0.001), ("coarse", -exponents.LEAST / 255)):
        tensors = reading.read(tmp_path / f"{name}.tflite").main.tensors
        (below,) = (t for t in tensors if t.name == "scores/below")
        assert below.quantization is not None
        assert below.quantization.scales[0] == pytest.approx(scale)
        assert below.quantization.zero_points[0] == 127
    assert round(255 * np.exp(exponents.LEAST)) == 0


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(between_integers(31), id="few values"),
        pytest.param(between_integers(beta=0.5), id="another base"),
        pytest.param(between_integers(seen=True), id="an output"),
    ],
)
def test_others_stay(content: bytes) -> None:
    assert exponents.spelled_out(content, {"weights"}) == content


def test_only_those_that_are_named_are_spelled(tmp_path: Path) -> None:
    assert exponents.spelled_out(between_integers(), {"others"}) == between_integers()
    (tmp_path / "32.tflite").write_bytes(exponents.spelled_out(between_integers(32), {"weights"}))
    assert Counter(kinds(tmp_path / "32.tflite"))["SOFTMAX"] == 0


def test_what_reduces_rows_of_as_many_axes_reads_one_constant(tmp_path: Path) -> None:
    """A transformer has hundreds of such operators."""
    spelled = exponents.spelled_out(between_integers(), {"weights"})
    main = reading.parse(spelled, tmp_path).main
    reducing = [each for each in main.operators if each.name in ("REDUCE_MAX", "SUM")]
    (axis,) = {each.inputs[1] for each in reducing}
    assert len(reducing) == 2
    assert main.tensors[axis].data == np.int32(2).tobytes()


MANY = 197


def attending() -> bytes:
    """Scores of many tokens, which weigh 4 values each."""
    builder, shape = Builder(), (1, MANY, MANY)
    scores = builder.tensor(shape, name="scores")
    values = builder.tensor((1, MANY, 4), name="values")
    weights, made = builder.tensor(shape, name="weights"), builder.tensor((1, MANY, 4))
    options = fb.SoftmaxOptionsT()
    options.beta = 1
    builder.op("SOFTMAX", [scores], [weights], options)
    builder.op("BATCH_MATMUL", [weights, values], [made], fb.BatchMatMulOptionsT())
    return builder.content([scores, values], [made])


@pytest.mark.parametrize(
    ("tail", "spelled"),
    [(0.0, True), (1e-4, True), (5e-4, False), (0.0019, False), (0.003, False), (0.0039, True)],
)
def test_rows_keep_their_softmax_where_steps_would_change_their_sums(
    tail: float, spelled: bool
) -> None:
    """A token has 1 of each row, all others ``tail``, of which 0.0019 is less than half a step.

    Up to 4 % of a row may be lost: 196 times 0.0001 is, 196 times 0.0005 is not. 0.003 becomes a
    whole step, 0.0039 is one.
    """
    rows = np.full((2, MANY, MANY), np.log(max(tail, 1e-9)), np.float32)
    rows[:, np.arange(MANY), np.arange(MANY)] = 0
    values = np.ones((2, MANY, 4), np.float32)
    found = attention.looked_up(attending(), Calibration.of_values("rows", rows, values))
    assert found == ({"weights"} if spelled else frozenset())
