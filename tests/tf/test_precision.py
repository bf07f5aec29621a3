"""Steps with bfloat16: near those of float32, and nothing else is changed by them."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tflconv
from tflconv.compression.config import FinetuneConfig
from tflconv.compression.examples import Examples
from tflconv.compression.fine_tuning import fine_tune
from tflconv.compression.settings import parse
from tflconv.core.tensorflow import keras2, keras3, tf
from tflconv.errors import UsageError
from tflconv.model.normalization import NAMED
from tflconv.training import TrainConfig, precision
from tflconv.training.config import Precision
from tflconv.training.learner import Learner
from tflconv.training.views import Batch

BOTH: tuple[Precision, ...] = ("float32", "bfloat16")
DRAW = np.random.default_rng(0)
PIXELS, LABELS = DRAW.integers(0, 256, (16, 8, 8, 3), np.uint8), np.arange(16) % 3


@pytest.fixture(scope="module")
def here() -> Precision:
    """What this computer makes of bfloat16."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return precision.usable("bfloat16")


def network(kit: Any) -> Any:
    """A convolution, BatchNormalization and a head, with equal weights each time."""
    kit.utils.set_random_seed(1)
    layers = kit.layers
    pixels = layers.Input((8, 8, 3))
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 3, use_bias=False)(pixels)))
    return kit.Model(pixels, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


def learner(arithmetic: Precision) -> Learner:
    return Learner(network(keras2), TrainConfig(precision=arithmetic), NAMED["-1..1"])


def batch(pixels: Any = PIXELS) -> Batch:
    maps = np.tile(np.array([1, 0, 0, 0, 1, 0, 0, 0], np.float32), (16, 1))
    return Batch(pixels=pixels, labels=LABELS, maps=maps)


def test_steps_are_near_those_of_float32(here: Precision) -> None:
    ways = [learner(each) for each in BOTH]
    losses = [[way.step(batch(), 0.01, 0.9) for _ in range(5)] for way in ways]
    assert (losses[0] != losses[1]) == (here == "bfloat16")
    np.testing.assert_allclose(*losses, rtol=0.01)
    plain, rounded = (way.model for way in ways)
    assert {value.dtype for value in rounded.get_weights()} == {np.dtype(np.float32)}
    for one, other in zip(plain.get_weights(), rounded.get_weights(), strict=True):
        assert np.abs(one - other).mean() < 0.01 * max(1, np.abs(one).mean())


def test_what_is_computed_between_steps_is_float32(here: Precision) -> None:
    taught = learner("bfloat16")
    before = tf.config.optimizer.get_experimental_options()
    taught.step(batch(), 0.01, 0.9)
    inside = taught._logits(PIXELS).numpy()
    with precision.computing("bfloat16"):
        rounded = taught._logits(PIXELS).numpy()
    with pytest.raises(Exception, match="output size would be negative"):
        taught.step(batch(PIXELS[:, :1, :1]), 0.01, 0.9)
    after = tf.config.optimizer.get_experimental_options()
    assert {key for key, value in after.items() if value} == {
        key for key, value in before.items() if value
    }
    fresh = learner("float32")
    fresh.restore(taught.values())
    np.testing.assert_array_equal(inside, fresh._logits(PIXELS).numpy())
    assert np.array_equal(inside, rounded) == (here == "float32")


def test_steps_that_compress_have_it_too(here: Precision) -> None:
    examples = Examples(images=PIXELS, labels=LABELS, normalize=NAMED["-1..1"].apply)
    models = [network(keras3()) for _ in BOTH]
    for model, each in zip(models, BOTH, strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            fine_tune(model, examples, FinetuneConfig(epochs=2, precision=each))
    one, other = (model.get_weights() for model in models)
    same = all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert same == (here == "float32")
    for a, b in zip(one, other, strict=True):
        assert np.abs(a - b).mean() < 0.01 * max(1, np.abs(a).mean())


def test_a_training_says_with_which_it_was_made(tmp_path: Path, here: Precision) -> None:
    small = {"dim": 8, "depth": 1, "heads": 1}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        card = tflconv.train(
            "vit", "mnist-sample", tmp_path / "a.keras", options=small, epochs=1, batch_size=1000,
            augment=False, precision="bfloat16",
        )  # fmt: skip
    assert card.training["precision"] == here
    said = any("computes in float32" in str(each.message) for each in told)
    assert said == (here == "float32")


def test_a_processor_without_it_is_not_asked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "cpuinfo"
    other.write_text("flags : fpu avx2 avx512f avx512_vnni\n")
    for path in (other, tmp_path / "no such file"):
        monkeypatch.setattr(precision, "_CPU", path)
        with pytest.warns(UserWarning, match="computes in float32: bfloat16 needs"):
            assert precision.usable("bfloat16") == "float32"


def test_a_tensorflow_that_does_not_round_is_noticed() -> None:
    code = "from tflconv.training import precision as p; print(p.usable('bfloat16'))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"TF_ENABLE_ONEDNN_OPTS": "0", "PATH": ""},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "float32\n", done.stderr
    assert "computes in float32" in done.stderr


def test_another_precision_is_refused() -> None:
    with pytest.raises(UsageError, match="precision must be float32 or bfloat16"):
        TrainConfig(precision="float16")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="float32"):
        parse(["finetune.precision=float16"])
    with pytest.raises(UsageError, match="setting of qat"):
        parse(["qat.precision=bfloat16"])
