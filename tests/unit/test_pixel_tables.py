"""Tables of pixels as Kaggle has them: pictures with labels and splits, or one message."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from making_pictures import collection, write
from numpy.typing import NDArray

from tflconv import data
from tflconv.errors import TflconvError

SIDE = 8


@pytest.fixture(autouse=True)
def private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path / "cache"))


def pictures(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 1), np.uint8)


def table(
    path: Path,
    header: str | None,
    images: NDArray[np.uint8],
    *,
    before: Sequence[object] = (),
    after: Sequence[object] = (),
    mark: str = ",",
    inner: str = ",",
    end: str = "\n",
) -> Path:
    lines = [] if header is None else [header]
    for row, image in enumerate(images):
        cells = [*map(str, before[row : row + 1]), inner.join(map(str, image.ravel().tolist()))]
        lines.append(mark.join([*cells, *map(str, after[row : row + 1])]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((end.join(lines) + end).encode("utf-8-sig" if end == "\r\n" else "utf-8"))
    return path


def columns(name: str, mark: str = ",") -> str:
    return mark.join(name.format(i, i // SIDE + 1, i % SIDE + 1) for i in range(SIDE * SIDE))


def values(dataset: data.Dataset) -> dict[str, dict[bytes, str]]:
    """Label of every picture by its pixels, in each split."""
    return {
        name: {
            image.tobytes(): dataset.classes[label]
            for image, label in zip(split.images, split.labels, strict=True)
        }
        for name, split in dataset.splits.items()
    }


def told(images: NDArray[np.uint8], labels: Sequence[object]) -> dict[bytes, str]:
    return {image.tobytes(): str(label) for image, label in zip(images, labels, strict=True)}


FORMS = {
    "kaggle": {"header": "label," + columns("pixel{0}")},
    "one to the side": {"header": "label," + columns("{1}x{2}")},
    "no header": {"header": None},
    "semicolons": {"header": "class;" + columns("px_{0}", ";"), "mark": ";", "inner": ";"},
    "tabs": {"header": "label\t" + columns("{0}", "\t"), "mark": "\t", "inner": "\t"},
    "spreadsheet": {"header": "label," + columns("pixel{0}"), "end": "\r\n"},
    "a label of another name": {"header": "letter," + columns("pixel{0}")},
    "one column": {"header": "emotion,pixels", "inner": " "},
}


@pytest.mark.parametrize("name", FORMS)
def test_each_row_is_a_picture_with_its_label(tmp_path: Path, name: str) -> None:
    images, labels = pictures(30), [(2, 10, 1)[i % 3] for i in range(30)]
    path = table(tmp_path / "own.csv", images=images, before=labels, **FORMS[name])  # type: ignore[arg-type]

    dataset = data.load(path)

    assert dataset.classes == ("1", "2", "10") == data.class_names(str(path))
    found = values(dataset)
    assert {k: v for split in found.values() for k, v in split.items()} == told(images, labels)
    assert data.shape_of(str(path)) == (SIDE, SIDE, 1)
    assert not data.is_unsorted(path)


def test_whole_numbers_may_be_written_with_a_point(tmp_path: Path) -> None:
    images = pictures(20)
    path = table(tmp_path / "own.csv", None, images, before=[0, 1] * 10)
    path.write_text(path.read_text().replace(",", ".0,").replace("\n", ".0\n"))

    found = values(data.load(path))

    assert {k for one in found.values() for k in one} == {image.tobytes() for image in images}


def test_labels_may_come_last_and_be_names(tmp_path: Path) -> None:
    images, labels = pictures(12), ["wave", "fist"] * 6
    path = table(tmp_path / "own.csv", columns("pixel{0}") + ",label", images, after=labels)

    dataset = data.load(path)

    assert dataset.classes == ("fist", "wave")
    assert {k: v for one in values(dataset).values() for k, v in one.items()} == told(
        images, labels
    )


def test_usage_tells_the_splits_of_faces(tmp_path: Path) -> None:
    images, labels = pictures(12), [0, 1] * 6
    usage = ["Training"] * 6 + ["PublicTest"] * 2 + ["PrivateTest"] * 4
    rows = [f"{label}" for label in labels]
    table(tmp_path / "f.csv", "emotion,pixels,Usage", images, before=rows, after=usage, inner=" ")

    found = values(data.load(tmp_path / "f.csv"))

    assert found == {
        "train": told(images[:6], labels[:6]),
        "validation": told(images[6:8], labels[6:8]),
        "test": told(images[8:], labels[8:]),
    }


@pytest.mark.parametrize("names", [("train", "test"), ("sign_mnist_train", "sign_mnist_test")])
def test_tables_in_a_folder_are_the_splits(tmp_path: Path, names: tuple[str, str]) -> None:
    header, train, test = "label," + columns("pixel{0}"), pictures(20), pictures(6, seed=1)
    for name, images in zip(names, (train, test), strict=True):
        table(tmp_path / "set" / name / f"{name}.csv", header, images, before=[0, 1] * 10)
    (tmp_path / "set" / "poster.png").write_bytes(b"no class")

    folder = data.load(tmp_path / "set")

    said = ",".join(
        f"{split}={tmp_path / 'set' / name / name}.csv"
        for split, name in zip(("train", "test"), names, strict=True)
    )
    for found in (values(folder), values(data.load(said))):
        assert found["test"] == told(test, [0, 1] * 3)
        assert found["train"] | found["validation"] == told(train, [0, 1] * 10)


def test_a_table_without_labels_is_left_out_and_named(tmp_path: Path) -> None:
    header, images = columns("pixel{0}"), pictures(20)
    table(tmp_path / "set" / "train.csv", "label," + header, images, before=[0, 1] * 10)
    table(tmp_path / "set" / "test.csv", header, pictures(6, seed=1))

    dataset = data.load(tmp_path / "set")

    assert {k: v for one in values(dataset).values() for k, v in one.items()} == told(
        images, [0, 1] * 10
    )
    assert dataset.notes == ("pictures left out: test.csv has no labels.",)


def test_pixels_are_scaled_to_what_a_network_takes(tmp_path: Path) -> None:
    images = np.repeat(np.arange(0, 240, 8, dtype=np.uint8), SIDE * SIDE)
    images = images.reshape(30, SIDE, SIDE, 1)
    path = table(tmp_path / "own.csv", None, images, before=[0, 1] * 15)

    train = data.load(path, resolution=16, channels=3).train

    assert train.images.shape[1:] == (16, 16, 3)
    assert {int(image.min()) for image in train.images} <= set(range(0, 240, 8))
    assert all(image.min() == image.max() for image in train.images)


ROW = ",".join(["7"] * 64)
REFUSED = {
    "a row is short": (f"0,{ROW}\n1,{ROW[:-2]}\n", "row 2 has 64 columns, not 65"),
    "no number": (f"0,{ROW}\n1,{ROW[:-1]}?\n", "row 2: the pixel '?' is no number"),
    "a fraction": (
        f"0,{ROW}\n1,{ROW}.5\n",
        "row 2: its pixels are no whole numbers from 0 to 255 (least 7, largest 7.5)",
    ),
    "too large": (f"0,{ROW}\n1,{ROW}77\n", "largest 777)"),
    "from 0 to 1": (f"0,{ROW}\n1,{ROW}\n".replace("7", "1"), "its pixels go from 0 to 1"),
    "no square": (f"label,{columns('p{0}')},p64\n0,{ROW},7\n1,{ROW},7\n", "65 pixels per picture"),
    "no label": (f"{ROW}\n{ROW}\n", "it has pixels, and no labels"),
    "no rows": ("label," + columns("pixel{0}") + "\n", "there are no rows"),
    "no split": (f"label,split,{columns('p{0}')}\n0,often,{ROW}\n", "'often' is not a split"),
    "a label is empty": (f"label,{columns('p{0}')}\n,{ROW}\n", "row 2 has no label"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_table_of_pixels_says_why(tmp_path: Path, case: str) -> None:
    text, told = REFUSED[case]
    (tmp_path / "own.csv").write_text(text)

    with pytest.raises(TflconvError, match=re.escape(told)) as caught:
        _ = data.load(tmp_path / "own.csv").train

    assert str(tmp_path / "own.csv") in caught.value.message
    assert caught.value.hint


def test_tables_that_may_be_anything_are_named(tmp_path: Path) -> None:
    for name in ("letters", "digits"):
        header = "label," + columns("pixel{0}")
        table(tmp_path / f"{name}.csv", header, pictures(6), before=[0, 1] * 3)

    with pytest.raises(TflconvError, match=r"not clear which of its .*: digits.csv, letters.csv"):
        data.load(tmp_path)


def test_measurements_are_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "wine.csv").write_text("label,alcohol,ash\nred,12,2\nwhite,11,1\n")

    with pytest.raises(TflconvError, match="not clear which of its columns are file and label"):
        _ = data.load(tmp_path / "wine.csv").train


def test_class_folders_go_before_tables_of_pixels(tmp_path: Path) -> None:
    write(tmp_path / "set", collection({"cat": 4, "dog": 4}))
    table(tmp_path / "set" / "p.csv", None, pictures(6), before=[0, 1] * 3)

    assert data.load(tmp_path / "set").classes == ("cat", "dog")
