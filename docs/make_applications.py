"""Makes ``applications.md``: ``python docs/make_applications.py > docs/applications.md``.

What a new user would try: Keras 3 models of ``keras.applications`` with random weights at 224
pixels, and one with a Rescaling layer inside, converted to full INT8 and compared with Keras.
Random features tell little apart, so each model's last layer is fitted to pictures of clothes by
least squares; then a wrong answer is possible. Takes the dataset ``clothing-small`` and some minutes.
"""

from __future__ import annotations

import importlib
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from tflconv import conversion, data, recipe, verification
from tflconv.conversion import description
from tflconv.data import Split
from tflconv.graph.inspect import inspect
from tflconv.interpreter import Interpreter
from tflconv.normalization import parse

importlib.import_module("tflconv.keras")  # chooses how TensorFlow is imported
keras = importlib.import_module("keras")

TRAIN, TEST, CALIBRATION, RIDGE = 100, 50, 25, 1e-3
MODELS = {
    "Functional with Rescaling": None,
    "MobileNetV2": "-1..1",
    "EfficientNetB0": None,
    "ResNet50": "caffe",
    "NASNetMobile": "-1..1",
}
"""What ``--normalize`` says; None where the model does it and tflconv finds that out."""

HEADER = """# Other people's models

Keras 3 models with random weights at 224 x 224, whose last layer was fitted by least squares to
{train} pictures of the set `clothing-small`, converted to full INT8 (`static_wi8_ai8`, {calibration}
calibration pictures) and compared with Keras on {test} test pictures. The accuracies are those of
random features and mean nothing by themselves; what counts is that INT8 gives the same answers.
Seconds are opening, tracing and making both files, on two busy cores.

Made by `python docs/make_applications.py > docs/applications.md`.

| model | `--normalize` | parameters | MACs | fp32 MB | int8 MB | Keras | int8 | agreement \
| XNNPACK partitions | seconds |
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


def fit(model: keras.Model, inputs: np.ndarray, labels: np.ndarray) -> None:
    """Set the statistics of BatchNormalization, then solve for the last layer."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(inputs[:32], training=True)
    features = keras.Model(model.input, model.layers[-1].input)
    seen = np.asarray(features.predict(inputs, batch_size=16, verbose=0))
    middle, spread = seen.mean(axis=0), seen.std(axis=0) + 1e-6
    seen = (seen - middle) / spread
    wanted = np.eye(model.output_shape[-1])[labels] * 2 - 1
    inner = seen @ seen.T
    inner += RIDGE * np.trace(inner) * np.eye(len(seen))
    kernel = seen.T @ np.linalg.solve(inner, wanted) / spread[:, None]
    model.layers[-1].set_weights([kernel, -middle @ kernel])


def pictures(split: Split, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Every so many-th picture of ``split`` at 224 pixels, and its label."""
    chosen = np.linspace(0, len(split) - 1, count).astype(int)
    images = [Image.fromarray(split.images[i]).resize((224, 224)) for i in chosen]
    return np.stack([np.asarray(image) for image in images]), split.labels[chosen]


def row(name: str, dataset: data.Dataset, folder: Path) -> str:
    """One line of the table."""
    train, labels = pictures(dataset.train, TRAIN)
    test, answers = pictures(dataset.test, TEST)
    model = build(name, len(dataset.classes))
    fit(model, parse(MODELS[name] or "in-model").apply(train), labels)
    source, samples = folder / "model.keras", folder / "samples.npy"
    model.save(source)
    np.save(samples, train[:CALIBRATION])
    started = time.monotonic()
    ready = conversion.prepare(source)
    card = description.describe(ready, normalize=MODELS[name])
    assert card is not None, f"{name} was not seen to normalize by itself"
    calibration = description.calibration(str(samples), ready, card)
    recipes = [recipe.get("fp32"), recipe.get("static_wi8_ai8")]
    plain, small = conversion.convert(ready, recipes, folder, calibration=calibration, card=card)
    seconds = time.monotonic() - started
    target = Interpreter(small.path)
    found = verification.compare(
        verification.reference_logits(source, test, card=card),
        target.predict(test),
        Split(images=test, labels=answers, ids=tuple(map(str, range(TEST)))),
        classes=dataset.classes,
    )
    inside = inspect(small.path)
    cells = (
        name,
        MODELS[name] or "found inside",
        f"{inside.parameters / 1e6:.2f} M",
        f"{inside.macs / 1e6:.0f} M",
        f"{plain.bytes / 1e6:.2f}",
        f"{small.bytes / 1e6:.2f}",
        f"{found.reference_accuracy:.0%}",
        f"{found.accuracy:.0%}",
        f"{found.agreement:.0%}",
        str(target.partitions),
        f"{seconds:.0f}",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the page."""
    dataset = data.load("clothing-small", resolution=96)
    print(HEADER.format(train=TRAIN, test=TEST, calibration=CALIBRATION))
    for name in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            print(row(name, dataset, Path(folder)), flush=True)
        keras.backend.clear_session()


if __name__ == "__main__":
    main()
