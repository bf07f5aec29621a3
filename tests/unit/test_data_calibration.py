from pathlib import Path

import numpy as np
import pytest
from making_pictures import collection, png, write, write_zip

from tflconv import data
from tflconv.errors import TflconvError, UsageError


def test_calibration_is_drawn_from_train_by_class_and_seed() -> None:
    dataset = data.load("mnist-sample")
    first, again = data.calibration(dataset, 100), data.calibration(dataset, 100)
    other = data.calibration(dataset, 100, seed=1)
    assert first.images.shape == (100, 28, 28, 1)
    assert first.images.dtype == np.uint8
    assert set(first.ids) <= set(dataset.train.ids)
    shares = np.bincount(dataset.train.labels) / len(dataset.train) * 100
    assert np.abs(np.bincount(first.labels) - shares).max() < 1
    assert first.ids == again.ids != other.ids
    assert first.digest == again.digest != other.digest
    assert first.name == "mnist-sample-train-100-seed0"


def test_the_digest_follows_the_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = write(tmp_path / "pets", collection({"cats": 9, "dogs": 9}))
    digests = {
        data.calibration(data.load(folder, resolution=side), 5).digest for side in (16, 24, 32)
    }
    assert len(digests) == 3


@pytest.mark.parametrize("count", [0, -1, 5402])
def test_more_pictures_than_there_are_is_an_error(count: int) -> None:
    with pytest.raises(UsageError, match=f"cannot draw {count} calibration pictures"):
        data.calibration(data.load("mnist-sample"), count)


def test_samples_of_ones_own_are_calibration_pictures(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)
    np.save(tmp_path / "c.npy", pixels)
    samples = data.read_own(tmp_path / "c.npy")
    assert samples is not None
    assert samples.pixels is not None
    calibration = data.calibration_samples(samples, samples.pixels)
    assert (calibration.images == pixels).all()
    assert calibration.labels.tolist() == [-1] * 5


def test_unsorted_pictures_serve_for_calibration(tmp_path: Path) -> None:
    files = {f"{i}.png": png(i) for i in range(9)} | {"notes.txt": b"x", "more/9.png": png(9)}
    view = data.View(size=(16, 16), channels=1)
    folder = write(tmp_path / "photos", files)
    with pytest.warns(UserWarning, match=r"1 of 11 pictures cannot be read: notes\.txt"):
        some, again = (data.calibration_pictures(folder, view, 4) for _ in range(2))
    assert some.images.shape == (4, 16, 16, 1)
    assert some.digest == again.digest
    (folder / "notes.txt").unlink()
    assert some.ids != data.calibration_pictures(folder, view, 4, seed=1).ids
    assert len(data.calibration_pictures(folder, view).ids) == 10


def test_pictures_are_unsorted_where_no_two_folders_divide_them(tmp_path: Path) -> None:
    sorted_ones = write(tmp_path / "sorted", {"a/1.png": png(1), "b/2.png": png(2)})
    loose = write(tmp_path / "loose", {"1.png": png(1), "2.png": png(2)})
    one = write(tmp_path / "one", {"holiday/1.png": png(1), "holiday/2.png": png(2)})
    zipped = write_zip(tmp_path / "loose.zip", {"1.png": png(1)})
    unsorted = [data.is_unsorted(name) for name in (sorted_ones, loose, one, zipped, "mnist")]
    assert unsorted == [False, True, True, True, False]


@pytest.mark.filterwarnings("ignore:.*cannot be read")
def test_a_folder_without_pictures_is_no_calibration(tmp_path: Path) -> None:
    with pytest.raises(TflconvError, match="no picture that can be read"):
        data.calibration_pictures(
            write(tmp_path / "photos", {"a.txt": b"x"}), data.View(size=(16, 16), channels=3)
        )


def test_labels_are_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    for encoding in ("utf-8", "utf-16-le"):
        path.write_bytes("\ufefftench, Tinca tinca\r\nHäuschen\n".encode(encoding))
        assert data.read_labels(path, 2) == ("tench, Tinca tinca", "Häuschen")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"a\nb\nc\n", "has 3 labels; the model has 2 outputs"),
        (b"a\n\nb\n", "line 2: a label is empty"),
        (b"", "has 0 labels"),
        (b"\xff\xfe\x00", "cannot read labels"),
    ],
)
def test_labels_that_do_not_fit_say_why(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(TflconvError, match=why):
        data.read_labels(tmp_path / "labels.txt", 2)


def test_a_label_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(TflconvError, match=r"labels\.txt"):
        data.read_labels(tmp_path / "labels.txt")
