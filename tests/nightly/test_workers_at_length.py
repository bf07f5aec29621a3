"""Two workers on this computer train one network, each with half of every batch."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflconv.model.card import ModelCard, require_card
from tflconv.network.keras.opened import open_once

LIMIT_S = 900


def free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    for each in held:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in held]
    for each in held:
        each.close()
    return ports


def command(out: Path, strategy: str) -> list[str]:
    options = {
        "dataset": "mnist-sample", "epochs": "1", "batch-size": "128", "strategy": strategy,
        "output": str(out),
    }  # fmt: skip
    said = [f"--{name}={value}" for name, value in options.items()]
    small = ["--option", "width=4", "--option", "blocks=1", "--no-augment"]
    return [sys.executable, "-m", "tflconv", "train", "resnet", *said, *small]


def loss_of(card: ModelCard) -> float:
    history: Any = card.training["history"]
    return float(history[-1]["loss"])


def weights(file: Path) -> list[np.ndarray]:
    return [np.asarray(value) for value in open_once(file).source.model.get_weights()]


@pytest.mark.timeout(2 * LIMIT_S)
def test_two_workers_train_as_one_does(tmp_path: Path, tell: Callable[[str, str], None]) -> None:
    workers = [f"127.0.0.1:{port}" for port in free_ports(2)]
    places = [tmp_path / "first.keras", tmp_path / "second.keras"]
    running = []
    for index, place in enumerate(places):
        cluster = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
        environment = {**os.environ, "TF_CONFIG": json.dumps(cluster)}
        running.append(
            subprocess.Popen(
                command(place, "multiworker"), env=environment, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True,
            )
        )  # fmt: skip
    try:
        said = [each.communicate(timeout=LIMIT_S)[0] for each in running]
    finally:
        for each in running:
            each.kill()
    assert [each.returncode for each in running] == [0, 0], said
    assert places[0].exists()
    assert [path.name for path in tmp_path.iterdir()] == ["first.keras"]  # of the first worker only
    alone = tmp_path / "alone.keras"
    subprocess.run(command(alone, "single"), check=True, timeout=LIMIT_S)
    cards = [require_card(file) for file in (places[0], alone)]
    accuracies = [float(card.metrics["validation_accuracy"]) for card in cards]
    losses = [loss_of(card) for card in cards]
    assert max(losses) < 2.29  # ln 10 is nothing learned
    assert abs(losses[0] - losses[1]) < 0.02
    assert abs(accuracies[0] - accuracies[1]) < 0.03
    for one, other in zip(weights(places[0]), weights(alone), strict=True):
        assert one.shape == other.shape
        assert np.isfinite(one).all()
    tell(
        "an epoch of `train` in 2 processes on this computer, and in one",
        f"losses {losses[0]:.3f} and {losses[1]:.3f}, validation accuracies"
        f" {accuracies[0]:.1%} and {accuracies[1]:.1%}",
    )
