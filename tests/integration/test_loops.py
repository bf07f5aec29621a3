"""Layers that go step by step take no more instructions than in the converter's own files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tflconv

keras = pytest.importorskip("keras", minversion="3")
layers = keras.layers

NETWORKS: dict[str, Callable[[Any], Any]] = {
    "LSTM": lambda steps: layers.LSTM(32)(steps),
    "GRU, both ways": lambda steps: layers.Bidirectional(layers.GRU(24))(steps),
    "stacked": lambda steps: layers.LSTM(16)(layers.LSTM(32, return_sequences=True)(steps)),
    "every step, both ways": lambda steps: layers.Bidirectional(
        layers.GRU(24, return_sequences=True)
    )(steps),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_dynamic_is_no_dearer_than_the_converter_alone(
    name: str, arm64: None, tmp_path: Path
) -> None:
    from tflconv.core.tensorflow import tf

    steps = keras.Input((16, 20), batch_size=1)
    model = keras.Model(steps, layers.Dense(10)(NETWORKS[name](steps)))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    alone = tmp_path / "alone.tflite"
    alone.write_bytes(converter.convert())
    (ours,) = tflconv.convert(model, ["dynamic_wi8_afp32"], tmp_path)
    assert counted(ours) <= 1.001 * counted(alone)


def counted(path: Path) -> float:
    """The least of two counts: a busy machine may add some hundred instructions to a loop's."""
    counts = []
    for _ in range(2):
        (run,) = tflconv.bench(path, "arm64:cortex-a76").runs
        assert run.instructions is not None
        counts.append(run.instructions.total)
    return min(counts)
