"""Several devices make the step that one makes, each with its part of the batch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import tflconv
from tflconv.core.tensorflow import tf
from tflconv.errors import UsageError
from tflconv.pipeline.plan import parse
from tflconv.training import TrainConfig, strategy

TWO_DEVICES = """
import numpy as np
from tflconv.core.tensorflow import keras2, tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from tflconv.model.normalization import NAMED
from tflconv.training import TrainConfig, strategy
from tflconv.training.learner import Learner
from tflconv.training.views import Batch

draw = np.random.default_rng(0)
maps = np.tile(np.array([1, 0, 0, 0, 1, 0, 0, 0], np.float32), (8, 1))
pixels = draw.integers(0, 256, (8, 4, 4, 1), np.uint8)
batch = Batch(pixels=pixels, labels=np.arange(8) % 3, maps=maps)

def trained(name):
    devices = strategy.of(name)
    with devices.scope():
        keras2.utils.set_random_seed(1)
        pixels = keras2.layers.Input((4, 4, 1))
        x = keras2.layers.Dense(6, activation="relu")(keras2.layers.Flatten()(pixels))
        model = keras2.Model(pixels, keras2.layers.Dense(3)(x))
        learner = Learner(model, TrainConfig(strategy=name), NAMED["0..1"])
        losses = [learner.step(batch, 0.01, 0.5) for _ in range(3)]
        return devices.num_replicas_in_sync, losses, learner.values()

one, two = trained("single"), trained("mirrored")
print("devices", one[0], two[0])
np.testing.assert_allclose(one[1], two[1], rtol=1e-5)
for a, b in zip(one[2], two[2], strict=True):
    np.testing.assert_allclose(a, b, atol=1e-6)
"""


def test_two_devices_step_as_one_does() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "devices 1 2" in done.stdout


def test_batches_are_parted_equally_or_refused() -> None:
    class Three:
        num_replicas_in_sync = 3

    with pytest.raises(UsageError, match="64 pictures cannot be parted equally among 3"):
        strategy.check_parts(Three(), 64)
    strategy.check_parts(Three(), 63)
    one = tf.distribute.get_strategy()
    tensors = {"labels": [1, 2, 3]}
    assert strategy.parts(one, tensors) is tensors


@pytest.mark.parametrize("said", [None, "", "{}", '{"cluster": {"worker": ["a:1"]}}'])
def test_workers_that_nobody_named_are_told(
    said: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if said is not None:
        monkeypatch.setenv("TF_CONFIG", said)
    with pytest.raises(UsageError, match="multiworker needs TF_CONFIG"):
        tflconv.train("resnet", "mnist-sample", tmp_path / "x.keras", strategy="multiworker")
    assert not list(tmp_path.iterdir())


def test_a_plan_starts_no_workers() -> None:
    assert TrainConfig(strategy="mirrored").strategy == "mirrored"
    text = 'name="a"\ndataset="mnist"\nrecipes=["fp32"]\n[[models]]\nmodel="vit"\n'
    with pytest.raises(UsageError, match="started one by one"):
        parse(text + 'training={strategy="multiworker"}\n')
    with pytest.raises(UsageError, match="must be single or mirrored or multiworker"):
        parse(text + 'training={strategy="other"}\n')
