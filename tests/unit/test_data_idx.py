import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tflconv.data import idx
from tflconv.errors import TflconvError

ARRAYS = arrays(np.uint8, array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5))


@given(ARRAYS)
def test_what_is_encoded_is_decoded(array: np.ndarray) -> None:
    decoded = idx.decode(idx.encode(array), "array")
    assert decoded.shape == array.shape
    assert (decoded == array).all()


@given(ARRAYS, st.data())
def test_an_array_cut_anywhere_is_an_error(array: np.ndarray, data: st.DataObject) -> None:
    content = idx.encode(array)
    cut = data.draw(st.integers(0, len(content) - 1))
    with pytest.raises(TflconvError, match=r"cut\.idx"):
        idx.decode(content[:cut], "cut.idx")


@given(st.binary(max_size=64))
def test_noise_is_an_array_or_an_error(content: bytes) -> None:
    try:
        array = idx.decode(content, "noise")
    except TflconvError:
        return
    assert idx.encode(array) == content


def test_a_file_is_read_gzipped_and_plain(tmp_path: Path) -> None:
    array = np.arange(12, dtype=np.uint8).reshape(3, 4)
    idx.write(tmp_path / "a.gz", array)
    (tmp_path / "a").write_bytes(idx.encode(array))
    assert (idx.read(tmp_path / "a.gz") == array).all()
    assert (idx.read(tmp_path / "a") == array).all()


def test_equal_arrays_give_equal_bytes_without_time_or_name(tmp_path: Path) -> None:
    array = np.arange(12, dtype=np.uint8)
    idx.write(tmp_path / "one.gz", array)
    idx.write(tmp_path / "two.gz", array)
    content = (tmp_path / "one.gz").read_bytes()
    assert content == (tmp_path / "two.gz").read_bytes()
    assert content[4:8] == b"\0\0\0\0"
    assert b"one" not in content


@pytest.mark.parametrize("keep", [3, 12, -9, -1])
def test_a_truncated_gzip_file_names_itself(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(idx.encode(np.zeros((40, 7), np.uint8)))[:keep])
    with pytest.raises(TflconvError, match=r"train-images-idx3-ubyte\.gz"):
        idx.read(path)


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    idx.write(path, np.random.default_rng(0).integers(0, 256, 500, np.uint8))
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    with pytest.raises(TflconvError, match="damaged"):
        idx.read(path)
