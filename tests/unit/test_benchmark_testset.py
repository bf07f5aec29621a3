"""What is packed comes out again, and the model gets what ``Normalization`` would give it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tflconv.benchmark import testset
from tflconv.data import Split
from tflconv.errors import TflconvError, UsageError
from tflconv.model.normalization import NAMED, Normalization

CLASSES = ("a", "b", "c")


def split(images: np.ndarray) -> Split:
    count = len(images)
    labels = np.arange(count, dtype=np.int64) % len(CLASSES)
    return Split(images=images, labels=labels, ids=tuple(f"id{i}" for i in range(count)))


PICTURES = arrays.arrays(
    np.uint8,
    st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.sampled_from([1, 3])),
)


@given(PICTURES, st.sampled_from(sorted(NAMED)))
def test_the_values_of_the_pixels_are_the_normalized_pictures(
    images: np.ndarray, name: str
) -> None:
    normalization = NAMED[name] if images.shape[-1] == 3 else Normalization()
    content = b"".join(testset._packed(split(images), normalization, len(CLASSES)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "set"
        path.write_bytes(content)
        pixels, labels, values = testset.unpack(path)
    channels = np.arange(images.shape[-1])
    np.testing.assert_array_equal(values[channels, pixels], normalization.apply(images))
    np.testing.assert_array_equal(labels, split(images).labels)


def test_equal_pictures_give_equal_bytes(tmp_path: Path) -> None:
    images = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3, 1)
    packed = [
        testset.pack(
            tmp_path / name, split(images), Normalization(), dataset="d", classes=CLASSES
        ).path.read_bytes()
        for name in ("one", "two")
    ]
    assert packed[0] == packed[1]


def test_no_picture_is_an_error(tmp_path: Path) -> None:
    empty = split(np.zeros((0, 2, 2, 1), np.uint8))
    with pytest.raises(UsageError, match="no picture"):
        testset.pack(tmp_path / "x", empty, Normalization(), dataset="d", classes=CLASSES)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("content", [b"", b"tflctest", b"x" * 100])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(TflconvError, match="not a packed test set"):
        testset.unpack(path)


def test_a_packed_set_shows_itself_on_one_short_line(tmp_path: Path) -> None:
    images = np.zeros((2000, 1, 1, 1), np.uint8)
    packed = testset.pack(
        tmp_path / "set", split(images), Normalization(), dataset="zoo", classes=CLASSES
    )
    assert repr(packed) == "PackedSet(2000 pictures of zoo)"
