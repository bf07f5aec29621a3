"""Several outputs are rewritten, and what only a file can say stays between what is rewritten."""

from __future__ import annotations

import random
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflconv.conversion import equivalence, tracing
from tflconv.conversion.optimized import OptimizedModel, rewritten
from tflconv.conversion.preparation import FloatModel
from tflconv.core.tensorflow import tf
from tflconv.tflite import editing, packing, reading

TOKENS, WIDTH, HEADS = 8, 16, 2
Layer = Callable[[Any], Any]


def weight(draw: random.Random, *shape: int) -> np.ndarray:
    numbers = np.random.default_rng(draw.randrange(2**32))
    return numbers.normal(0, shape[0] ** -0.5, shape).astype(np.float32)


def normalized(draw: random.Random) -> Layer:
    gamma, kernel = 1 + weight(draw, WIDTH) / 4, weight(draw, WIDTH, WIDTH)

    def call(x: Any) -> Any:
        mean = tf.reduce_mean(x, -1, keepdims=True)
        variance = tf.reduce_mean(tf.square(x - mean), -1, keepdims=True)
        return x + ((x - mean) * tf.math.rsqrt(variance + 1e-3) * gamma) @ kernel

    return call


def attention(draw: random.Random) -> Layer:
    kernels = [weight(draw, WIDTH, WIDTH) for _ in range(4)]

    def heads(x: Any, kernel: np.ndarray) -> Any:
        split = tf.reshape(tf.reshape(x, (TOKENS, WIDTH)) @ kernel, (1, TOKENS, HEADS, -1))
        return tf.transpose(split, (0, 2, 1, 3))

    def call(x: Any) -> Any:
        query, key, value = (heads(x, kernel) for kernel in kernels[:3])
        mixed = tf.nn.softmax(tf.matmul(query, key, transpose_b=True) / 3) @ value
        joined = tf.reshape(tf.transpose(mixed, (0, 2, 1, 3)), (1, TOKENS, WIDTH))
        return x + joined @ kernels[3]

    return call


def gated(draw: random.Random) -> Layer:
    first, second = weight(draw, WIDTH, 2 * WIDTH), weight(draw, 2 * WIDTH, WIDTH)
    return lambda x: x + tf.nn.gelu(x @ first) @ second


def looped(draw: random.Random) -> Layer:
    kernel = weight(draw, WIDTH, WIDTH) / 2

    def call(x: Any) -> Any:
        step = lambda i, value: (i + 1, tf.tanh(value @ kernel))  # noqa: E731
        return tf.while_loop(lambda i, _: i < 3, step, (tf.constant(0), x))[1]

    return call


def sorted_tokens(_: random.Random) -> Layer:
    def call(x: Any) -> Any:
        places = tf.math.top_k(tf.reduce_mean(x, -1), TOKENS).indices
        return tf.gather(x, tf.reshape(places, (TOKENS,)), axis=1)

    return call


def chosen(_: random.Random) -> Layer:
    return lambda x: tf.where(tf.cumsum(x, 1) > 0.25, x, 0.5 * tf.round(x))


KNOWN = (normalized, attention, gated)
ONLY_IN_FILES = (looped, sorted_tokens, chosen)


def drawn(number: int) -> tuple[FloatModel, int]:
    """A network with known layers before and after others, and how many outputs it has."""
    draw = random.Random(number)
    rows = [attention(draw), draw.choice(KNOWN)(draw)]
    rows += [ONLY_IN_FILES[number % 3](draw), draw.choice(KNOWN)(draw)]
    rows += [draw.choice((*KNOWN, *ONLY_IN_FILES))(draw), draw.choice(KNOWN)(draw)]
    count = number % 2 + 2
    taps = draw.sample(range(len(rows)), count - 1)

    def call(x: Any) -> list[Any]:
        ends = []
        for place, row in enumerate(rows):
            x = row(x)
            if place in taps:
                ends.append(tf.argmax(x, -1) if draw.random() < 0.3 else x * 1.0)
        return [*ends, tf.nn.softmax(x @ np.eye(WIDTH, dtype=np.float32))]

    spec = tf.TensorSpec((1, TOKENS, WIDTH), tf.float32, name="x")
    function = tracing.freeze_function(call, [spec])
    names = tuple(f"end{place}" for place in range(count))[::-1]
    graph = tracing.FrozenGraph(function=function, inputs=("x",), outputs=names)
    return FloatModel(f"drawn {number}", tracing.lower(graph), graph), count


def ends(content: bytes) -> list[Any]:
    model = packing.unpack(content)
    main = model.subgraphs[0]
    signed = [entry.name for entry in model.signatureDefs[0].outputs]
    tensors = [main.tensors[int(i)] for i in main.outputs]
    shapes = [(list(map(int, tensor.shape)), tensor.type) for tensor in tensors]
    return [editing.input_names(model), editing.output_names(model), signed, shapes]


def as_they_came(content: bytes) -> Counter[str]:
    """Operators that no node describes, with their options and what they call."""
    model = reading.parse(content, Path("file.tflite"))
    names = ("CUMSUM", "GREATER", "ROUND", "SELECT_V2", "TOPK_V2", "WHILE", "ARG_MAX")
    found = Counter(o.name for o in model.main.operators if o.name in names)
    return found + Counter(
        f"in a graph: {operator.name} {operator.options}"
        for graph in model.subgraphs[1:]
        for operator in graph.operators
    )


def check(number: int) -> None:
    came, count = drawn(number)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = rewritten(came)
    assert isinstance(made, OptimizedModel)
    assert all("split_heads" not in o.name or o.skipped is None for o in made.outcomes)
    assert ends(made.content) == ends(came.content)
    assert as_they_came(made.content) == as_they_came(came.content)
    assert as_they_came(came.content)
    file = reading.parse(came.content, Path("file.tflite"))
    apart = equivalence.difference(file, came.content, made.content, without_softmax=[count - 1])
    assert apart <= equivalence.CLOSE


@pytest.mark.parametrize("number", range(3))
def test_what_only_a_file_can_say_stays_as_it_came(number: int) -> None:
    check(number)
