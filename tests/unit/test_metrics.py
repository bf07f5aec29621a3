"""Metrics by hand, and the laws that they keep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflconv.errors import UsageError
from tflconv.verification.metrics import METRICS, mean_average_precision, resolve, top

SCORES = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.2, 0.3, 0.5]], np.float32)


def test_top_1_and_top_5() -> None:
    assert METRICS["top1"].compute(SCORES, np.array([1, 1, 2])) == pytest.approx(2 / 3)
    assert top(2)(SCORES, np.array([1, 1, 0])) == pytest.approx(2 / 3)
    wide = np.arange(20, dtype=np.float32).reshape(2, 10)
    assert METRICS["top5"].compute(wide, np.array([5, 4])) == 0.5


def test_a_constant_output_is_right_once_per_class() -> None:
    """A tie is no answer: all classes alike must not count as right for every label."""
    flat = np.zeros((3, 3), np.float32)
    assert METRICS["top1"].compute(flat, np.array([0, 1, 2])) == pytest.approx(1 / 3)


@given(st.integers(0, 2**32), st.integers(2, 12))
def test_top_1_is_the_argmax(seed: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.integers(0, 4, (30, classes)).astype(np.float32)
    labels = random.integers(0, classes, 30)
    assert METRICS["top1"].compute(scores, labels) == (scores.argmax(axis=1) == labels).mean()
    shares = [top(count)(scores, labels) for count in range(1, classes + 1)]
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.parametrize(
    ("scores", "members", "precision"),
    [
        ([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.8333333),  # the example of scikit-learn's docs
        ([0.9, 0.8, 0.7], [1, 1, 1], 1.0),
        ([0.9, 0.8, 0.7, 0.6], [0, 0, 0, 1], 0.25),
        ([0.5, 0.5, 0.5, 0.5], [1, 0, 0, 1], 0.5),  # ties are one threshold
        ([3.0, 2.0, 2.0, 1.0], [1, 0, 1, 0], 0.8333333),
    ],
)
def test_average_precision_by_hand(
    scores: list[float], members: list[int], precision: float
) -> None:
    column = np.array(scores, np.float32)[:, np.newaxis]
    found = mean_average_precision(column, np.array(members)[:, np.newaxis])
    assert found == pytest.approx(precision, abs=1e-6)


@given(st.integers(0, 2**32))
def test_average_precision_looks_at_the_order_only(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.normal(size=(25, 4)).astype(np.float32)
    members = (random.random((25, 4)) < 0.4).astype(np.uint8)
    members[0] = 1
    first = mean_average_precision(scores, members)
    assert 0 < first <= 1
    assert mean_average_precision(np.exp(scores) * 3, members) == pytest.approx(first)
    order = random.permutation(25)
    assert mean_average_precision(scores[order], members[order]) == pytest.approx(first)
    assert mean_average_precision(members.astype(np.float32), members) == 1


def test_a_class_without_positives_does_not_count() -> None:
    members = np.array([[1, 0], [1, 0], [0, 0]])
    scores = np.array([[0.9, 0.1], [0.8, 0.9], [0.1, 0.5]], np.float32)
    assert mean_average_precision(scores, members) == 1


def test_class_numbers_are_one_class_per_sample() -> None:
    numbers = np.array([1, 0, 2])
    hot = np.eye(3, dtype=np.uint8)[numbers]
    for name in ("map", "top1", "top5"):
        compute = METRICS[name].compute
        assert compute(SCORES, numbers) == compute(SCORES, hot)


@pytest.mark.parametrize(
    ("name", "labels", "why"),
    [
        ("top1", np.array([0.5, 0.1, 0.2]), "the number of one class per sample"),
        ("top1", np.array([0, 1]), "one class per sample"),
        ("top5", np.array([0, 1, 7]), "a label is 7, but there are 3 outputs"),
        ("map", np.zeros((3, 3), int), "no sample belongs to any class"),
        ("mae", np.array([0, 1]), r"labels of the shape \[2\]"),
        ("mae", np.array([["a"] * 3] * 3), "<U1"),
    ],
)
def test_labels_that_a_metric_cannot_use(name: str, labels: np.ndarray, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        METRICS[name].compute(SCORES, labels)


def test_only_python_has_metrics_of_its_own() -> None:
    chosen = resolve(top(3))
    assert chosen is not None
    assert chosen.name == "compute"
    with pytest.raises(UsageError, match="unknown metric"):
        resolve("os.system")
