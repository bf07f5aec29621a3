"""What the loop gives to each step: which pictures, which learning rate, which EMA decay."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflconv import data
from tflconv.data import Dataset
from tflconv.training import TrainConfig
from tflconv.training.learner import Learner
from tflconv.training.loop import Progress, train
from tflconv.training.views import Batch

OPTIONS = {"patch": 4, "dim": 8, "depth": 1, "heads": 2}
CONFIG = TrainConfig(
    epochs=2, batch_size=16, learning_rate=0.4, warmup_ratio=0.25, ema_decay=0.3, augment=False
)


@dataclass
class Steps:
    """Takes the place of ``Learner.step`` and learns nothing."""

    rates: list[float] = field(default_factory=list)
    decays: list[float] = field(default_factory=list)
    batches: list[Any] = field(default_factory=list)
    maps: list[Any] = field(default_factory=list)

    def step(self, batch: Batch, rate: float, decay: float) -> float:
        self.rates.append(rate)
        self.decays.append(decay)
        self.batches.append([picture.tobytes() for picture in batch.pixels])
        self.maps.append(batch.maps)
        return float(len(self.rates))


@pytest.fixture(scope="module")
def dataset(pictures: Path) -> Dataset:
    return data.load(pictures, resolution=8)


def taken(
    dataset: Dataset, config: TrainConfig, folder: Path, patched: pytest.MonkeyPatch
) -> tuple[Steps, Any]:
    """The steps of a training, and the card that it wrote."""
    steps = Steps()
    patched.setattr(Learner, "step", lambda _learner, *given: steps.step(*given))
    return steps, train(dataset, "vit", config, folder / "vit.keras", options=OPTIONS)


@pytest.fixture(scope="module")
def both(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Steps, Any]:
    with pytest.MonkeyPatch.context() as patched:
        return taken(dataset, CONFIG, tmp_path_factory.mktemp("steps"), patched)


def test_rates_rise_for_a_quarter_and_end_at_zero(
    both: tuple[Steps, Any], dataset: Dataset
) -> None:
    steps, card = both
    count = 2 * (len(dataset.train) // 16)
    assert len(steps.rates) == count == 6
    shares = np.arange(1, 7) / 6  # the first is 1/6 of the whole, two thirds of the warm-up
    falling = 0.2 * (1 + np.cos(np.pi * (shares - 0.25) / 0.75))
    expected = np.where(shares < 0.25, 0.4 * shares / 0.25, falling)
    assert steps.rates == pytest.approx(list(expected), abs=1e-9)
    history = card.training["history"]
    assert [row["learning_rate"] for row in history] == pytest.approx([expected[2], 0], abs=1e-9)


def test_the_ema_decay_rises_to_its_limit(both: tuple[Steps, Any]) -> None:
    assert both[0].decays == pytest.approx([1 / 10, 2 / 11, 3 / 12, 0.3, 0.3, 0.3])


def test_the_loss_of_an_epoch_is_the_mean_of_its_steps(both: tuple[Steps, Any]) -> None:
    assert [row["loss"] for row in both[1].training["history"]] == [2.0, 5.0]


def test_an_epoch_sees_no_picture_twice_and_the_next_another_order(
    both: tuple[Steps, Any], dataset: Dataset
) -> None:
    first, second = (list(chain(*both[0].batches[n : n + 3])) for n in (0, 3))
    known = {picture.tobytes() for picture in dataset.train.images}
    for epoch in (first, second):
        assert len(epoch) == len(set(epoch)) == 48
        assert set(epoch) <= known
    assert first != second


def test_without_augmentation_pictures_are_not_moved(both: tuple[Steps, Any]) -> None:
    for maps in both[0].maps:
        np.testing.assert_allclose(maps, np.tile([1, 0, 0, 0, 1, 0, 0, 0], (16, 1)), atol=1e-6)


def test_with_augmentation_they_are(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(CONFIG, epochs=1, augment=True)
    steps, _ = taken(dataset, config, tmp_path, monkeypatch)
    assert np.abs(steps.maps[0][:, 0] - 1).max() > 0.01


def test_progress_counts_steps_and_says_a_sentence_per_epoch(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[Progress] = []
    monkeypatch.setattr(Learner, "step", lambda *_: 0.5)
    train(dataset, "vit", CONFIG, tmp_path / "vit.keras", options=OPTIONS, progress=events.append)
    note, *events = events
    assert (note.state, note.message[:17]) == ("note", "6 steps are few f")
    assert [event.done for event in events] == [1, 2, 3, 3, 4, 5, 6, 6]
    assert {(event.stage, event.total) for event in events} == {("train", 6)}
    said = [event.message.partition(",")[0] for event in events]
    first, second = "epoch 1 of 2: loss 0.500", "epoch 2 of 2: loss 0.500"
    assert said == ["", "", "", first, "", "", "", second]
