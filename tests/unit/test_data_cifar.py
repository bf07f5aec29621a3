import contextlib
import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making_pictures import write_tar

from tflconv.data import cifar
from tflconv.errors import TflconvError


def batch(count: int, seed: int = 0, labels: int | None = None) -> bytes:
    rng = np.random.default_rng(seed)
    value = {
        b"data": rng.integers(0, 256, (count, 3072), np.uint8),
        b"labels": rng.integers(0, 10, count if labels is None else labels).tolist(),
        b"filenames": [b"a.png"] * count,
    }
    return pickle.dumps(value, protocol=2)


def archive(path: Path, **batches: bytes) -> Path:
    return write_tar(path, {f"cifar-10-batches-py/{name}": b for name, b in batches.items()})


def test_batches_become_two_splits_of_upright_colour_pictures(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "c.tar.gz", data_batch_1=batch(5), data_batch_2=batch(4, 1), test_batch=batch(3)
    )
    splits = cifar.read(path)
    assert splits["train"].images.shape == (9, 32, 32, 3)
    assert splits["train"].ids[5] == "data_batch_2/0"
    planes = np.random.default_rng(0).integers(0, 256, (5, 3072), np.uint8)
    assert splits["train"].images[2, 0, 1].tolist() == planes[2, [1, 1025, 2049]].tolist()
    assert splits["train"].images[2, 1, 0].tolist() == planes[2, [32, 1056, 2080]].tolist()


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_code_in_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    content = pickle.dumps({b"data": Evil(tmp_path / "ran"), b"labels": [1]}, protocol=2)
    path = archive(tmp_path / "c.tar.gz", data_batch_1=content, test_batch=batch(1))
    with pytest.raises(TflconvError, match=r"data_batch_1: the pickle asks for \w+\.mkdir"):
        cifar.read(path)
    assert not (tmp_path / "ran").exists()
    pickle.loads(content)
    assert (tmp_path / "ran").exists(), "the pickle is harmless; the test proves nothing"


@pytest.mark.parametrize(
    "opcodes",
    [
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cos\nsystem\n(S'true'\ntR.",
        b"cnumpy\nload\n(S'x'\ntR.",
        b"cnumpy.core.multiarray\nfromfile\n.",
        b"(S'true'\nios\nsystem\n.",
    ],
)
def test_no_name_but_those_of_an_array_is_known(opcodes: bytes) -> None:
    with pytest.raises(TflconvError, match="could run code"):
        cifar.unpickle(opcodes, "batch")


def test_a_pickle_cannot_ask_for_a_giant_array() -> None:
    content = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I99999999999999\ntS'b'\ntR."
    )
    assert cifar.unpickle(content, "batch").nbytes == 0


@given(st.binary(max_size=200))
def test_noise_is_a_value_or_an_error(content: bytes) -> None:
    with contextlib.suppress(TflconvError):
        cifar.unpickle(content, "noise")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (batch(4)[:500], "cut short or damaged"),
        (batch(4, labels=3), "has 4 pictures, but 3 labels"),
        (pickle.dumps([1, 2]), "not a CIFAR batch"),
        (pickle.dumps({b"data": np.zeros((2, 7), np.uint8), b"labels": [0, 1]}), "not a CIFAR"),
    ],
    ids=["truncated", "wrong number of labels", "no dict", "wrong shape"],
)
def test_a_batch_that_is_none_says_which_and_why(tmp_path: Path, content: bytes, why: str) -> None:
    path = archive(tmp_path / "c.tar.gz", data_batch_1=content, test_batch=batch(1))
    with pytest.raises(TflconvError, match=f"c.tar.gz: .*data_batch_1.*{why}"):
        cifar.read(path)


def test_an_archive_without_test_batch_says_so(tmp_path: Path) -> None:
    with pytest.raises(TflconvError, match="no CIFAR batch for test"):
        cifar.read(archive(tmp_path / "c.tar.gz", data_batch_1=batch(1)))


def test_arrays_pickled_by_new_and_old_numpy_are_read() -> None:
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    new = pickle.dumps(array, protocol=2)
    old = new.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    for content in (new, old):
        assert (cifar.unpickle(io.BytesIO(content).getvalue(), "a") == array).all()
