"""Training for a selective recipe rounds products only, so others may stay in float."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tflconv
from tflconv import models
from tflconv.compression import QatConfig
from tflconv.compression.qat import check_known
from tflconv.core.tensorflow import keras2
from tflconv.errors import TflconvError
from tflconv.network.keras.layer_readers import COMPUTED_LAYERS
from tflconv.network.keras.reader import read
from tflconv.tflite import editing, packing

ROOT = Path(__file__).parents[2]
ONCE = QatConfig(epochs=1, batch_size=8)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    for number in range(32):
        folder = tmp_path / "pictures" / "abc"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (28, 28), np.uint8)).save(folder / f"{number}.png")
    return tmp_path / "pictures"


def test_a_plain_transformer_is_trained_for_its_products(tmp_path: Path, pictures: Path) -> None:
    """Its LayerNormalizations stay in float, which a static recipe refuses before it trains."""
    keras2.utils.set_random_seed(0)
    model = models.build("vit", (28, 28, 1), 2, patch=7, dim=16, depth=1, heads=2)
    model.save(tmp_path / "vit.keras")
    said = {"dataset": pictures, "normalize": "0..1", "qat": ONCE, "rewrite": "optimized"}
    with pytest.raises(TflconvError, match=r"qat_static_wi8_ai8 leaves .* in float") as refused:
        tflconv.convert(tmp_path / "vit.keras", "qat_static_wi8_ai8", tmp_path / "out", **said)
    assert "Use qat_selective_wi8_ai8, which keeps them in float" in str(refused.value.hint)
    (made,) = tflconv.convert(
        tmp_path / "vit.keras", "qat_selective_wi8_ai8", tmp_path / "out", **said
    )
    file = packing.unpack(made.read_bytes())
    left = {text.partition(" ")[0] for text in editing.float_operators(file)}
    assert "RSQRT" in left
    assert "FULLY_CONNECTED" not in left


def test_a_layer_that_cannot_be_trained_is_one_short_message() -> None:
    picture = keras2.Input((8, 8, 1))
    model = keras2.Model(picture, keras2.layers.PReLU()(picture))
    with pytest.raises(TflconvError, match=r"weights of layer '.*' \(PReLU\)") as refused:
        check_known(read(model))
    assert refused.value.hint is not None
    assert len(refused.value.hint) < 150
    assert "docs/qat.md" in refused.value.hint


def test_the_layers_that_can_be_trained_are_in_the_docs() -> None:
    text = " ".join((ROOT / "docs" / "qat.md").read_text(encoding="utf-8").split())
    assert ", ".join(f"`{name}`" for name in COMPUTED_LAYERS) in text
