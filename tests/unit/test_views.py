"""Views of pictures: drawn by number alone, as far as they may go, and no farther."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflconv.errors import UsageError
from tflconv.training.augmentation import Augmentation
from tflconv.training.config import DistillConfig, TrainConfig, check_taught
from tflconv.training.views import Views

SIZE = (12, 20)
ALL = Views(limits=Augmentation(shift=2, flip=True), mixup=0.4, cutmix=1.0, erasing=0.5, seed=3)


@given(st.integers(0, 2**31), st.integers(1, 40))
def test_a_view_is_drawn_by_its_number_alone(number: int, count: int) -> None:
    first, again = (ALL.draw(number, count, SIZE) for _ in range(2))
    other = ALL.draw(number + 1, count, SIZE)
    for name, value in vars(first).items():
        np.testing.assert_array_equal(value, vars(again)[name])
    assert (first.maps != other.maps).any()


@given(st.integers(0, 2**31))
def test_shares_and_boxes_fit_the_picture(number: int) -> None:
    view = ALL.draw(number, 30, SIZE)
    assert view.partners is not None
    assert view.share is not None
    assert view.boxes is not None
    assert view.erased is not None
    assert sorted(view.partners) == list(range(30))
    assert ((view.share >= 0) & (view.share <= 1)).all()
    for boxes in (view.boxes, view.erased):
        top, left, bottom, right = boxes.T
        assert ((top >= 0) & (top <= bottom) & (bottom <= SIZE[0])).all()
        assert ((left >= 0) & (left <= right) & (right <= SIZE[1])).all()


def test_the_share_of_cutmix_is_the_area_that_is_left() -> None:
    view = replace(ALL, mixup=0.0).draw(0, 50, SIZE)
    assert view.boxes is not None
    assert view.share is not None
    top, left, bottom, right = view.boxes.T
    taken = (bottom - top) * (right - left) / (SIZE[0] * SIZE[1])
    np.testing.assert_allclose(view.share, 1 - taken, atol=1e-6)
    assert taken.max() > 0.5


def test_mixing_and_erasing_leave_the_maps_as_they_are() -> None:
    alone = replace(ALL, mixup=0.0, cutmix=0.0, erasing=0.0)
    np.testing.assert_array_equal(alone.draw(5, 9, SIZE).maps, ALL.draw(5, 9, SIZE).maps)
    assert alone.draw(5, 9, SIZE).partners is None
    assert not alone.is_plain
    assert replace(alone, limits=Augmentation.none()).is_plain


def test_as_many_pictures_are_erased_as_asked() -> None:
    view = replace(ALL, erasing=0.25).draw(0, 2000, (32, 32))
    assert view.erased is not None
    share = (view.erased[:, 2] > view.erased[:, 0]).mean()
    assert 0.2 < share < 0.3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mixup": -0.1}, "mixup must be at least 0"),
        ({"cutmix": float("inf")}, "cutmix must be at least 0"),
        ({"erasing": 1.5}, "erasing must be from 0 to 1"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TrainConfig(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": 0.0}, "temperature must be positive"),
        ({"alpha": 1.1}, "alpha must be from 0 to 1"),
        ({"views": 0}, "views must be at least 1"),
        ({"targets": "warm"}, "targets must be soft or hard"),
    ],
)
def test_settings_of_distillation_out_of_range_are_refused(
    settings: dict[str, float], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        DistillConfig(**settings)  # type: ignore[arg-type]


def test_settings_of_a_teacher_need_one() -> None:
    with pytest.raises(UsageError, match="vit has no teacher"):
        check_taught("vit", None, None, DistillConfig(alpha=0.5))
