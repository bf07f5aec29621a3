"""Which pictures a conversion harms: a planted weakness is found, and none where there is none."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflconv.data import Split
from tflconv.verification import Verification, compare
from tflconv.verification.slices import Slice, harmed, object_sizes

CLASSES = ("cat", "dog", "owl")


def pictures(levels: Sequence[int], sizes: Sequence[int]) -> np.ndarray:
    """Bright squares of these sizes on grounds of these levels."""
    images = np.zeros((len(levels), 32, 32, 1), np.uint8)
    for image, level, size in zip(images, levels, sizes, strict=True):
        image[:] = level
        image[8 : 8 + size, 8 : 8 + size] = level + 100
    return images


def verified(harmed: np.ndarray, images: np.ndarray, labels: np.ndarray) -> Verification:
    """A reference that is right everywhere, and a target that is wrong on ``harmed``."""
    reference = np.eye(3, dtype=np.float32)[labels]
    reference *= np.linspace(1, 5, len(labels), dtype=np.float32)[:, np.newaxis]
    target = reference.copy()
    target[harmed] = np.roll(reference[harmed], 1, axis=1)
    ids = tuple(map(str, range(len(labels))))
    return compare(reference, target, Split(images=images, labels=labels, ids=ids), classes=CLASSES)


RANDOM = np.random.default_rng(5)
LABELS = RANDOM.integers(0, 3, 600)
LEVELS = RANDOM.integers(0, 150, 600)
SIZES = RANDOM.integers(2, 20, 600)
IMAGES = pictures(LEVELS, SIZES)
PLANTED = {
    "class dog": LABELS == 1,
    "brightness darkest third": LEVELS + SIZES**2 / 10 < 50,
    "size smallest third": SIZES < 8,
    "margin least certain third": np.arange(600) < 200,
}


@pytest.mark.parametrize("weakness", PLANTED)
def test_a_planted_weakness_comes_first(weakness: str) -> None:
    harmed = PLANTED[weakness] & (RANDOM.random(600) < 0.7)
    found = verified(harmed, IMAGES, LABELS)
    first = found.harmed[0]
    assert f"{first.kind} {first.name}" == weakness
    assert first.drop > found.drop > 0
    low, high = first.interval
    assert found.drop < low <= first.drop <= high


def test_what_loses_more_by_chance_is_not_told() -> None:
    """Where pictures are lost at random no slice is harmed; at 95 % some draws name one."""
    told = [verified(np.random.default_rng(n).random(600) < 0.1, IMAGES, LABELS) for n in range(20)]
    assert sum(len(each.harmed) for each in told) <= 10  # of 12 slices, 20 times
    few = (Slice(kind="class", name="x", total=2, lost=2, gained=0),)
    many = (Slice(kind="class", name="x", total=20, lost=20, gained=0),)
    assert (harmed(few, 0.1), harmed(many, 0.1)) == ((), many)


def test_where_nothing_is_lost_nothing_is_harmed() -> None:
    found = verified(np.zeros(600, bool), IMAGES, LABELS)
    assert found.harmed == ()
    kinds = [(each.kind, each.name) for each in found.slices]
    assert len(kinds) == len(set(kinds)) == 3 + 9
    assert all(each.drop == 0 for each in found.slices)


def test_slices_of_a_kind_are_parts_of_the_whole() -> None:
    found = verified(LABELS == 0, IMAGES, LABELS)
    for _, parts in itertools.groupby(found.slices, key=lambda each: each.kind):
        totals = [(each.total, each.lost) for each in parts]
        assert np.sum(totals, axis=0).tolist() == [600, int((LABELS == 0).sum())]


def test_few_or_equal_pictures_are_not_cut() -> None:
    alike = np.full((600, 8, 8, 1), 7, np.uint8)
    kinds = {each.kind for each in verified(LABELS == 0, alike, LABELS).slices}
    assert kinds == {"class", "margin"}
    few = verified(LABELS[:9] == 0, IMAGES[:9], LABELS[:9])
    assert {each.kind for each in few.slices} == {"class"}
    none = verified(LABELS == 0, np.zeros((600, 0, 0, 1), np.uint8), LABELS)
    assert {each.kind for each in none.slices} == {"class", "margin"}


def test_sizes_are_known_where_the_ground_is_plain() -> None:
    assert object_sizes(pictures([10, 20], [4, 8])).tolist() == [16 / 1024, 64 / 1024]  # type: ignore[union-attr]
    assert object_sizes(RANDOM.integers(0, 256, (20, 8, 8, 3), np.uint8)) is None


@given(st.integers(1, 400), st.floats(0, 1), st.floats(0, 1))
def test_an_interval_holds_its_drop(total: int, lost: float, gained: float) -> None:
    b = int(lost * total)
    each = Slice(kind="class", name="x", total=total, lost=b, gained=int(gained * (total - b)))
    low, high = each.interval
    assert -1 <= low <= each.drop <= high <= 1
    assert high > low


def test_intervals_cover_what_they_promise() -> None:
    """95 % of intervals should hold the true drop: 1000 draws of 100 pictures, 10 % lost."""
    random, held = np.random.default_rng(1), 0
    for _ in range(1000):
        lost, gained, _ = random.multinomial(100, [0.10, 0.03, 0.87])
        low, high = Slice(kind="class", name="x", total=100, lost=lost, gained=gained).interval
        held += low <= 0.07 <= high
    assert 930 <= held <= 980


def doubted(reference: Sequence[int], labels: Sequence[int]) -> tuple[str, ...]:
    scores = np.eye(3, dtype=np.float32)[list(reference)]
    numbers = np.array(labels)
    images = np.zeros((len(numbers), 2, 2, 1), np.uint8)
    split = Split(images=images, labels=numbers, ids=tuple(map(str, range(len(numbers)))))
    return compare(scores, scores, split, classes=CLASSES).doubts


def test_a_reference_that_knows_nothing_is_doubted() -> None:
    (one,) = doubted([0] * 90, [0, 1, 2] * 30)
    assert "gives the same class to all 90 pictures" in one
    (chance,) = doubted([0, 1, 2] * 30, [1, 2, 0] * 20 + [0, 1, 2] * 10)
    assert "33.3% of 90 pictures, which is not surely better than guessing (33.3%)" in chance
    (common,) = doubted([0] * 79 + [1], [0] * 60 + [1] * 20)
    assert "not surely better than always answering 'cat' (75.0%)" in common
    (single,) = doubted([0, 1, 0], [0, 0, 0])
    assert "all test pictures are of one class" in single


def test_a_target_that_lost_its_classes_is_doubted() -> None:
    scores = np.eye(3, dtype=np.float32)[[0, 1, 2] * 30]
    images, numbers = np.zeros((90, 2, 2, 1), np.uint8), np.array([0, 1, 2] * 30)
    split = Split(images=images, labels=numbers, ids=tuple(map(str, range(90))))
    (one,) = compare(scores, np.ones_like(scores), split, classes=CLASSES).doubts
    assert "target gives the same class to all 90 pictures, and reference does not" in one


def test_a_reference_that_knows_something_is_not_doubted() -> None:
    assert doubted([0, 1, 2] * 30, [0, 1, 2] * 30) == ()
    assert doubted([0, 1, 2] * 3, [0, 1, 2] * 3) == ()
