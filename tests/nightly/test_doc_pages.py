"""The pages of the docs, typed as they stand: every block that is too long for each test run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import doc_blocks
from doc_blocks import Block

MAKE = """
from pathlib import Path

import keras
import numpy as np
from PIL import Image

import tflconv
from tflconv import data

KINDS = ("Coat", "Dress", "Pullover", "Shirt")
sample = data.load("fashion-mnist-sample")
for part, count in (("train", 400), ("test", 100)):
    split, seen = sample.splits[part], 0
    for name, label, image in zip(split.ids, split.labels, split.images, strict=True):
        if sample.classes[label] in KINDS and seen < count:
            place = Path("photos") / part / sample.classes[label]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[..., 0]).save(place / f"{name.replace('/', '-')}.png")
            seen += 1


def network(width):
    layers = keras.layers
    model = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Conv2D(width, 3, strides=2, activation="relu"),
        layers.Conv2D(2 * width, 3, strides=2, activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(4, activation="softmax"),
    ])
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    return model


keras.utils.set_random_seed(0)
photos = data.load("photos", resolution=28, channels=1)
inputs = photos.train.images.astype("float32") / 127.5 - 1
for name, width in (("mine.keras", 32), ("large.keras", 48), ("theirs.h5", 32), ("net.keras", 32)):
    model = network(width)
    model.fit(inputs, photos.train.labels, epochs=2, verbose=0)
    model.save(name)
network(16).save("model.keras")
(old,) = tflconv.convert("mine.keras", ["fp32"], ".", normalize="-1..1", labels=photos.classes)
old.rename("old.tflite")
(new,) = tflconv.convert(
    "mine.keras", ["dynamic"], ".", normalize="-1..1", labels=photos.classes)
Path("model.tflite").write_bytes(new.read_bytes())
Path("net.tflite").write_bytes(new.read_bytes())
new.rename("new.tflite")
np.savez("own.npz", x=inputs[:50], y=np.zeros((50, 4), "float32"))
tflconv.bench(["old.tflite", "new.tflite"], blocks=20, num_runs=5, min_secs=0.01, memory=False,
    rate_hz=0, profile_runs=0, warmup_min_secs=0.01, record="results.json")
"""
MOBILENET = "tflconv train mobilenet_v2 --dataset mnist-sample --epochs 1 -o mobilenet.keras"

PAGES = {
    page: found
    for page in doc_blocks.pages()
    if (found := [block for block in doc_blocks.blocks(page) if block.when == "nightly"])
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models, pictures and results that the pages speak of."""
    folder = tmp_path_factory.mktemp("reader")
    run([sys.executable, "-c", MAKE], folder)
    run(["sh", "-c", MOBILENET], folder)
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_long_blocks_of_the_docs_run(
    page: Path, made: Path, tmp_path: Path, tell: Callable[[str, str], None]
) -> None:
    folder = tmp_path / "reader"
    subprocess.run(["cp", "-r", made, folder], check=True)
    for block in PAGES[page]:
        typed(block, folder)
    tell(f"{len(PAGES[page])} blocks of {page.relative_to(doc_blocks.ROOT)}", "run as they stand")


def typed(block: Block, folder: Path) -> None:
    """Run one block as its reader would; a script that was only a part is put into a file."""
    if block.language == "python":
        run([sys.executable, "-c", block.text], folder, str(block))
    else:
        run(["sh", "-exc", block.text], folder, str(block))


def run(command: Sequence[str], folder: Path, subject: str = "") -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{subject}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
