import csv
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tflconv import data
from tflconv.data import splits
from tflconv.errors import UsageError

SIZES = st.lists(st.integers(0, 50), min_size=1, max_size=12)


@given(SIZES, st.data())
def test_quotas_add_up_and_are_proportional(sizes: list[int], data: st.DataObject) -> None:
    total = data.draw(st.integers(0, sum(sizes)))
    shares = splits.quotas(sizes, total)
    assert sum(shares) == total
    for size, share in zip(sizes, shares, strict=True):
        assert 0 <= share <= size
        assert abs(share - size * total / max(1, sum(sizes))) < 1


def test_quotas_refuse_more_than_there_is() -> None:
    with pytest.raises(ValueError, match="cannot draw 4 of 3"):
        splits.quotas([1, 2], 4)


@given(st.lists(st.integers(0, 4), min_size=2, max_size=60), st.floats(0.01, 0.99))
def test_a_share_takes_from_every_class_but_never_the_last(
    classes: list[int], share: float
) -> None:
    labels = np.array(classes, np.int64)
    chosen = splits.draw_share(labels, [str(i) for i in range(len(labels))], share, seed=0)
    for label in np.unique(labels):
        size, taken = (labels == label).sum(), (labels[chosen] == label).sum()
        assert taken < size
        assert taken >= 1 or size == 1


def test_a_draw_depends_on_names_and_seed_not_on_order() -> None:
    ids = [f"{i}.png" for i in range(100)]
    labels = np.arange(100) % 4
    drawn = {ids[i] for i in splits.draw(labels, ids, 20, seed=0)}
    back = {ids[::-1][i] for i in splits.draw(labels[::-1], ids[::-1], 20, seed=0)}
    other = {ids[i] for i in splits.draw(labels, ids, 20, seed=1)}
    assert drawn == back
    assert drawn != other


def test_ranks_are_the_documented_hash() -> None:
    # sha256("7:train/0") begins with these eight bytes: computed with sha256sum, not with us
    assert int(splits.ranks(["train/0"], 7)[0]) == 0x0AA696722DBADD7F


@given(
    st.integers(2, 30),
    st.integers(0, 29),
    st.sets(st.integers(0, 12), max_size=5),
    st.sets(st.integers(0, 12), max_size=5),
)
def test_frames_of_two_splits_are_never_closer_than_the_guard(
    size: int, guard: int, test: set[int], validation: set[int]
) -> None:
    blocks = splits.FrameBlocks(
        size=size,
        guard=min(guard, size - 1),
        test=tuple(test),
        validation=tuple(validation - test),
        frame="",
    )
    placed = [(index, blocks.split(index)) for index in range(1, 13 * size + 1)]
    for split in ("train", "validation"):
        others = {"train": ("validation", "test"), "validation": ("test",)}[split]
        mine = [index for index, found in placed if found == split]
        theirs = np.array([index for index, found in placed if found in others])
        for index in mine:
            assert theirs.size == 0 or np.abs(theirs - index).min() > blocks.guard
    assert sum(found == "test" for _, found in placed) == size * len(test)


def test_blocks_refuse_what_would_leak() -> None:
    with pytest.raises(UsageError, match="both in test and in validation"):
        splits.FrameBlocks(size=10, guard=1, test=(1, 2), validation=(2,), frame="")
    with pytest.raises(UsageError, match="guard=10"):
        splits.FrameBlocks(size=10, guard=10, test=(1,), validation=(2,), frame="")


def test_the_rule_for_asl_alphabet_is_the_index_of_the_data(
    require: Callable[[str, bool, str], None],
) -> None:
    index = Path(os.environ.get("TFLCONV_DATA_DIR", "/nowhere")) / "asl-alphabet" / "index.csv"
    require("data", index.is_file(), "TFLCONV_DATA_DIR has no asl-alphabet")
    blocks = data.card("asl-alphabet").blocks
    assert blocks is not None
    with index.open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] != "kaggle_test"]
    assert len(rows) == 20_300
    for row in rows:
        found = blocks.split(int(row["source_index"]))
        if row["split"] in ("test", "guard"):
            assert (found or "guard") == row["split"]
        else:
            assert found in ("train", "validation", None)


@pytest.mark.parametrize("draw", [splits.draw, splits.draw_of_each])
def test_of_more_classes_than_pictures_not_the_first_are_drawn(
    draw: Callable[..., NDArray[np.intp]],
) -> None:
    """Half the pictures that ten of a hundred classes give are of the second half of them."""
    labels, late = np.arange(100).repeat(5), 0
    ids = [str(i) for i in range(500)]
    for seed in range(40):
        drawn = labels[draw(labels, ids, 10, seed)]
        assert len(set(drawn.tolist())) == 10
        late += int((drawn >= 50).sum())
    assert 160 <= late <= 240  # of 400, within four deviations
