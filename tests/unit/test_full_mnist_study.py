"""The recorded run on full MNIST: it reaches its goals, and its README says what was recorded."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tflconv import models
from tflconv.core import stats
from tflconv.core.files import sha256_file
from tflconv.model.card import read_card

STUDY = Path(__file__).parents[2] / "studies" / "mobile-vit" / "full-mnist"
GOALS = {"mobilenet_v2": 0.993, "vit": 0.985}


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    return dict(json.loads((STUDY / "results.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("model", GOALS)
def test_the_recorded_run_reaches_its_goal(recorded: dict[str, Any], model: str) -> None:
    found = recorded[model]["test"]["fp32"]
    assert found["total"] == 10_000
    assert found["reference_correct"] / found["total"] >= GOALS[model]


@pytest.mark.parametrize("model", GOALS)
@pytest.mark.parametrize("recipe", ["fp32", "static_wi8_ai8"])
def test_the_table_says_what_was_recorded(
    recorded: dict[str, Any], model: str, recipe: str
) -> None:
    found = recorded[model]["test"][recipe]
    low, high = stats.wilson(found["target_correct"], found["total"])
    cells = [
        f"`{model}`",
        f"{models.cost(model).parameters:,}".replace(",", " "),
        f"`{recipe}`",
        f"{found['bytes']:,}".replace(",", " "),
        f"{found['target_correct']:,}".replace(",", " "),
        f"{found['target_correct'] / found['total']:.2%}".replace("%", " %"),
        f"{low * 100:.2f} to {high * 100:.2f}",
    ]
    assert f"| {' | '.join(cells)} |" in (STUDY / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("model", GOALS)
def test_the_curves_and_the_commands_fit_the_settings(recorded: dict[str, Any], model: str) -> None:
    settings = recorded[model]["training"]
    with (STUDY / "curves.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["model"] == model]
    assert [int(row["epoch"]) for row in rows] == list(range(1, settings["epochs"] + 1))
    best = max(float(row["validation_accuracy"]) for row in rows)
    assert best == recorded[model]["validation"]["validation_accuracy"]

    text = (STUDY / "README.md").read_text(encoding="utf-8").replace("\\\n   ", "")
    command = next(line for line in text.splitlines() if line.startswith(f"tflconv train {model}"))
    settings = settings | {"ema_decay": settings["average"]}  # as it was called
    for name in ("seed", "epochs", "batch_size", "learning_rate", "ema_decay"):
        assert f"--{name.replace('_', '-')} {settings[name]}" in command


def test_the_kept_model_is_the_recorded_one(recorded: dict[str, Any]) -> None:
    path = STUDY / "vit-mnist.keras"
    card = read_card(path)
    assert card is not None
    assert sha256_file(path) == recorded["vit"]["sha256"]
    assert card.dataset_digest == recorded["vit"]["dataset_digest"]
