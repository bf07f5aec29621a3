"""Decoded pictures lie in a file: what that takes is said, and memory does not grow with it."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import tracemalloc
from multiprocessing import Queue
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making_pictures import PETS_IN_SPLITS, collection, write

from tflconv import data
from tflconv.core import private
from tflconv.core.files import sha256_bytes
from tflconv.data import cache, duplicates
from tflconv.data.dataset import rearrange
from tflconv.errors import TflconvError, UsageError


class Disk(NamedTuple):
    free: int


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TFLCONV_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    return write(tmp_path / "pets", collection({"cats": 20, "dogs": 30}))


def full_disk(_descriptor: int, _offset: int, _size: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_splits_are_slices_of_one_mapped_file(pets: Path, place: Path) -> None:
    splits = data.load(pets, resolution=20).splits
    (images,) = place.rglob("images.npy")
    assert images.relative_to(place).parts[0] == "pictures"
    assert np.load(images).shape == (50, 20, 20, 3)
    for split in splits.values():
        assert isinstance(split.images, np.memmap)
        assert split.images.base is not None
    whole = np.concatenate([splits[name].images for name in ("train", "validation", "test")])
    assert (whole == np.load(images)).all()


def test_pictures_stay_with_their_labels_and_names(tmp_path: Path, pets: Path) -> None:
    alone = {
        name: data.load(write(tmp_path / "x", PETS_IN_SPLITS), resolution=20).splits[name]
        for name in ("train", "validation", "test")
    }
    view = data.View(size=(20, 20), channels=3)
    pixels = dict(data.folders.pictures(tmp_path / "x", view))
    for split in alone.values():
        for image, name in zip(split.images, split.ids, strict=True):
            assert (image == pixels[name]).all()
            assert split.labels[split.ids.index(name)] == ("dogs" in name)


def test_memory_does_not_grow_with_the_number_of_pictures(tmp_path: Path) -> None:
    pool = list(collection({"a": 50}).values())
    files = {f"{'ab'[i % 2]}/{i}.png": pool[i % 50] for i in range(2000)}
    dataset = data.load(write(tmp_path / "many", files), resolution=128)
    tracemalloc.start()
    pixels = sum(split.images.nbytes for split in dataset.splits.values())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert pixels == 2000 * 128 * 128 * 3
    assert peak < pixels / 3


@given(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.permutations(range(n)))))
def test_rows_are_put_in_order_in_place(drawn: tuple[int, list[int]]) -> None:
    count, order = drawn
    chosen = np.array(order[: max(1, count - 3)], np.intp)
    rows = np.arange(count, dtype=np.uint8).reshape(-1, 1)
    rearrange(rows, chosen)
    assert rows[: len(chosen), 0].tolist() == chosen.tolist()
    assert sorted(rows[:, 0].tolist()) == list(range(count))


def test_much_disk_is_said_before_it_is_taken(
    pets: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "TOLD_BYTES", 50 * 100 * 100 * 3 - 1)
    with pytest.warns(UserWarning, match=f"^50 pictures of 100x100 pixels need 1.5 MB .* {place}"):
        _ = data.load(pets, resolution=100).train
    monkeypatch.setattr(cache, "TOLD_BYTES", 50 * 90 * 90 * 3)
    _ = data.load(pets, resolution=90).train


@pytest.mark.parametrize("writable", [True, False])
def test_a_disk_that_is_too_small_is_refused_before_decoding(
    pets: Path, place: Path, monkeypatch: pytest.MonkeyPatch, writable: bool
) -> None:
    if not writable:
        place.write_text("a file in the way")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(free=50 * 100 * 100 * 3 - 1))
    with pytest.raises(
        TflconvError, match=r"need 1\.5 MB of disk in .*, where 1\.5 MB are free"
    ) as c:
        _ = data.load(pets, resolution=100).train
    assert "TFLCONV_CACHE_DIR" in str(c.value.hint)
    assert not list(place.rglob("images.npy"))


def test_a_disk_that_fills_meanwhile_is_refused(
    pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "posix_fallocate", full_disk)
    with pytest.raises(TflconvError, match=r"cannot take .* of disk .*: No space left on device"):
        _ = data.load(pets).train


def test_without_a_cache_pictures_lie_in_a_temporary_file(pets: Path, place: Path) -> None:
    place.write_text("a file in the way")
    train = data.load(pets).train
    assert isinstance(train.images, np.memmap)
    assert len(train) == 36


def test_what_a_killed_process_left_is_swept(pets: Path, place: Path) -> None:
    left = place / "pictures" / f"{private.PREFIX}x1"
    left.mkdir(parents=True)
    _ = data.load(pets).train
    assert not left.exists()


def test_many_scaled_pictures_of_an_array_are_mapped(
    monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    small = data.load("mnist-sample", resolution=32)
    assert not isinstance(small.train.images, np.memmap)
    monkeypatch.setattr(data.loading, "_IN_MEMORY", 7000 * 32 * 32 - 1)
    mapped = data.load("mnist-sample", resolution=32)
    assert isinstance(mapped.train.images, np.memmap)
    assert mapped.digest == small.digest
    for name, split in small.splits.items():
        assert (split.images == mapped.splits[name].images).all()
        assert split.ids == mapped.splits[name].ids
        assert (split.labels == mapped.splits[name].labels).all()
    assert not isinstance(data.load("mnist-sample").train.images, np.memmap)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3]))
def test_grey_of_thumbnails_is_the_mean_rounded_down(seed: int, channels: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (9, 7, channels), np.uint8)
    assert (duplicates._grey(image) == image.mean(axis=-1).astype(np.uint8)).all()


def split_of(*counts: int) -> data.Split:
    labels = np.repeat(np.arange(len(counts)), counts)
    ids = tuple(f"{index:04}" for index in range(len(labels)))
    return data.Split(images=np.zeros((len(labels), 4, 4, 1), np.uint8), labels=labels, ids=ids)


SHARES: list[tuple[tuple[int, ...], int, list[int]]] = [
    ((60, 30, 10), 10, [6, 3, 1]),
    ((97, 2, 1), 10, [8, 1, 1]),
    ((50, 50), 1, [1, 0]),
    ((90, 5, 5), 3, [1, 1, 1]),
    ((4, 4, 4), 2, [1, 1, 0]),
]


@pytest.mark.parametrize(("counts", "drawn", "expected"), SHARES)
def test_a_drawn_part_keeps_the_shares_and_every_class(
    counts: tuple[int, ...], drawn: int, expected: list[int]
) -> None:
    part = split_of(*counts).stratified(drawn)
    assert np.bincount(part.labels, minlength=len(counts)).tolist() == expected
    assert list(part.ids) == sorted(part.ids)


def test_a_drawn_part_follows_the_seed_and_is_no_prefix() -> None:
    whole = split_of(50, 50)
    first, again, other = (whole.stratified(20, seed=seed) for seed in (0, 0, 1))
    assert first.ids == again.ids != other.ids
    prefixes = {whole.ids[n : n + 10] for n in (0, 50)}
    assert first.ids[:10] not in prefixes
    assert first.ids[10:] not in prefixes
    assert whole.stratified(100) is whole
    assert whole.stratified(101) is whole


@pytest.mark.parametrize("count", [0, -1])
def test_a_part_of_nothing_is_refused(count: int) -> None:
    with pytest.raises(UsageError, match=f"Received: count={count}"):
        split_of(5, 5).stratified(count)


def digest_of(pets: Path, answers: Queue[str]) -> None:
    try:
        answers.put(sha256_bytes(data.load(pets, resolution=20).test.images.tobytes()))
    except BaseException as error:
        answers.put(repr(error))


def test_processes_that_decode_the_same_pictures_at_once_all_get_them(
    pets: Path, place: Path
) -> None:
    context = multiprocessing.get_context("fork")
    expected = sha256_bytes(data.load(pets, resolution=20).test.images.tobytes())
    for _ in range(5):
        shutil.rmtree(place)
        answers = context.Queue()
        processes = [context.Process(target=digest_of, args=(pets, answers)) for _ in range(3)]
        for process in processes:
            process.start()
        assert [answers.get(timeout=60) for _ in processes] == [expected] * 3
        for process in processes:
            process.join()
        assert len(os.listdir(place / "pictures")) == 1
