"""The step ``equalize``: float stays equal, and one scale fits all channels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tflconv
from fakes import random_cuttable
from tflconv.compression import EqualizeConfig, equalizing
from tflconv.compression.equivariance import equivariant_channels
from tflconv.compression.examples import Examples
from tflconv.compression.technique import Subject
from tflconv.errors import TflconvError
from tflconv.model.interpreter import Interpreter
from tflconv.network.keras.opened import open_once
from tflconv.recipe import Step

DRAW = np.random.default_rng(0)
PICTURES = DRAW.normal(size=(24, 8, 8, 3)).astype(np.float32)


def ignore(_: object) -> None: ...


def equalized(model: Any, **settings: Any) -> Any:
    subject = Subject(
        model=open_once(model),
        step=Step(technique="equalize"),
        config=EqualizeConfig(**settings),
    )
    examples = Examples(images=PICTURES, labels=np.zeros(len(PICTURES), np.int64))
    return equalizing.compress(subject, examples, None, ignore)  # type: ignore[arg-type]


def outputs(model: Any) -> Any:
    return np.asarray(model(PICTURES, training=False))


@pytest.mark.parametrize("number", range(12))
def test_any_factors_leave_a_random_network_as_it_was(kit: Any, number: int) -> None:
    """What is scalable is read from the network: drawn factors must change nothing."""
    model = random_cuttable.network(kit, number, norms=True)
    graph = equivariant_channels(model)
    before = outputs(model)
    drawn = np.random.default_rng(number)
    free = equalizing._free(graph)
    factors = np.where(free, np.exp2(drawn.integers(-4, 5, len(free))), 1).astype(np.float32)
    equalizing.scale(graph, factors)
    np.testing.assert_allclose(outputs(model), before, rtol=1e-4, atol=1e-6)


def test_random_networks_have_channels_to_scale(kit: Any) -> None:
    counts = [
        int(equalizing._free(equivariant_channels(random_cuttable.network(kit, number))).sum())
        for number in range(6)
    ]
    assert sum(count > 0 for count in counts) >= 5


def bottleneck(kit: Any, *, outlier: float) -> Any:
    """A linear bottleneck whose first channel is ``outlier`` times as large, and read as before."""
    layers = kit.layers
    kit.utils.set_random_seed(1)
    pixels = layers.Input((8, 8, 3))
    x = layers.Conv2D(16, 3, padding="same", use_bias=False, name="project")(pixels)
    x = layers.BatchNormalization(name="norm")(x)
    y = layers.Conv2D(16, 1, activation="relu6", name="expand")(x)
    x = layers.Add()([x, layers.Conv2D(16, 1, name="again")(y)])
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(16, 1, activation="relu", name="last")(x))
    model = kit.Model(pixels, layers.Dense(4, name="scores")(x))
    random_cuttable.randomize(model, 0)
    norm = model.get_layer("norm")
    for weight in (norm.gamma, norm.beta):
        weight.assign(weight.numpy() * _first(outlier, (16,), 0))
    for name in ("expand", "last"):
        kernel = model.get_layer(name).kernel
        kernel.assign(kernel.numpy() / _first(outlier, kernel.shape, 2))
    for weight, axis in ((model.get_layer("again").kernel, 3), (model.get_layer("again").bias, 0)):
        weight.assign(weight.numpy() * _first(outlier, weight.shape, axis))
    return model


def _first(factor: float, shape: Any, axis: int) -> Any:
    by = np.ones(shape, np.float32)
    by[(slice(None),) * axis + (0,)] = factor
    return by


def spread(model: Any) -> float:
    """The largest value of a bottleneck over the median of its channels."""
    graph = equivariant_channels(model)
    place = next(p for p in graph.places if p.layer.name == "norm")
    values = equalizing._largest_values(graph, PICTURES, len(equalizing._free(graph)))
    channels = values[place.labels["outputs"]]
    return float(channels.max() / np.median(channels))


def test_an_outlier_becomes_like_the_others(kit: Any) -> None:
    plain, odd = bottleneck(kit, outlier=1), bottleneck(kit, outlier=64)
    np.testing.assert_allclose(outputs(odd), outputs(plain), rtol=1e-3, atol=1e-4)
    mended = equalized(odd)
    np.testing.assert_array_equal(outputs(mended), outputs(odd))
    assert spread(odd) > 20
    assert spread(mended) < 6


def test_equalizing_saves_int8_without_training(kit: Any, tmp_path: Any) -> None:
    odd = bottleneck(kit, outlier=64)
    truth, errors = outputs(odd), {}
    for name, model in (("as it came", odd), ("equalized", equalized(odd))):
        (file,) = tflconv.convert(
            model, ["static_wi8_ai8"], tmp_path / name, calibration=PICTURES, logits=True
        )
        errors[name] = float(np.abs(Interpreter(file).predict(PICTURES) - truth).mean())
    assert errors["equalized"] < 0.35 * errors["as it came"]


def test_a_norm_takes_the_factors_of_a_transformer(kit: Any) -> None:
    layers = kit.layers
    tokens = layers.Input((9, 6))
    inner = layers.LayerNormalization(name="norm")(tokens)
    tokens_2 = layers.Add()([tokens, layers.MultiHeadAttention(2, 4)(inner, inner)])
    inner = layers.Dense(8, activation="gelu", name="wide")(layers.LayerNormalization()(tokens_2))
    model = kit.Model(tokens, layers.Dense(6)(inner))
    random_cuttable.randomize(model, 3)
    graph = equivariant_channels(model)
    free = equalizing._free(graph)
    norm, wide = (
        next(p for p in graph.places if p.layer.name == name) for name in ("norm", "wide")
    )
    assert free[norm.labels["outputs"]].all()
    assert not free[norm.labels["inputs"]].any()
    assert not free[wide.labels["outputs"]].any()  # GELU does not hand a factor on
    factors = np.where(free, 4.0, 1.0).astype(np.float32)
    drawn = DRAW.normal(size=(2, 9, 6)).astype(np.float32)
    before = np.asarray(model(drawn))
    equalizing.scale(graph, factors)
    np.testing.assert_allclose(np.asarray(model(drawn)), before, rtol=1e-5, atol=1e-6)


def test_without_equivariant_channels_it_says_so(kit: Any) -> None:
    layers = kit.layers
    pixels = layers.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu6")(pixels)
    x = layers.Dense(3)(layers.Flatten()(x))
    with pytest.raises(TflconvError, match=r"no channel of .* can be equalized"):
        equalized(kit.Model(pixels, x))


def test_dead_channels_stay(kit: Any) -> None:
    model = bottleneck(kit, outlier=1)
    kernel = model.get_layer("last").kernel
    value = kernel.numpy()
    value[..., 3] = 0
    kernel.assign(value)
    bias = model.get_layer("last").bias
    bias.assign(np.where(np.arange(16) == 3, 0, bias.numpy()))
    mended = equalized(model)
    assert not mended.get_layer("last").kernel.numpy()[..., 3].any()
    np.testing.assert_array_equal(outputs(mended), outputs(model))


@pytest.mark.parametrize("alpha", [-0.1, 1.1])
def test_alpha_is_a_share(alpha: float) -> None:
    with pytest.raises(TflconvError, match="equalize: alpha must be 0 to 1"):
        EqualizeConfig(alpha=alpha)
