"""Residual blocks are found by their shape and removed as far as accuracy allows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tflconv
from tflconv import models
from tflconv.compression import DepthConfig
from tflconv.compression.blocks import blocks, without
from tflconv.errors import TflconvError
from tflconv.model.card import require_card


@pytest.mark.parametrize(
    ("name", "options", "count"),
    [
        ("resnet", {"blocks": 3}, 7),  # the first block of the later stages changes the shape
        ("vit", {"depth": 2, "dim": 16}, 4),
        ("mobilenet_v2", {"alpha": 0.35}, 10),
        ("squeezenet", {}, 0),
    ],
)
def test_blocks_of_the_registry(name: str, options: Any, count: int) -> None:
    model = models.build(name, (28, 28, 1), 10, **options)
    found = blocks(model)
    assert len(found) == count
    if name == "vit":
        made = without(model, found[0])
        assert made.count_params() < model.count_params()
        assert made.output_shape == model.output_shape


def residual(kit: Any) -> Any:
    """Tells dark from light pictures by a block that inverts them; a second block is silent."""
    layers = kit.layers
    pixels = layers.Input((8, 8, 1))
    x = layers.Add(name="loud")([layers.Conv2D(1, 1, name="inverting")(pixels), pixels])
    x = layers.Add(name="silent")([x, layers.Conv2D(1, 1, name="nothing")(x)])
    scores = layers.Dense(2, name="scores")(layers.GlobalAveragePooling2D()(x))
    model = kit.Model(pixels, scores)
    weights = {
        "inverting": [np.full((1, 1, 1, 1), -2.0), np.ones(1)],
        "nothing": [np.zeros((1, 1, 1, 1)), np.zeros(1)],
        "scores": [np.array([[10.0, -10.0]]), np.array([-5.0, 5.0])],
    }
    for name, values in weights.items():
        model.get_layer(name).set_weights(values)
    return model


def test_a_silent_block_changes_nothing(kit: Any) -> None:
    model = residual(kit)
    loud, silent = blocks(model)
    pixels = np.random.default_rng(0).normal(size=(3, 8, 8, 1)).astype(np.float32)
    before = np.asarray(model(pixels))
    made = without(model, silent)
    np.testing.assert_allclose(np.asarray(made(pixels)), before, atol=1e-6)
    assert "nothing" not in {layer.name for layer in made.layers}
    assert not np.allclose(np.asarray(without(model, loud)(pixels)), before, atol=1e-3)


def test_a_branch_that_others_read_is_no_block(kit: Any) -> None:
    layers = kit.layers
    pixels = layers.Input((8, 8, 3))
    y = layers.Conv2D(3, 1)(pixels)
    x = layers.Add()([pixels, y])
    x = layers.Concatenate()([x, y])
    assert not blocks(kit.Model(pixels, layers.Dense(2)(layers.Flatten()(x))))


@pytest.mark.filterwarnings("ignore:.*does not name its outputs")
def test_the_least_missed_block_goes_first(kit: Any, pictures: Path, tmp_path: Path) -> None:
    residual(kit).save(tmp_path / "m.keras")
    said: dict[str, Any] = {"dataset": str(pictures), "normalize": "0..1"}
    path = tflconv.compress(
        tmp_path / "m.keras", "depth2", settings=[DepthConfig(epochs=0, max_drop=0)], **said
    )
    first, second, third = require_card(path).training["depth2"]["curve"]
    assert first == {"removed": 0, "accuracy": 1.0}
    assert second == {"removed": 1, "block": "silent", "accuracy": 1.0}
    assert third == {"removed": 2, "block": "loud", "accuracy": 0.0, "ends": True}
    assert {"loud", "silent"} & {layer.name for layer in kit.models.load_model(path).layers} == {
        "loud"
    }


@pytest.mark.filterwarnings("ignore:.*does not name its outputs")
def test_no_block_and_no_budget_are_told(kit: Any, pictures: Path, tmp_path: Path) -> None:
    layers, said = kit.layers, {"dataset": str(pictures), "normalize": "0..1"}
    pixels = layers.Input((8, 8, 1))
    kit.Model(pixels, layers.Dense(2)(layers.Flatten()(pixels))).save(tmp_path / "none.keras")
    without(residual(kit), blocks(residual(kit))[1]).save(tmp_path / "loud.keras")
    for name, message in (
        ("none", "no residual block that can be bypassed"),
        ("loud", r"without 'loud'.* loses 100.00 points"),
    ):
        with pytest.raises(TflconvError, match=message):
            tflconv.compress(
                tmp_path / f"{name}.keras", "depth1", settings=[DepthConfig(epochs=0)], **said
            )
    assert sorted(path.name for path in tmp_path.glob("*.keras")) == ["loud.keras", "none.keras"]
