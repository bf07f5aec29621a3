"""Settings, augmentation and kept state of a training, without TensorFlow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tflconv import data
from tflconv.data.locating import of_path
from tflconv.errors import UsageError
from tflconv.training import TrainConfig
from tflconv.training.augmentation import Augmentation
from tflconv.training.schedule import ema_decay_at, learning_rate
from tflconv.training.state import State, StateFile


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("warmup_ratio", 1.0),
        ("weight_decay", -0.1),
        ("label_smoothing", 1.0),
        ("ema_decay", 1.0),
        ("patience", -1),
        ("seed", -1),
    ],
)
def test_settings_are_checked_when_built(name: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"{name} must be .* Received: {name}={value}"):
        TrainConfig(**{name: value})


def test_the_learning_rate_rises_then_falls_to_zero() -> None:
    config = TrainConfig(learning_rate=0.4, warmup_ratio=0.1)
    rates = [learning_rate(config, share) for share in np.linspace(0, 1, 101)]
    assert rates[0] == 0
    assert rates[10] == pytest.approx(0.4)
    assert rates[55] == pytest.approx(0.2)
    assert rates[100] == pytest.approx(0)
    assert (np.diff(rates[:11]) > 0).all()
    assert (np.diff(rates[10:]) < 0).all()


def test_the_ema_decay_starts_low_and_is_bounded() -> None:
    config = TrainConfig(ema_decay=0.99)
    assert ema_decay_at(config, 0) == pytest.approx(0.1)
    assert ema_decay_at(config, 10_000) == 0.99
    assert ema_decay_at(TrainConfig(ema_decay=0.0), 10_000) == 0


def _apply(row: np.ndarray, x: float, y: float) -> tuple[float, float]:
    return row[0] * x + row[1] * y + row[2], row[3] * x + row[4] * y + row[5]


def test_no_augmentation_leaves_every_pixel_in_its_place() -> None:
    maps = Augmentation.none().maps(3, (28, 20), np.random.default_rng(0))
    np.testing.assert_allclose(maps, np.tile([1, 0, 0, 0, 1, 0, 0, 0], (3, 1)), atol=1e-5)


@settings(deadline=None)
@given(
    rotate=st.floats(0, 180), zoom=st.floats(0, 0.5), flip=st.booleans(), seed=st.integers(0, 99)
)
def test_the_middle_stays_where_nothing_is_shifted(
    rotate: float, zoom: float, flip: bool, seed: int
) -> None:
    some = Augmentation(rotate=rotate, zoom=zoom, flip=flip)
    for row in some.maps(4, (28, 20), np.random.default_rng(seed)):
        assert _apply(row, 9.5, 13.5) == pytest.approx((9.5, 13.5), abs=1e-3)


@settings(deadline=None)
@given(shift=st.floats(0, 9), rotate=st.floats(0, 20), seed=st.integers(0, 99))
def test_without_flip_nothing_is_mirrored_and_shifts_stay_in_bounds(
    shift: float, rotate: float, seed: int
) -> None:
    some = Augmentation(shift=shift, rotate=rotate, zoom=0.2)
    maps = some.maps(8, (28, 28), np.random.default_rng(seed)).astype(float)
    assert (maps[:, 0] * maps[:, 4] - maps[:, 1] * maps[:, 3] > 0).all()
    for row in maps:
        assert np.abs(np.array(_apply(row, 13.5, 13.5)) - 13.5).max() <= shift + 1e-3


def test_flip_mirrors_about_half() -> None:
    maps = Augmentation(zoom=0, flip=True).maps(400, (8, 8), np.random.default_rng(0))
    assert 150 < (maps[:, 0] < 0).sum() < 250
    mirrored = maps[maps[:, 0] < 0][0]
    assert _apply(mirrored, 0, 3) == pytest.approx((7, 3), abs=1e-4)


def test_a_card_that_allows_something_unknown_is_explained() -> None:
    with pytest.raises(UsageError, match=r"augmentation is not understood.*shear"):
        Augmentation.of({"shear": 3})


def test_pictures_of_a_user_are_zoomed_only(tmp_path: Path) -> None:
    own = Augmentation.of(of_path(tmp_path).card.augmentation)
    assert own == Augmentation(zoom=0.1) != Augmentation.none()


@pytest.mark.parametrize("name", data.names())
def test_every_card_says_what_training_may_do(name: str) -> None:
    assert Augmentation.of(data.card(name).augmentation).zoom == 0.1


def _state() -> State:
    values = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7, dtype=np.int64)]
    return State(values=values, history=[{"epoch": 1, "validation_accuracy": 0.5}])


def test_state_comes_back_as_it_was(tmp_path: Path) -> None:
    kept = StateFile.beside(tmp_path / "new" / "a.keras", key="k")
    kept.save(_state())
    loaded = kept.load()
    assert loaded is not None
    assert loaded.history == _state().history
    for value, expected in zip(loaded.values, _state().values, strict=True):
        np.testing.assert_array_equal(value, expected)
        assert value.dtype == expected.dtype
    kept.remove()
    assert kept.load() is None


def test_the_state_of_another_training_is_left_alone(tmp_path: Path) -> None:
    StateFile.beside(tmp_path / "a.keras", key="one").save(_state())
    assert StateFile.beside(tmp_path / "a.keras", key="two").load() is None


@settings(deadline=None)
@given(st.data())
def test_a_damaged_state_is_as_good_as_none(
    tmp_path_factory: pytest.TempPathFactory, draw: st.DataObject
) -> None:
    kept = StateFile.beside(tmp_path_factory.mktemp("state") / "a.keras", key="k")
    kept.save(_state())
    whole = kept.path.read_bytes()
    kept.path.write_bytes(whole[: draw.draw(st.integers(0, len(whole) - 1))])
    assert kept.load() is None
