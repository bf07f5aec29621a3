import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from making_pictures import png, write_tar, write_zip
from test_data_cifar import batch

from tflconv import data
from tflconv.core.files import sha256_bytes, sha256_file
from tflconv.data import idx, locating
from tflconv.errors import TflconvError, UsageError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TFLCONV_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "data"


def small_mnist(folder: Path, train: int = 100, test: int = 20, labels: int | None = None) -> None:
    """Noise in the files of MNIST."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for prefix, count in (("train", train), ("t10k", test)):
        images = rng.integers(0, 256, (count, 28, 28), np.uint8)
        idx.write(folder / f"{prefix}-images-idx3-ubyte.gz", images)
        classes = (np.arange(count if labels is None else labels) % 10).astype(np.uint8)
        idx.write(folder / f"{prefix}-labels-idx1-ubyte.gz", classes)


def describe(folder: Path, **facts: object) -> None:
    """The manifest of what lies in ``folder``."""
    files = [
        {"path": file.name, "sha256": sha256_file(file), "bytes": file.stat().st_size}
        for file in sorted(folder.iterdir())
    ]
    defaults = {
        "name": "A part of MNIST",
        "image_shape": [28, 28, 1],
        "classes": [str(digit) for digit in range(10)],
        "split": {"train": 100, "test": 20},
        "images": 120,
        "licence": "as MNIST",
    }
    (folder / "manifest.json").write_text(json.dumps(defaults | facts | {"files": files}))


def test_without_the_full_set_the_sample_is_used_and_said() -> None:
    dataset = data.load("mnist")
    assert (dataset.name, dataset.subset) == ("mnist-sample", True)
    assert dataset.digest == data.load("mnist-sample").digest
    assert dataset.warnings == (
        "mnist is not on this machine, so its bundled sample stands in for it"
        " (`tflconv datasets fetch mnist` brings all of it).",
    )
    assert data.load("mnist-sample").warnings == ()


def test_the_sample_can_be_asked_for_where_the_full_set_is(home: Path) -> None:
    small_mnist(home / "mnist")
    describe(home / "mnist")
    assert data.load("mnist").name == "mnist"
    assert data.load("mnist-sample").card.sample_of == "mnist"


def test_pictures_and_labels_have_the_documented_types() -> None:
    for split in data.load("mnist-sample").splits.values():
        assert split.images.dtype == np.uint8
        assert split.images.shape == (len(split), 28, 28, 1)
        assert split.labels.dtype == np.int64
        assert len(set(split.ids)) == len(split)


def test_the_published_size_asked_for_by_number_is_the_same_dataset() -> None:
    implied, asked = (data.load("mnist-sample", resolution=size) for size in (None, (28, 28)))
    assert implied.digest == asked.digest != data.load("mnist-sample", resolution=32).digest
    assert (implied.train.images == asked.train.images).all()


def test_a_file_that_is_no_archive_is_no_dataset(tmp_path: Path) -> None:
    (tmp_path / "pets.png").write_bytes(png(0))
    with pytest.raises(UsageError, match=r"pets\.png is neither a folder nor an archive"):
        data.load(tmp_path / "pets.png")


def test_validation_is_a_stratified_share_of_train_and_follows_the_seed() -> None:
    first, again, other = (data.load("mnist-sample", seed=seed) for seed in (0, 0, 1))
    shares = np.bincount(first.validation.labels) / np.bincount(
        np.concatenate([first.train.labels, first.validation.labels])
    )
    assert np.abs(shares - 0.1).max() < 0.002
    assert first.validation.ids == again.validation.ids != other.validation.ids
    assert not set(first.validation.ids) & set(first.train.ids)
    assert (first.test.images == other.test.images).all()
    assert first.digest == again.digest != other.digest


def test_resolution_and_channels_are_as_asked() -> None:
    test = data.load("mnist-sample", resolution=32, channels=3).test
    assert test.images.shape == (1000, 32, 32, 3)
    assert (test.images[..., 0] == test.images[..., 2]).all()


def test_a_resolution_may_be_height_and_width() -> None:
    dataset = data.load("mnist-sample", resolution=(20, 30), resize="pad")
    assert dataset.test.images.shape == (1000, 20, 30, 1)
    assert dataset.view.resize == "pad"


@pytest.mark.parametrize("wrong", [{"resolution": -4}, {"channels": 2}, {"split": "guess"}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="Received"):
        data.load("mnist-sample", **wrong)


def test_a_manifest_goes_before_the_card(home: Path) -> None:
    small_mnist(home / "mnist")
    describe(home / "mnist")
    dataset = data.load("mnist")
    assert dataset.subset
    assert dataset.card.title == "A part of MNIST"
    assert dataset.manifest == sha256_file(home / "mnist" / "manifest.json")
    assert len(dataset.train) + len(dataset.validation) == 100
    assert len(dataset.test) == 20


def test_files_that_are_not_the_published_ones_are_refused(home: Path) -> None:
    small_mnist(home / "mnist")
    with pytest.raises(TflconvError, match="is not the file that mnist is made of"):
        data.load("mnist")


@pytest.mark.parametrize("content", ["{", "[]", '{"name": "x"}'])
def test_a_broken_manifest_names_itself(home: Path, content: str) -> None:
    small_mnist(home / "mnist")
    (home / "mnist" / "manifest.json").write_text(content)
    with pytest.raises(TflconvError, match=r"manifest\.json is not a dataset manifest"):
        data.load("mnist")


def test_labels_of_the_wrong_count_are_an_error(home: Path) -> None:
    small_mnist(home / "mnist", labels=19)
    describe(home / "mnist")
    with pytest.raises(TflconvError, match="100 pictures, but 19 labels"):
        _ = data.load("mnist").train


def test_a_label_beyond_the_classes_is_an_error(home: Path) -> None:
    small_mnist(home / "mnist")
    describe(home / "mnist", classes=[str(digit) for digit in range(9)])
    with pytest.raises(TflconvError, match="a label is 9, but there are 9 classes"):
        _ = data.load("mnist").train


def test_a_truncated_file_is_an_error_even_where_the_manifest_agrees(home: Path) -> None:
    small_mnist(home / "mnist")
    path = home / "mnist" / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-1000])
    describe(home / "mnist")
    with pytest.raises(TflconvError, match=r"train-images.*the file is damaged"):
        _ = data.load("mnist").train


def test_a_set_that_is_not_here_says_how_to_get_it() -> None:
    with pytest.raises(TflconvError, match="tflconv datasets fetch cifar-10"):
        data.load("cifar-10")
    with pytest.raises(TflconvError, match="behind a login"):
        data.load("asl-alphabet")


def test_cifar_is_read_by_its_card(home: Path) -> None:
    (home / "cifar-10").mkdir(parents=True)
    write_tar(
        home / "cifar-10" / "part.tar.gz",
        {"c/data_batch_1": batch(200), "c/test_batch": batch(30, 1)},
    )
    classes = list(data.card("cifar-10").classes)
    facts = {"classes": classes, "image_shape": [32, 32, 3], "images": 230}
    describe(home / "cifar-10", split={"train": 200, "test": 30}, **facts)
    dataset = data.load("cifar-10")
    assert dataset.subset
    assert dataset.classes[3] == "cat"
    assert dataset.test.images.shape == (30, 32, 32, 3)


def test_asl_frames_are_split_by_blocks_and_random_is_another_name(home: Path) -> None:
    frames = [1, 290, 305, 350, 395, 405, 420, 501, 550, 595, 604, 620, 2900, 3000]
    files = {
        f"asl_alphabet_train/{label}/{label}{index}.jpg": png(index * 100 + number, height=8)
        for number, label in enumerate(data.card("asl-alphabet").classes)
        for index in frames
    }
    files |= {"asl_alphabet_test/A_test.jpg": png(1)}
    (home / "asl-alphabet").mkdir(parents=True)
    write_zip(home / "asl-alphabet" / "asl-alphabet.zip", files)
    (home / "asl-alphabet" / "fetched.json").write_text("{}")
    dataset = data.load("asl-alphabet", resolution=8)
    placed = {
        name: {int(id_.split("/A/A")[1][:-4]) for id_ in split.ids if "/A/A" in id_}
        for name, split in dataset.splits.items()
    }
    assert placed == {
        "train": {1, 290, 420, 620, 3000},
        "validation": {501, 550, 595},
        "test": {305, 350, 395, 2900},
    }
    shuffled = data.load("asl-alphabet-random", resolution=8)
    assert shuffled.name == "asl-alphabet-random"
    assert shuffled.digest != dataset.digest
    pooled = [sorted(i for s in d.splits.values() for i in s.ids) for d in (dataset, shuffled)]
    assert pooled[0] == pooled[1]
    assert set(shuffled.test.ids) != set(dataset.test.ids)


def test_a_recorded_checksum_holds_from_then_on(home: Path) -> None:
    folder = home / "clothing-small"
    folder.mkdir(parents=True)
    write_tar(folder / "clothing-dataset-small.tar.gz", {"x/train/hat/1.png": png(1)})
    (folder / "fetched.json").write_text(json.dumps({"clothing-dataset-small.tar.gz": "0" * 64}))
    with pytest.raises(TflconvError, match="is not the file that clothing-small is made of"):
        data.load("clothing-small")


def test_a_digest_needs_no_decoding_and_little_time() -> None:
    dataset = data.load("mnist-sample")
    assert "reading" not in vars(dataset)
    assert len(dataset.digest) == 64


FULL = os.environ.get("TFLCONV_DATA_DIR", "/nowhere")


SIZES = {
    ("mnist", "full"): (57_000, 3000, 10_000),
    ("fashion-mnist", "full"): (57_000, 3000, 10_000),
    ("cifar-10", "full"): (45_000, 5000, 10_000),
    ("cifar-10", "subset"): (9001, 999, 10_000),
    ("clothing-small", "full"): (3068, 341, 372),
    ("asl-alphabet", "subset"): (13_002, 1982, 4062),
}
"""Pictures for training, validation and tests in the sets that are known to lie on disks."""


@pytest.mark.parametrize(
    "name",
    [
        "mnist",
        "fashion-mnist",
        "cifar-10",
        "clothing-small",
        pytest.param("asl-alphabet", marks=pytest.mark.slow),
    ],
)
def test_the_real_sets_have_the_pictures_they_should(
    name: str, require: Callable[[str, bool, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    require("data", (Path(FULL) / name).is_dir(), f"TFLCONV_DATA_DIR has no {name}")
    monkeypatch.setenv("TFLCONV_DATA_DIR", FULL)
    dataset = data.load(name)
    sizes = (len(dataset.train), len(dataset.validation), len(dataset.test))
    assert sizes == SIZES[name, "subset" if dataset.subset else "full"]


def test_loading_data_imports_no_tensorflow() -> None:
    program = (
        "import sys; from tflconv import data; d = data.load('mnist-sample'); d.train;"
        "data.calibration(d); assert not {'tensorflow', 'tf_keras', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_where_full_sets_are_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert locating.data_dir() == tmp_path / "data"
    monkeypatch.delenv("TFLCONV_DATA_DIR")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert locating.data_dir() == tmp_path / "share" / "tflconv" / "datasets"


@pytest.mark.parametrize(
    ("split", "digest", "contents"),
    [
        ("card", "a300e10670453cde", ["50268cf2", "94de564f", "3abb4744"]),
        ("random", "d8684387c19d4f07", ["607af981", "b1135d05", "09e67a0e"]),
    ],
)
def test_digests_and_splits_are_those_of_the_first_release(
    split: str, digest: str, contents: list[str]
) -> None:
    dataset = data.load("mnist-sample", split=split)  # type: ignore[arg-type]
    assert dataset.digest.startswith(digest)
    assert contents == [
        sha256_bytes(part.images.tobytes() + part.labels.tobytes() + "".join(part.ids).encode())[:8]
        for part in dataset.splits.values()
    ]


def test_the_training_set_is_not_unpacked_for_the_test_pictures(home: Path) -> None:
    small_mnist(home / "mnist")
    pictures = home / "mnist" / "train-images-idx3-ubyte.gz"
    pictures.write_bytes(pictures.read_bytes()[:200])
    describe(home / "mnist")
    dataset = data.load("mnist")
    assert len(dataset.test) == 20
    assert len(dataset.splits) == 3
    with pytest.raises(TflconvError, match="the file is damaged"):
        len(dataset.train)


@pytest.mark.parametrize("name", ["mnist", "mnist-random"])
def test_pictures_keep_their_names_however_they_are_split(home: Path, name: str) -> None:
    small_mnist(home / "mnist")
    describe(home / "mnist")
    originals = {
        f"{split}/{index}": image.tobytes()
        for split, prefix in (("train", "train"), ("test", "t10k"))
        for index, image in enumerate(idx.read(home / "mnist" / f"{prefix}-images-idx3-ubyte.gz"))
    }
    found = {
        name: image.tobytes()
        for split in data.load(name).splits.values()
        for name, image in zip(split.ids, split.images, strict=True)
    }
    assert found == originals
