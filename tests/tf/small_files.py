"""Small models of either Keras as files, and what the files answer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

import tflconv
from tflconv.conversion import Rewrite
from tflconv.model.opening import of_keras

RANDOM = np.random.default_rng(0)
REWRITES: tuple[Rewrite, ...] = ("as-is", "optimized", "unfused")
CLOSE = 1e-5


def converted(model: Any, folder: Path, recipe: str = "fp32", **options: Any) -> Path:
    return tflconv.convert(model, [recipe], folder, **options)[0]


def answers(file: Path, fed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What a file says to samples that it is fed by name."""
    call = Interpreter(model_path=str(file)).get_signature_runner()
    count = len(next(iter(fed.values())))
    rows = [call(**{k: v[i : i + 1] for k, v in fed.items()}) for i in range(count)]
    return {name: np.concatenate([np.atleast_1d(row[name]) for row in rows]) for name in rows[0]}


def only(named: Mapping[str, np.ndarray]) -> np.ndarray:
    (values,) = named.values()
    return values


def check(model: Any, folder: Path, rewrite: Rewrite, **options: Any) -> None:
    """Hold the float file of a model that takes one picture equal to it."""
    (entry,) = of_keras(model).inputs
    sides = [side or options.get("resolution") for side in entry.shape]
    pixels = RANDOM.uniform(0, 2, (3, *sides)).astype(np.float32)
    expected = np.asarray(model(pixels, training=False))
    received = only(
        answers(converted(model, folder, rewrite=rewrite, **options), {entry.name: pixels})
    )
    np.testing.assert_allclose(received, expected, rtol=0, atol=CLOSE * np.abs(expected).max())


def around(kit: Any, *layers: Any, shape: tuple[int | None, ...] = (8, 8, 3)) -> Any:
    """A small classifier with ``layers`` behind its convolution."""
    picture = kit.Input(shape, name="picture")
    value = kit.layers.Conv2D(4, 3)(picture)
    for layer in layers:
        value = layer(value)
    return kit.Model(picture, kit.layers.Dense(3)(kit.layers.GlobalAveragePooling2D()(value)))
