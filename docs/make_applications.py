"""Makes ``applications.md``: ``python docs/make_applications.py > docs/applications.md``.

What a new user would try: Keras 3 models of ``keras.applications`` with random weights at 224
pixels, and one with a Rescaling layer inside, converted to full INT8 and compared with Keras.
Takes the dataset ``clothing-small`` and some minutes.
"""

from __future__ import annotations

import importlib
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

import tflconv
from tflconv import data, verification
from tflconv.data import Split
from tflconv.inspection.inspect import inspect
from tflconv.model.card import require_card
from tflconv.model.interpreter import Interpreter
from tflconv.model.normalization import parse

importlib.import_module("tflconv.core.tensorflow")  # chooses how TensorFlow is imported
keras = importlib.import_module("keras")

CALIBRATION, TEST = 32, 20
MODELS = {
    "Functional with Rescaling": None,
    "MobileNetV2": "-1..1",
    "EfficientNetB0": None,
    "ResNet50": "caffe",
    "NASNetMobile": "-1..1",
}
"""What ``--normalize`` says; None where the model does it and tflconv finds that out."""

HEADER = """# Other people's models

Keras 3 models with random weights at 224 x 224, converted to full INT8 (`static_wi8_ai8`, every
operator an integer one) with {calibration} calibration pictures of `clothing-small`, and compared
with Keras on {test} test pictures.

- fp32 error: the largest difference of the float `.tflite` to Keras, over the largest logit.
- cosine: between the logits of the INT8 file and of Keras. The second column takes the mean logits
  away first: what is left is how the pictures differ from each other. Random weights hardly tell
  pictures apart, so little of that survives rounding to 8 bits; a trained model must be judged on
  its own data (`tflconv verify`).
- seconds: processor time to open, trace and make both files.

Made by `python docs/make_applications.py > docs/applications.md`.

| model | `--normalize` | parameters | MACs | fp32 MB | int8 MB | fp32 error | cosine \
| cosine of differences | XNNPACK partitions | seconds |
|---|---|---|---|---|---|---|---|---|---|---|"""


def build(name: str, classes: int) -> keras.Model:
    """The model called ``name``, with random weights and scores as outputs."""
    keras.utils.set_random_seed(0)
    if name in dir(keras.applications):
        return getattr(keras.applications, name)(
            weights=None, classes=classes, classifier_activation=None, input_shape=(224, 224, 3)
        )
    picture = keras.Input((224, 224, 3), name="picture")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(picture)
    for filters in (16, 32, 64):
        x = keras.layers.Conv2D(filters, 3, strides=2, use_bias=False)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(picture, keras.layers.Dense(classes)(x))


def settle(model: keras.Model, inputs: np.ndarray) -> None:
    """Give BatchNormalization the statistics of ``inputs``, so that activations stay in bounds."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(inputs, training=True)


def pictures(split: Split, count: int) -> np.ndarray:
    """Every so many-th picture of ``split`` at 224 pixels."""
    chosen = np.linspace(0, len(split) - 1, count).astype(int)
    images = [Image.fromarray(split.images[i]).resize((224, 224)) for i in chosen]
    return np.stack([np.asarray(image) for image in images])


def cosine(left: np.ndarray, right: np.ndarray) -> float:
    """Cosine of the angle between two arrays."""
    return float((left * right).sum() / np.linalg.norm(left) / np.linalg.norm(right))


def row(name: str, dataset: data.Dataset, folder: Path) -> str:
    """One line of the table."""
    train, test = pictures(dataset.train, CALIBRATION), pictures(dataset.test, TEST)
    model = build(name, len(dataset.classes))
    settle(model, parse(MODELS[name] or "in-model").apply(train))
    source, samples = folder / "model.keras", folder / "samples.npy"
    model.save(source)
    np.save(samples, train)
    started = time.process_time()
    plain, small = tflconv.convert(
        source,
        ["fp32", "static_wi8_ai8"],
        folder,
        calibration=str(samples),
        normalize=MODELS[name],
        rewrite="as-is",
    )
    card = require_card(small)
    seconds = time.process_time() - started
    expected = verification.reference_logits(source, test, card=card)
    floating, integer = (Interpreter(file).predict(test) for file in (plain, small))
    middle = expected.mean(axis=0)
    inside = inspect(small)
    cells = (
        name,
        MODELS[name] or "found inside",
        f"{inside.parameters / 1e6:.2f} M",
        f"{inside.macs / 1e6:.0f} M",
        f"{plain.stat().st_size / 1e6:.2f}",
        f"{small.stat().st_size / 1e6:.2f}",
        f"{np.abs(floating - expected).max() / np.abs(expected).max():.0e}",
        f"{cosine(integer, expected):.4f}",
        f"{cosine(integer - middle, expected - middle):.3f}",
        str(Interpreter(small).partitions),
        f"{seconds:.0f}",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the page."""
    dataset = data.load("clothing-small", resolution=96)
    print(HEADER.format(test=TEST, calibration=CALIBRATION))
    for name in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            print(row(name, dataset, Path(folder)), flush=True)
        keras.backend.clear_session()


if __name__ == "__main__":
    main()
