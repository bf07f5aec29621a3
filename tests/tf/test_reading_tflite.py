"""Networks are read from float ``.tflite`` files, however their operators are spelled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from operators_alone import CHANNELS, OPERATORS

from tflconv.conversion import equivalence, tracing
from tflconv.conversion.calibration import load
from tflconv.core.tensorflow import tf
from tflconv.network import passes
from tflconv.network.keras import execution
from tflconv.network.nodes import Network
from tflconv.network.tflite import reader
from tflconv.tflite import reading

WIDTH, TOKENS, HEADS = 16, 9, 2
RANDOM = np.random.default_rng(0)


def weights(*shape: int) -> np.ndarray:
    return RANDOM.normal(0, shape[0] ** -0.5, shape).astype(np.float32)


def lowered(
    call: Callable[..., Any], *shapes: tuple[int, ...], outputs: tuple[str, ...] = ("y",)
) -> bytes:
    """The ``.tflite`` file of a function of TensorFlow."""
    specs = [tf.TensorSpec(shape, tf.float32, name=f"x{i}") for i, shape in enumerate(shapes)]
    function = tracing.freeze_function(call, specs)
    names = tuple(spec.name for spec in specs)
    return tracing.lower(tracing.FrozenGraph(function=function, inputs=names, outputs=outputs))


def network_of(content: bytes) -> Network:
    model = reading.parse(content, Path("file.tflite"))
    names = [f"x{i}" for i in range(len(model.main.inputs))]
    return reader.read(model, inputs=names, outputs=["y"] * len(model.main.outputs))


def read(call: Callable[..., Any], *shapes: tuple[int, ...]) -> Network:
    """The network of a function, which computes what the file does, before and after passes."""
    content = lowered(call, *shapes)
    network = network_of(content)
    runtime = load(content)
    inputs = [RANDOM.normal(size=shape).astype(np.float32) for shape in shapes]
    for detail, values in zip(runtime.get_input_details(), inputs, strict=True):
        runtime.set_tensor(detail["index"], values)
    runtime.invoke()
    expected = runtime.get_tensor(runtime.get_output_details()[0]["index"]).ravel()
    kept = [named for named in passes.PASSES if named.name != passes.DROPS_SOFTMAX]
    for seen in (network, passes.optimize(network, kept)[0]):
        received = np.ravel(execution.run(seen, *map(tf.constant, inputs)))
        assert expected.std() > 0
        np.testing.assert_allclose(received, expected, atol=1e-5 * np.abs(expected).max())
    return network


def kinds(network: Network) -> list[str]:
    return [node.kind for node in network]


GAMMA, BETA = weights(WIDTH) + 1, weights(WIDTH)


def mean(x: Any) -> Any:
    return tf.reduce_mean(x, -1, keepdims=True)


NORMS: dict[str, Callable[[Any], Any]] = {
    "as Keras": lambda x: tf.nn.batch_normalization(
        x, *tf.nn.moments(x, [-1], keepdims=True), BETA, GAMMA, 1e-3
    ),
    "as PyTorch": lambda x: (x - mean(x)) / tf.sqrt(mean((x - mean(x)) ** 2) + 1e-5) * GAMMA + BETA,
    "without a scale": lambda x: (x - mean(x)) * tf.math.rsqrt(mean((x - mean(x)) ** 2) + 1e-6),
    "by powers": lambda x: (
        (x - mean(x)) * tf.pow(mean(tf.square(x - mean(x))) + 1e-5, -0.5) * GAMMA
    ),
    "by squares of the whole": lambda x: (
        (x - mean(x)) * tf.math.rsqrt(mean(x * x) - mean(x) ** 2 + 1e-2)
    ),
    "with a scale inside": lambda x: (
        (x - mean(x))
        * (
            tf.math.rsqrt(
                tf.reduce_mean(tf.math.squared_difference(x, mean(x)), -1, keepdims=True) + 1e-5
            )
            * GAMMA
        )
    ),
}


@pytest.mark.parametrize("spelling", NORMS)
def test_a_layer_normalization_is_one_node(spelling: str) -> None:
    network = read(NORMS[spelling], (1, TOKENS, WIDTH))
    assert kinds(network) == ["input", "layer_norm", *["affine"] * (len(network.nodes) - 2)]
    assert network.of_kind("layer_norm")[0].options.get("center", True)


def test_a_root_mean_square_normalization_is_one_node() -> None:
    network = read(lambda x: x * tf.math.rsqrt(mean(x * x) + 1e-6) * GAMMA, (1, TOKENS, WIDTH))
    assert network.of_kind("layer_norm")[0].options["center"] is False


@pytest.mark.parametrize(
    "other",
    [
        lambda x: (
            (x - tf.reduce_mean(x, 1, keepdims=True))
            * tf.math.rsqrt(tf.reduce_mean(x * x, 1, keepdims=True) + 1e-5)
        ),
        lambda x: (x - mean(x)) * tf.math.rsqrt(mean(tf.abs(x - mean(x))) + 1e-5),
        lambda x: (x - mean(x)) * tf.math.rsqrt(mean(x * x) + 1e-5),
        lambda x: tf.math.rsqrt(mean((x - mean(x)) ** 2) + 1e-5) * tf.tanh(x - mean(x)),
    ],
    ids=["over tokens", "by absolutes", "of the second moment", "with a function inside"],
)
def test_what_is_like_a_normalization_stays_as_it_is(other: Callable[[Any], Any]) -> None:
    assert not read(other, (1, TOKENS, WIDTH)).of_kind("layer_norm")


def test_a_normalization_whose_deviation_is_used_elsewhere_stays_as_it_is() -> None:
    def call(x: Any) -> Any:
        root = tf.math.rsqrt(mean((x - mean(x)) ** 2) + 1e-5)
        return (x - mean(x)) * root + tf.exp(root)

    assert not read(call, (1, TOKENS, WIDTH)).of_kind("layer_norm")


FUNCTIONS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "gelu of PyTorch": ("gelu", lambda x: tf.nn.gelu(x, approximate=False)),
    "gelu by tanh": (
        "gelu_tanh",
        lambda x: 0.5 * x * (1 + tf.tanh(0.7978845608 * (x + 0.044715 * x * x * x))),
    ),
    "swish": ("silu", lambda x: x * tf.sigmoid(x)),
    "hard swish": ("hard_swish", lambda x: x * (tf.nn.relu6(x + 3) / 6)),
    "clipped": ("relu6", lambda x: tf.minimum(tf.maximum(x, 0.0), 6.0)),
}


@pytest.mark.parametrize("spelling", FUNCTIONS)
def test_an_activation_of_several_operators_is_one_node(spelling: str) -> None:
    function, call = FUNCTIONS[spelling]
    network = read(lambda x: call(x) @ weights(WIDTH, 3), (1, TOKENS, WIDTH))
    assert [n.options["function"] for n in network.of_kind("activation")] == [function]
    assert not network.of_kind("operator")


@pytest.mark.parametrize("slope", [1.1, 0.9])
def test_a_function_that_is_nearly_swish_is_not_taken_for_it(slope: float) -> None:
    network = read(lambda x: x * tf.sigmoid(slope * x), (1, TOKENS, WIDTH))
    assert [n.options["function"] for n in network.of_kind("activation")] == ["sigmoid"]


def attend(query: Any, key: Any, value: Any, *, scale: float = 0.25) -> Any:
    """Attention of ``[..., heads, tokens, size]``, before its last layer."""
    return tf.nn.softmax(tf.matmul(query * scale, key, transpose_b=True)) @ value


def leave(mixed: Any, kernel: np.ndarray) -> Any:
    joined = tf.reshape(tf.transpose(mixed, (0, 2, 1, 3)), (1, TOKENS, WIDTH))
    return joined @ kernel + BETA


def apart(x: Any, kernel: np.ndarray) -> Any:
    heads = tf.reshape(x @ kernel + GAMMA, (1, TOKENS, HEADS, WIDTH // HEADS))
    return tf.transpose(heads, (0, 2, 1, 3))


PROJECTIONS = [weights(WIDTH, WIDTH) for _ in range(4)]
PACKED = np.concatenate(PROJECTIONS[:3], 1)


def separate(x: Any) -> Any:
    return leave(attend(*(apart(x, kernel) for kernel in PROJECTIONS[:3])), PROJECTIONS[3])


def keys_first(x: Any) -> Any:
    """As Keras: keys times queries, then turned."""
    query, key, value = (apart(x, kernel) for kernel in PROJECTIONS[:3])
    scores = tf.transpose(tf.matmul(key, query, transpose_b=True), (0, 1, 3, 2))
    return leave(tf.nn.softmax(scores) @ value, PROJECTIONS[3])


def packed(x: Any) -> Any:
    """As timm: one layer makes all three."""
    joint = tf.reshape(x @ PACKED, (1, TOKENS, 3, HEADS, WIDTH // HEADS))
    return leave(attend(*tf.unstack(tf.transpose(joint, (2, 0, 3, 1, 4)))), PROJECTIONS[3])


def split(x: Any) -> Any:
    def heads(part: Any) -> Any:
        return tf.transpose(tf.reshape(part, (1, TOKENS, HEADS, -1)), (0, 2, 1, 3))

    return leave(attend(*map(heads, tf.split(x @ PACKED, 3, -1))), PROJECTIONS[3])


def heads_within(x: Any) -> Any:
    """Columns in the order size, heads: those of a head lie apart."""
    joint = tf.reshape(x @ PACKED, (1, TOKENS, 3, WIDTH // HEADS, HEADS))
    return leave(attend(*tf.unstack(tf.transpose(joint, (2, 0, 4, 1, 3)))), PROJECTIONS[3])


def without_batch(x: Any) -> Any:
    """As PyTorch: tokens first, and layers over rows."""
    rows = tf.reshape(x, (TOKENS, WIDTH))
    query, key, value = (
        tf.transpose(tf.reshape(rows @ kernel, (TOKENS, HEADS, -1)), (1, 0, 2))
        for kernel in PROJECTIONS[:3]
    )
    mixed = tf.transpose(attend(query, key, value), (1, 0, 2))
    return tf.reshape(mixed, (TOKENS, WIDTH)) @ PROJECTIONS[3] + BETA


def clipped(x: Any) -> Any:
    """ReLU attention, which divides by the number of tokens."""
    query, key, value = (apart(x, kernel) for kernel in PROJECTIONS[:3])
    scores = tf.nn.relu(tf.matmul(query, key, transpose_b=True) * 0.25) / TOKENS
    return leave(scores @ value, PROJECTIONS[3])


@pytest.mark.parametrize(
    "spelling", [separate, keys_first, packed, split, heads_within, without_batch, clipped]
)
def test_attention_is_one_node(spelling: Callable[[Any], Any]) -> None:
    network = read(spelling, (1, TOKENS, WIDTH))
    assert kinds(network)[:2] == ["input", "attention"]
    assert set(kinds(network)[2:]) <= {"reshape"}
    function = "relu" if spelling is clipped else "softmax"
    assert network.of_kind("attention")[0].options["function"] == function


def test_tokens_may_attend_to_others() -> None:
    def call(x: Any, memory: Any) -> Any:
        key, value = (
            tf.transpose(tf.reshape(memory @ kernel, (1, 5, HEADS, -1)), (0, 2, 1, 3))
            for kernel in PROJECTIONS[1:3]
        )
        return leave(attend(apart(x, PROJECTIONS[0]), key, value), PROJECTIONS[3])

    network = read(call, (1, TOKENS, WIDTH), (1, 5, WIDTH))
    assert network.of_kind("attention")[0].inputs == ("x0", "x1", "x1")


@pytest.mark.parametrize("keys_lead", [False, True])
@pytest.mark.parametrize(("queries", "keys"), [(1, 5), (3, 1), (1, 1)])
def test_one_token_may_attend_or_be_attended_to(queries: int, keys: int, keys_lead: bool) -> None:
    """Products of one query look the same turned and not turned."""

    def heads(x: Any, count: int, kernel: np.ndarray) -> Any:
        return tf.transpose(tf.reshape(x @ kernel, (1, count, HEADS, -1)), (0, 2, 1, 3))

    def call(x: Any, memory: Any) -> Any:
        query = heads(x, queries, PROJECTIONS[0])
        key, value = (heads(memory, keys, kernel) for kernel in PROJECTIONS[1:3])
        scores = tf.matmul(query, key, transpose_b=True)
        if keys_lead:
            scores = tf.transpose(tf.matmul(key, query, transpose_b=True), (0, 1, 3, 2))
        mixed = tf.transpose(tf.nn.softmax(scores) @ value, (0, 2, 1, 3))
        return tf.reshape(mixed, (1, queries, WIDTH)) @ PROJECTIONS[3] + BETA

    read(call, (1, queries, WIDTH), (1, keys, WIDTH))


def shuffled(x: Any) -> Any:
    moved = tf.gather(x @ PROJECTIONS[1], [1, 0, *range(2, TOKENS)], axis=1)
    key = tf.transpose(tf.reshape(moved, (1, TOKENS, HEADS, -1)), (0, 2, 1, 3))
    query, value = apart(x, PROJECTIONS[0]), apart(x, PROJECTIONS[2])
    return leave(attend(query, key, value), PROJECTIONS[3])


def biased(x: Any) -> Any:
    query, key, value = (apart(x, kernel) for kernel in PROJECTIONS[:3])
    scores = tf.matmul(query, key, transpose_b=True) + weights(TOKENS, TOKENS)
    return leave(tf.nn.softmax(scores) @ value, PROJECTIONS[3])


def seen_twice(x: Any) -> Any:
    query, key, value = (apart(x, kernel) for kernel in PROJECTIONS[:3])
    weighted = tf.nn.softmax(tf.matmul(query, key, transpose_b=True))
    return leave(weighted @ value, PROJECTIONS[3]) + tf.reduce_max(weighted)


@pytest.mark.parametrize("spelling", [shuffled, biased, seen_twice])
def test_what_is_not_plain_attention_stays_as_it_is(spelling: Callable[[Any], Any]) -> None:
    assert not read(spelling, (1, TOKENS, WIDTH)).of_kind("attention")


def test_a_token_before_the_others_is_one_node() -> None:
    token = weights(1, 1, WIDTH)
    network = read(lambda x: tf.concat([token, x], 1) @ PACKED, (1, TOKENS, WIDTH))
    assert kinds(network) == ["input", "token", "dense"]


def test_a_convolution_with_a_group_per_channel_is_depthwise() -> None:
    kernel = weights(3, 3, 1, 8)
    network = read(lambda x: tf.nn.conv2d(x, kernel, 1, "SAME"), (1, 6, 6, 8))
    assert kinds(network) == ["input", "depthwise"]


def test_windows_that_take_the_place_of_a_batch_stay_together() -> None:
    kernel = weights(3, 3, 4, 8)

    def call(x: Any) -> Any:
        windows = tf.reshape(
            tf.transpose(tf.reshape(x, (2, 3, 2, 3, 4)), (0, 2, 1, 3, 4)), (4, 3, 3, 4)
        )
        return tf.reduce_sum(tf.nn.conv2d(windows, kernel, 1, "SAME"), (1, 2))

    assert read(call, (1, 6, 6, 4)).of_kind("operator")


@pytest.mark.parametrize("operator", OPERATORS)
def test_any_operator_between_others_computes_what_the_file_does(operator: str) -> None:
    kernel = weights(3, 3, CHANNELS, CHANNELS)
    read(
        lambda x: tf.tanh(OPERATORS[operator](tf.nn.conv2d(x, kernel, 1, "SAME"))),
        (1, 6, 6, CHANNELS),
    )


def test_a_network_has_the_outputs_of_its_file_in_their_order() -> None:
    content = lowered(lambda x: [x @ PACKED, tf.exp(x)], (1, TOKENS, WIDTH), outputs=("y", "z"))
    found = network_of(content)
    assert [found[name].kind for name in found.outputs] == ["dense", "operator"]
    assert found.output_names == ("y", "y")


def test_a_network_that_computes_something_else_is_found_out() -> None:
    """Clipping at 40 shows at no usual scale."""
    first = lowered(lambda x: x @ PACKED, (1, TOKENS, WIDTH))
    second = lowered(lambda x: tf.minimum(x @ PACKED, 40.0), (1, TOKENS, WIDTH))
    model = reading.parse(first, Path("file.tflite"))
    assert equivalence.difference(model, first, first) == 0
    assert equivalence.difference(model, first, second) > equivalence.CLOSE
