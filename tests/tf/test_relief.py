"""A rewritten transformer whose int8 is not close gets back in float what does most harm.

Pictures of very different brightness are what makes it so: the layer that reads the pixels has one
range for all of them, and the normalization after it makes the dark ones as large as the others.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert.schema_py_generated import TensorType
from small_files import answers, only

import tflconv
from tflconv import models
from tflconv.conversion import Calibration, relief
from tflconv.conversion.correcting import last_layer
from tflconv.inspection import delegation
from tflconv.model.card import read_card
from tflconv.model.interpreter import Interpreter
from tflconv.tflite import editing, packing, reading

RANDOM = np.random.default_rng(0)
BRIGHTNESS = np.geomspace(1, 100, 24)[:, np.newaxis, np.newaxis, np.newaxis]
PICTURES, OTHERS = (
    (RANDOM.normal(size=(24, 32, 32, 3)) * BRIGHTNESS).astype(np.float32) for _ in range(2)
)


def transformer(classes: int = 10) -> Any:
    model = models.build("vit", (32, 32, 3), classes, patch=8, dim=32, depth=2, heads=2)
    random = np.random.default_rng(0)
    for layer in model.layers:
        layer.set_weights([_drawn(random, each.name, tuple(each.shape)) for each in layer.weights])
    return model


def _drawn(random: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    if "gamma" in name:
        return np.ones(shape)
    if "beta" in name or "bias" in name:
        return np.zeros(shape)
    return random.normal(0, 0.01 if "token" in name or "positions" in name else 0.1, shape)


def test_it_is_rewritten_with_some_operators_in_float(tmp_path: Path) -> None:
    model, samples = transformer(), Calibration.of_values("pictures", PICTURES)
    files = tflconv.convert(model, ["auto"], tmp_path, calibration=samples)
    (choice,), (file,) = files.choices, files
    assert (choice.recipe.name, choice.rewrite) == ("selective_wi8_ai8", "optimized")
    assert files.fidelity[0].cosine is not None
    assert files.fidelity[0].cosine >= 0.998
    assert 2 < len(choice.spared) < 12
    kinds = [operator.name for operator in reading.read(file).main.operators]
    floats = editing.float_operators(packing.unpack(file.read_bytes()))
    assert 0 < sum(text.startswith("BATCH_MATMUL") for text in floats) < kinds.count("BATCH_MATMUL")
    assert Interpreter(file).partitions == 1
    dynamic = choice.instructions["dynamic_wi8_afp32 optimized"]
    assert delegation.estimate(file.read_bytes()) < 0.8 * dynamic
    assert str(choice).endswith(f", {len(choice.spared)} operators in float")

    name = model.input_names[0]
    wanted, received = np.asarray(model(OTHERS)), only(answers(file, {name: OTHERS}))
    cosines = (wanted * received).sum(-1)
    cosines /= np.linalg.norm(wanted, axis=-1) * np.linalg.norm(received, axis=-1)
    assert cosines.mean() > 0.998


def test_a_last_layer_that_reads_floats_costs_no_more_and_is_closer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, found = transformer(classes=40), []
    pictures = np.random.default_rng(0).normal(size=(24, 32, 32, 3)).astype(np.float32)
    said = {"calibration": Calibration.of_values("pictures", pictures), "rewrite": "optimized"}
    for name in ("floats", "integers"):
        (file,), _, (fidelity,) = _converted(model, ["selective_wi8_ai8"], tmp_path / name, said)
        content = packing.unpack(file.read_bytes())
        layer = last_layer(content)
        assert layer is not None
        source, kernel = (content.subgraphs[0].tensors[int(i)] for i in layer.inputs[:2])
        assert source.type == (TensorType.FLOAT32 if name == "floats" else TensorType.INT8)
        assert kernel.type == TensorType.INT8
        assert Interpreter(file).partitions == 1
        found.append((fidelity.cosine, delegation.estimate(file.read_bytes())))
        monkeypatch.setattr(relief, "free", lambda *_: frozenset())
    (closer, cost), (other, price) = found
    assert closer > other
    assert cost <= 1.01 * price


def convolutions(seed: int) -> Any:
    pixels = value = keras.Input((16, 16, 3))
    for width in (8, 16):
        layer = keras.layers.Conv2D(width, 3, strides=2, padding="same", activation="relu")
        value = layer(value)
    model = keras.Model(pixels, keras.layers.Dense(5)(keras.layers.GlobalAveragePooling2D()(value)))
    random = np.random.default_rng(seed)
    for layer in model.layers:
        shapes = [each.shape for each in layer.get_weights()]
        layer.set_weights([random.normal(0, 0.2, s) * (len(s) > 1) for s in shapes])
    return model


@pytest.mark.parametrize(
    ("brightest", "seed", "name", "raised"),
    [
        pytest.param(2, 1, "static_wi8_ai8", 0, id="close in int8"),
        pytest.param(20, 7, "mixed_wi8_ai8", 2, id="close but for mean and scores"),
        pytest.param(30, 2, "dynamic_wi8_afp32", 0, id="close with float activations only"),
    ],
)
def test_auto_is_no_dearer_than_any_recipe_that_is_as_close(
    brightest: int, seed: int, name: str, raised: int, tmp_path: Path
) -> None:
    brightness = np.geomspace(1, brightest, 24)[:, np.newaxis, np.newaxis, np.newaxis]
    pictures = np.random.default_rng(0).normal(size=(24, 16, 16, 3)) * brightness
    said = {"calibration": Calibration.of_values("pictures", pictures), "io": "float32"}
    (best,), (choice,), (found,) = _converted(convolutions(seed), ["auto"], tmp_path, said)
    assert (choice.recipe.name, len(choice.spared)) == (name, raised)
    assert found.cosine >= 0.998
    alone = _converted(convolutions(seed), ["static_wi8_ai8", "selective_wi8_ai8"], tmp_path, said)
    for file, _, one in zip(*alone, strict=True):
        close = one.cosine >= 0.998
        assert not close or delegation.estimate(best.read_bytes()) <= delegation.estimate(
            file.read_bytes()
        )


def bounded() -> Any:
    """Convolutions that no pass changes, behind one whose results a tanh bounds."""
    layers = keras.layers
    pixels = keras.Input((16, 16, 3))
    value = layers.Activation("tanh")(layers.Conv2D(16, 3)(pixels))
    for _ in range(3):
        value = layers.Conv2D(32, 3, padding="same")(value)
    model = keras.Model(pixels, layers.Dense(5)(layers.Flatten()(value)))
    random = np.random.default_rng(0)
    for layer in model.layers:
        drawn = [random.normal(0, np.prod(w.shape[:-1]) ** -0.5, w.shape) * (w.ndim > 1)
                 for w in layer.get_weights()]  # fmt: skip
        layer.set_weights(drawn)
    return model


def test_a_graph_that_no_pass_changes_gets_its_ends_back_in_float_too(tmp_path: Path) -> None:
    brightness = np.geomspace(1, 100, 24)[:, np.newaxis, np.newaxis, np.newaxis]
    pictures = np.random.default_rng(0).normal(size=(24, 16, 16, 3)) * brightness
    said = {"calibration": Calibration.of_values("pictures", pictures), "io": "float32"}
    (file,), (choice,), (found,) = _converted(bounded(), ["auto"], tmp_path / "auto", said)
    assert (choice.recipe.name, choice.rewrite) == ("selective_wi8_ai8", "as-is")
    assert 1 <= len(choice.spared) <= 2
    assert found.cosine >= 0.998
    (plain,), _, (far,) = _converted(bounded(), ["selective_wi8_ai8"], tmp_path / "plain", said)
    assert far.cosine < 0.998
    assert file.read_bytes() != plain.read_bytes()
    (other,), *_ = _converted(bounded(), ["dynamic_wi8_afp32"], tmp_path / "dynamic", said)
    assert delegation.estimate(file.read_bytes()) < delegation.estimate(other.read_bytes())


def spotted() -> Calibration:
    """Samples of which four have one pixel that is far too bright."""
    pictures = np.random.default_rng(0).normal(size=(24, 16, 16, 3)).astype(np.float32)
    pictures[20:, 5, 5] *= 16
    return Calibration.of_values("pictures", pictures)


def test_auto_cuts_ranges_off_before_it_leaves_anything_in_float(tmp_path: Path) -> None:
    model, said = convolutions(1), {"calibration": spotted(), "with_card": False}
    (best,), (choice,), (found,) = _converted(model, ["auto"], tmp_path, said)
    assert str(choice) == "static_wi8_ai8, as it came, ranges by mse"
    said |= {"io": "float32"}
    (plain,), _, (far,) = _converted(model, [choice.recipe.name], tmp_path, said)
    assert far.cosine < 0.998 < found.cosine
    assert delegation.estimate(plain.read_bytes()) == delegation.estimate(best.read_bytes())
    said |= {"calibration": replace(spotted(), method="mse")}
    (same,), *_ = _converted(model, [choice.recipe.name], tmp_path, said)
    assert best.read_bytes() == same.read_bytes()


def test_the_card_says_which_ranges_auto_chose(tmp_path: Path) -> None:
    said = {"calibration": spotted(), "normalize": "0..1"}
    (best,), *_ = _converted(convolutions(1), ["auto"], tmp_path, said)
    card = read_card(best)
    assert card is not None
    assert card.calibration is not None
    assert card.calibration["method"] == "mse"


def test_auto_keeps_the_ranges_that_were_asked_for(tmp_path: Path) -> None:
    samples = replace(spotted(), method="percentile")
    _, (choice,), _ = _converted(convolutions(1), ["auto"], tmp_path, {"calibration": samples})
    assert choice.method is None


def _converted(model: Any, recipes: list[str], folder: Path, said: dict[str, Any]) -> Any:
    files = tflconv.convert(model, recipes, folder, **said)
    return list(files), files.choices, files.fidelity
