"""What quantization-aware training does to a number, against NumPy and figures made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hand_made import drawn, heard, network, node

from tflconv.compression import QatConfig
from tflconv.compression.examples import Examples
from tflconv.compression.qat import QatScheme, fine_tune, first_ranges
from tflconv.core.tensorflow import tf
from tflconv.network.keras.fake_quant import round_weights, weight_scales
from tflconv.network.keras.ranges import Range, allowed
from tflconv.network.nodes import Network, Node

SLIDING = {"strides": (1, 1), "padding": "SAME"}
KERNELS = {
    # kind: (kernel, axes that share a scale)
    "dense": (drawn(3, 4), (0,)),
    "conv": (drawn(2, 2, 3, 4), (0, 1, 2)),
    "depthwise": (drawn(2, 2, 3, 4), (0, 1)),
}


def linear(kind: str) -> Node:
    kernel, _ = KERNELS[kind]
    bias = np.zeros(12 if kind == "depthwise" else 4)
    return node(kind, "x", options=SLIDING, kernel=kernel, bias=bias)


def scheme(*nodes: Node, **settings: Any) -> QatScheme:
    """The scheme of these nodes; every range starts as -1 to 1."""
    of = network((5, 5, 3), *nodes)
    start = {each.name: Range(low=-1.0, high=1.0) for each in of}
    return QatScheme(of, start, QatConfig(**settings))


def rounded(kernel: np.ndarray, axes: tuple[int, ...], bits: int) -> np.ndarray:
    """Jacob et al. 2018: ``largest / (2^(bits - 1) - 1)`` is the step of a channel."""
    steps = {8: 127, 4: 7, 2: 1}[bits]
    scale = np.abs(kernel).max(axes, keepdims=True) / steps
    return np.asarray(np.rint(kernel / scale) * scale)


@pytest.mark.parametrize("bits", [8, 4, 2])
@pytest.mark.parametrize("kind", KERNELS)
def test_kernels_are_rounded_channel_by_channel(kind: str, bits: int) -> None:
    kernel, axes = KERNELS[kind]
    expected = rounded(kernel, axes, bits)
    each = linear(kind)
    trained = scheme(each, bits=bits)
    np.testing.assert_allclose(trained.weight(each, "kernel"), expected, atol=1e-6)
    after = trained.network()[kind].weights["kernel"]
    np.testing.assert_allclose(after, expected, atol=1e-6)
    np.testing.assert_array_equal(trained.weight(each, "bias"), each.weights["bias"])


def test_a_kernel_on_its_steps_by_hand() -> None:
    each = node("dense", "x", kernel=[[1.27, -6.35], [0.404, 0.07]], bias=[0.123, 4])
    trained = scheme(each)
    expected = [[1.27, -6.35], [0.40, 0.05]]  # steps of 0.01 and of 0.05
    np.testing.assert_allclose(trained.weight(each, "kernel"), expected, atol=1e-6)
    assert weight_scales(each).ravel() == pytest.approx([0.01, 0.05])
    after = round_weights(network((2,), each))["dense"]
    np.testing.assert_allclose(after.weights["kernel"], expected, atol=1e-6)


def test_a_channel_of_zeros_stays_zero() -> None:
    each = node("dense", "x", kernel=[[0, 1], [0, 2]], bias=[0, 0])
    np.testing.assert_allclose(scheme(each).weight(each, "kernel")[:, 0], [0, 0])


@pytest.mark.parametrize("kind", KERNELS)
def test_the_gradient_goes_straight_through_the_rounding(kind: str) -> None:
    each = linear(kind)
    trained = scheme(each, bits=2)
    upstream = drawn(*each.weights["kernel"].shape, seed=1)
    with tf.GradientTape() as tape:
        seen = tf.reduce_sum(upstream * trained.weight(each, "kernel"))
    gradient = tape.gradient(seen, trained.weights[kind, "kernel"])
    np.testing.assert_array_equal(gradient, upstream)


def test_weights_that_make_an_average_do_not_learn() -> None:
    options = {**SLIDING, "averages": True}
    each = node("depthwise", "x", options=options, kernel=np.full((2, 2, 3, 1), 0.25), bias=[0] * 3)
    assert scheme(each).variables == []


def relu(*, symmetric: bool = False) -> Node:
    return node("activation", "x", options={"function": "relu", "symmetric": symmetric})


def moved(value: list[float], *, symmetric: bool = False, observes: bool = True) -> list[float]:
    """The ends of a range that was -1 to 1 after ``value``, of which a step takes a tenth."""
    each = relu(symmetric=symmetric)
    trained = scheme(each, ema_decay=0.9)
    trained.observes.assign(observes)
    trained.activation(each, tf.constant(value))
    return [float(end) for end in trained.ends[each.name].numpy()]


def test_a_range_follows_what_the_batches_reach() -> None:
    assert moved([-3.0, 0.5, 5.0]) == pytest.approx([-1.2, 1.4])
    assert moved([-0.5, 0.5]) == pytest.approx([-0.95, 0.95])
    assert moved([2.0, 3.0]) == pytest.approx([-0.9, 1.2])  # 0 is always within
    assert moved([-2.0, -3.0]) == pytest.approx([-1.2, 0.9])


def test_a_range_that_is_not_observed_stands_still() -> None:
    assert moved([-3.0, 0.5, 5.0], observes=False) == [-1.0, 1.0]


def test_a_range_may_start_at_whole_numbers() -> None:
    each = relu()
    start = {each.name: Range(low=-1, high=1)}
    trained = QatScheme(network((5, 5, 3), each), start, QatConfig(ema_decay=0.9))
    trained.activation(each, tf.constant([-3.0, 0.5, 5.0]))
    assert trained.ends[each.name].numpy() == pytest.approx([-1.2, 1.4])


def test_a_symmetric_range_reaches_128_steps_down_and_127_up() -> None:
    down, up = -0.9 - 0.1 * 2 * 128 / 127, 0.9 + 0.1 * 2
    assert moved([-1.0, 2.0], symmetric=True) == pytest.approx([down, up])
    assert moved([-2.0, 1.0], symmetric=True) == pytest.approx([-1.1, 0.9 + 0.1 * 2 * 127 / 128])


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-1, 2, (-256 / 127, 2)),
        (-2, 1, (-2, 254 / 128)),
        (0, 127, (-128, 127)),
        (-128, 0, (-128, 127)),
    ],
)
def test_the_range_of_a_right_operand_has_its_zero_in_the_middle(
    low: float, high: float, expected: tuple[float, float]
) -> None:
    found = allowed(node("dense", "x", options={"symmetric": True}), low, high)
    assert (found.low, found.high) == pytest.approx(expected)
    assert -128 - found.low / found.scale == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("function", "expected"),
    [("softmax", (0, 255 / 256)), ("sigmoid", (0, 255 / 256)), ("tanh", (-1, 127 / 128))],
)
def test_ranges_that_tflite_has_fixed(function: str, expected: tuple[float, float]) -> None:
    found = allowed(node("activation", "x", options={"function": function}), -5, 5)
    assert (found.low, found.high) == expected


def test_activations_are_rounded_to_256_steps_and_learn_within_their_range() -> None:
    each = relu()
    trained = scheme(each, ema_decay=0.0)
    value = tf.constant([-1.0, 0.0, 0.503, 0.25, 1.55])  # its range has steps of 0.01
    with tf.GradientTape() as tape:
        tape.watch(value)
        seen = trained.activation(each, value)
    np.testing.assert_allclose(seen, [-1, 0, 0.5, 0.25, 1.55], atol=1e-6)
    np.testing.assert_array_equal(tape.gradient(seen, value), [1, 1, 1, 1, 1])
    trained.observes.assign(False)
    beyond = tf.constant([-1.2, 0.5, 1.7])
    with tf.GradientTape() as tape:
        tape.watch(beyond)
        seen = trained.activation(each, beyond)
    np.testing.assert_allclose(seen, [-1, 0.5, 1.55], atol=1e-6)
    np.testing.assert_array_equal(tape.gradient(seen, beyond), [0, 1, 0])


def scores() -> Network:
    """Two inputs, two scores: sure of the first class."""
    return network((2,), node("dense", "x", kernel=[[1, 0], [0, 1]], bias=[40, 0]))


def test_ranges_move_in_the_first_three_quarters_of_the_steps_and_then_stand_still() -> None:
    examples = Examples(images=drawn(32, 2) * np.arange(32)[:, None], labels=np.zeros(32, np.int64))
    config = QatConfig(epochs=2, batch_size=8, ema_decay=0.75)
    ends = np.array([examples.images.min(), examples.images.max()])
    start = first_ranges(scores(), examples, config)["x"]
    assert (start.low, start.high) == pytest.approx(tuple(ends))
    batches = [each for epoch in (0, 1) for each, _ in examples.batches(config, epoch)]
    for batch in batches[:6]:
        ends = 0.75 * ends + 0.25 * np.array([min(batch.min(), 0), max(batch.max(), 0)])
    assert len(batches) == 8
    _, ranges = fine_tune(scores(), examples, config)
    assert (ranges["x"].low, ranges["x"].high) == pytest.approx(tuple(ends), rel=1e-5)


@pytest.mark.parametrize(
    ("epochs", "moves"), [(1, 1.0), (2, 1 + 0.5), (4, 1 + 0.853553 + 0.5 + 0.146447)]
)
def test_steps_of_adam_shrink_along_half_a_cosine(epochs: int, moves: float) -> None:
    """While the gradient stays the same, each step of Adam is as long as the learning rate."""
    examples = Examples(images=np.zeros((4, 2), np.float32), labels=np.ones(4, np.int64))
    config = QatConfig(epochs=epochs, batch_size=4, learning_rate=0.01)
    losses: list[float] = []
    trained, _ = fine_tune(scores(), examples, config, progress=heard(losses))
    bias = trained["dense"].weights["bias"]
    assert bias == pytest.approx([40 - 0.01 * moves, 0.01 * moves], abs=1e-5)
    assert losses[0] == pytest.approx(40, abs=0.2)  # of 256 steps to 40
    assert len(losses) == epochs


def test_softmax_at_the_end_is_not_taken_twice() -> None:
    soft = node("activation", "dense", options={"function": "softmax"})
    ended = network((2,), scores()["dense"], soft)
    examples = Examples(images=np.zeros((4, 2), np.float32), labels=np.ones(4, np.int64))
    losses: list[float] = []
    fine_tune(ended, examples, QatConfig(epochs=1), progress=heard(losses))
    assert losses == [pytest.approx(40, abs=0.2)]
