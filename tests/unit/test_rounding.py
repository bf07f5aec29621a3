"""Weights of 4 bits whose results are closer to those in float than by nearest rounding."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from tiny_graphs import Builder

from tflconv.conversion import Calibration
from tflconv.conversion.calibration import observe
from tflconv.conversion.dense import seen_by_layers
from tflconv.conversion.rounding import rounded_rows, to_four_bits
from tflconv.conversion.sparing import kept_in_eight_bits
from tflconv.tflite import editing, packing


def inputs(random: np.random.Generator, count: int, width: int) -> np.ndarray:
    """Inputs that go together, as those of networks do."""
    return random.normal(size=(count, width // 4)) @ random.normal(size=(width // 4, width))


@pytest.mark.parametrize("seed", range(5))
def test_results_err_less_than_by_nearest_rounding(seed: int) -> None:
    random = np.random.default_rng(seed)
    seen, unseen = np.split(inputs(random, 400, 32), 2)
    weights = random.normal(size=(16, 32))
    rounded = rounded_rows(weights, seen.T @ seen / len(seen))
    steps = np.abs(weights).max(axis=1, keepdims=True) / 7
    nearest = np.rint(weights / steps) * steps
    errors = [np.square(unseen @ (each - weights).T).mean() for each in (rounded, nearest)]
    assert errors[0] < errors[1] / 2


@pytest.mark.parametrize("seed", range(5))
def test_each_row_has_whole_steps_and_reaches_the_seventh(seed: int) -> None:
    random = np.random.default_rng(seed)
    weights = random.normal(size=(8, 12)) * random.uniform(0.01, 9, (8, 1))
    rounded = rounded_rows(weights, np.cov(inputs(random, 50, 12).T))
    steps = rounded / (np.abs(rounded).max(axis=1, keepdims=True) / 7)
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-9)


def test_rows_of_zeros_and_inputs_that_never_occur_stay() -> None:
    weights = np.array([[0.0, 0.0, 0.0], [7.0, 3.0, -2.0]])
    rounded = rounded_rows(weights, np.diag([1.0, 0.0, 1.0]))
    np.testing.assert_allclose(rounded[:, [0, 2]], weights[:, [0, 2]], atol=1e-9)
    assert np.isfinite(rounded).all()


def test_only_weights_of_dense_layers_are_rounded() -> None:
    random, builder = np.random.default_rng(0), Builder()
    source, middle, target = (builder.tensor((1, 8)) for _ in range(3))
    kernel = builder.tensor((8, 8), values=random.normal(size=(8, 8)), name="kernel")
    scale = builder.tensor((8,), values=random.normal(size=8), name="scale")
    builder.op("FULLY_CONNECTED", [source, kernel, -1], [middle], fb.FullyConnectedOptionsT())
    builder.op("MUL", [middle, scale], [target], fb.MulOptionsT())
    content = builder.content([source], [target])
    samples = Calibration.of_values("normal", random.normal(size=(20, 8)).astype(np.float32))
    stored = [values(each) for each in (content, to_four_bits(content, samples, frozenset()))]
    assert (stored[0]["scale"] == stored[1]["scale"]).all()
    rows = stored[1]["kernel"].reshape(8, 8)
    assert max(len(set(np.round(np.abs(row), 5))) for row in rows) <= 8


def drawn(seed: int) -> tuple[bytes, Calibration, Calibration]:
    """Two layers, samples to round them by, and others."""
    random = np.random.default_rng(seed)
    content = two_layers(random, scale=1.0)
    parts = np.split(inputs(random, 264, 32).astype(np.float32), [64])
    samples, unseen = (Calibration.of_values("drawn", each) for each in parts)
    return content, samples, unseen


@pytest.mark.parametrize("seed", range(3))
def test_later_layers_make_up_for_earlier_ones(seed: int) -> None:
    content, samples, unseen = drawn(seed)
    made = to_four_bits(content, samples, frozenset())
    alone = to_four_bits(content, samples, frozenset({"second"}))
    both = packing.unpack(alone)
    exchange(both, "second", packing.unpack(to_four_bits(content, samples, frozenset({"first"}))))
    errors = [error(content, each, unseen) for each in (made, packing.pack(both))]
    assert errors[0] < errors[1]


@pytest.mark.parametrize("seed", range(3))
def test_a_layer_that_keeps_eight_bits_makes_up_for_those_before_it(seed: int) -> None:
    content, samples, unseen = drawn(seed)
    made = to_four_bits(content, samples, frozenset({"second"}))
    as_it_was = packing.unpack(made)
    exchange(as_it_was, "second", packing.unpack(content))
    assert error(content, made, unseen) < error(content, packing.pack(as_it_was), unseen)


def test_every_sample_gives_rows_from_all_over_its_input() -> None:
    random, builder = np.random.default_rng(0), Builder()
    source, target = (builder.tensor((1, 100, 8), name=name) for name in ("x", "y"))
    kernel = builder.tensor((8, 8), values=random.normal(size=(8, 8)))
    options = fb.FullyConnectedOptionsT()
    options.keepNumDims = True
    builder.op("FULLY_CONNECTED", [source, kernel, -1], [target], options)
    values = np.tile(np.arange(100, dtype=np.float32)[:, np.newaxis], (200, 1, 8))
    values += 1000 * np.arange(200, dtype=np.float32)[:, np.newaxis, np.newaxis]
    rows = seen_by_layers(
        builder.content([source], [target]), Calibration.of_values("counted", values)
    )["x"]
    samples, places = np.divmod(rows[:, 0], 1000)
    assert set(samples) == set(range(123))  # as many as have 12 288 rows
    assert len(rows) <= 8192
    assert [places[samples == each].tolist() for each in (0, 122)] == [
        [number * 100 // 66 for number in range(66)]
    ] * 2


def test_the_layer_that_does_most_harm_keeps_eight_bits() -> None:
    random = np.random.default_rng(0)
    content = two_layers(random, scale=1e-3)
    samples = Calibration.of_values("normal", random.normal(size=(20, 32)).astype(np.float32))
    assert kept_in_eight_bits(content, samples) == {"second"}


def two_layers(random: np.random.Generator, *, scale: float) -> bytes:
    """A wide layer, whose weights count as much as ``scale``, and a small one behind it."""
    builder = Builder()
    source, middle, target = (builder.tensor((1, size)) for size in (32, 32, 2))
    first = random.normal(size=(32, 32)) * scale + np.eye(32) * 7
    kernel = builder.tensor((32, 32), values=first, name="first")
    bias = builder.tensor((32,), values=random.normal(size=32), name="bias")
    second = builder.tensor((2, 32), values=random.normal(size=(2, 32)), name="second")
    dense = fb.FullyConnectedOptionsT
    builder.op("FULLY_CONNECTED", [source, kernel, bias], [middle], dense())
    builder.op("FULLY_CONNECTED", [middle, second, -1], [target], dense())
    return builder.content([source], [target])


def exchange(model: fb.ModelT, name: str, other: fb.ModelT) -> None:
    """Give the tensor called ``name`` the values that it has in ``other``."""
    mine, others = (
        next(t for t in each.subgraphs[0].tensors if t.name.decode() == name)
        for each in (model, other)
    )
    mine.buffer = editing.add_buffer(model, editing.values(other, others, np.float32))


def error(content: bytes, other: bytes, samples: Calibration) -> float:
    graph = packing.unpack(content).subgraphs[0]
    (name,) = editing.names(graph, graph.outputs)
    ours, theirs = (
        np.stack([dict(each)[name] for each in observe(one, samples, [name])])
        for one in (content, other)
    )
    return float(np.square(ours - theirs).mean())


def values(content: bytes) -> dict[str, np.ndarray]:
    model = packing.unpack(content)
    tensors = model.subgraphs[0].tensors
    return {t.name.decode(): editing.values(model, t, np.float32) for t in tensors}
