"""``tflconv compress``: a Keras model in, a Keras model of the same Keras out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tflconv
from tflconv import recipe
from tflconv.compression import FinetuneConfig
from tflconv.core.files import sha256_file
from tflconv.core.store import Store
from tflconv.errors import TflconvError, UsageError
from tflconv.model.card import require_card
from tflconv.model.opening import open_model
from tflconv.pipeline.compression import compress
from tflconv.pipeline.conversion import convert
from tflconv.pipeline.requests import CompressionRequest, ConversionRequest

SETTINGS = (FinetuneConfig(epochs=2, batch_size=16),)


@pytest.fixture
def saved(kit: Any, tmp_path: Path) -> Path:
    """A small classifier of two classes, not trained."""
    kit.utils.set_random_seed(0)
    layers = kit.layers
    picture = layers.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, padding="same", use_bias=False)(picture)
    x = layers.Flatten()(layers.ReLU()(layers.BatchNormalization()(x)))
    model = kit.Model(picture, layers.Dense(2, activation="softmax")(x))
    model.save(tmp_path / "own.keras")
    return tmp_path / "own.keras"


def made(saved: Path, pictures: Path, output: Path | None = None) -> Path:
    return tflconv.compress(
        saved,
        "finetune",
        output,
        dataset=str(pictures),
        normalize="0..1",
        settings=SETTINGS,
    )


@pytest.mark.filterwarnings("ignore:.*does not name its outputs")
def test_the_result_is_whole_and_tells_its_origin(
    kit: Any, saved: Path, pictures: Path, tmp_path: Path
) -> None:
    before = saved.read_bytes()
    output = made(saved, pictures)
    assert output == tmp_path / "own-finetune.keras"
    card = require_card(output)
    assert card.parent == sha256_file(saved)
    assert (card.recipe, card.labels) == ("finetune", ("dark", "light"))
    assert card.training["finetune"]["epochs"] == 2
    again = made(saved, pictures, tmp_path / "again.keras")
    assert again.read_bytes() == output.read_bytes()
    assert saved.read_bytes() == before
    assert sorted(p.name for p in tmp_path.glob("*.keras*")) == [
        "again.keras",
        "own-finetune.keras",
        "own.keras",
    ]
    old, new = (kit.models.load_model(path) for path in (saved, output))
    assert [w.shape for w in old.get_weights()] == [w.shape for w in new.get_weights()]
    pairs = zip(old.get_weights(), new.get_weights(), strict=True)
    assert any(not np.array_equal(*pair) for pair in pairs)


PLAIN = """
import sys, {package} as keras
keras.models.load_model(sys.argv[1])
assert "tflconv" not in sys.modules
"""


@pytest.mark.filterwarnings("ignore:.*does not name its outputs")
def test_conversion_shares_what_a_step_made(
    kit: Any, saved: Path, pictures: Path, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    said: dict[str, Any] = {
        "model": saved, "dataset": str(pictures), "normalize": "0..1", "settings": SETTINGS,
    }  # fmt: skip
    compress(CompressionRequest(**said, recipe="finetune"), tmp_path / "a.keras", store=store)
    chosen = (recipe.get("finetune_fp32"),)
    request = ConversionRequest(**said, recipes=chosen, rewrite="optimized")
    (file,) = convert(request, tmp_path / "made", store=store)
    assert file.fidelity.cosine is not None
    assert file.fidelity.cosine > 0.9999
    assert len(list((store.root / "finetune").iterdir())) == 1
    program = PLAIN.format(package=kit.__name__)
    subprocess.run([sys.executable, "-c", program, tmp_path / "a.keras"], check=True)


@pytest.mark.filterwarnings("ignore:.*does not name its outputs")
def test_the_opened_model_stays_as_it_was(saved: Path, pictures: Path, tmp_path: Path) -> None:
    model: Any = open_model(saved).model
    before = model.get_weights()
    tflconv.compress(
        model, "finetune", tmp_path / "live.keras", dataset=str(pictures), normalize="0..1",
        settings=SETTINGS,
    )  # fmt: skip
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_pictures_of_other_classes_are_refused(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not tell the 10 classes"):
        tflconv.compress(saved, "finetune", dataset="mnist-sample", normalize="0..1")
    with pytest.raises(UsageError, match="does not say what it was trained on"):
        tflconv.compress(saved, "finetune", normalize="0..1")
    assert not list(tmp_path.glob("own-*.keras"))


def test_a_model_that_shows_no_layers_is_refused(kit: Any, pictures: Path, tmp_path: Path) -> None:
    class Own(kit.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.dense = kit.layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.dense(x)

    model = Own()
    model(np.zeros((1, 8)))
    with pytest.raises(TflconvError, match=r"never called|of its own"):
        tflconv.compress(model, "finetune", tmp_path / "o.keras", dataset=str(pictures))
