"""Training end to end on pictures of two shades."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tflconv import data
from tflconv.data import Dataset
from tflconv.model.card import read_card
from tflconv.training import TrainConfig
from tflconv.training.loop import Progress, train

CONFIG = TrainConfig(epochs=4, batch_size=16, learning_rate=0.01, ema_decay=0.5, seed=3)
OPTIONS = {"patch": 4, "dim": 8, "depth": 1, "heads": 2}


@pytest.fixture(scope="module")
def dataset(pictures: Path) -> Dataset:
    """The pictures without their test split: whoever asks for it fails."""
    whole = data.load(pictures, resolution=8)
    splits = {name: getattr(whole, name) for name in ("train", "validation")}
    return replace(whole, read=lambda: replace(whole.reading, splits=splits))


@pytest.fixture(scope="module")
def trained(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trained") / "vit.keras"
    train(dataset, "vit", CONFIG, path, options=OPTIONS)
    return path


def test_it_learns_without_the_test_split(trained: Path) -> None:
    card = read_card(trained)
    assert card is not None
    assert card.metrics["validation_accuracy"] > 0.9


def test_the_file_tells_its_story(trained: Path, dataset: Dataset) -> None:
    card = read_card(trained)
    assert card is not None
    assert (card.model, card.labels, card.input_shape) == ("vit", ("dark", "light"), (8, 8, 3))
    assert (card.dataset, card.dataset_digest) == (dataset.name, dataset.digest)
    assert card.resize == dataset.view.resize == "crop"
    assert (card.seed, card.options) == (3, OPTIONS)
    assert card.normalization.mean == (127.5,)
    assert card.versions["tensorflow"]
    assert [row["epoch"] for row in card.training["history"]] == [1, 2, 3, 4]
    assert card.training["learning_rate"] == 0.01


def test_equal_trainings_give_equal_files(trained: Path, dataset: Dataset, tmp_path: Path) -> None:
    train(dataset, "vit", CONFIG, tmp_path / "again.keras", options=OPTIONS)
    assert (tmp_path / "again.keras").read_bytes() == trained.read_bytes()
    train(dataset, "vit", replace(CONFIG, seed=4), tmp_path / "other.keras", options=OPTIONS)
    assert (tmp_path / "other.keras").read_bytes() != trained.read_bytes()


def test_an_interrupted_training_ends_as_if_it_had_not_been(
    trained: Path, dataset: Dataset, tmp_path: Path
) -> None:
    output, seen = tmp_path / "vit.keras", []

    def interrupt(event: Progress) -> None:
        if event.done == 8:  # the second of three steps of epoch 3
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(dataset, "vit", CONFIG, output, options=OPTIONS, progress=interrupt)
    assert os.listdir(tmp_path) == ["vit.keras.state"]

    train(dataset, "vit", CONFIG, output, options=OPTIONS, progress=lambda e: seen.append(e.done))
    assert sorted(set(seen)) == [7, 8, 9, 10, 11, 12]
    assert output.read_bytes() == trained.read_bytes()
    assert os.listdir(tmp_path) == ["vit.keras"]


def test_another_training_does_not_go_on_from_its_state(
    trained: Path, dataset: Dataset, tmp_path: Path
) -> None:
    output, seen = tmp_path / "vit.keras", []

    def interrupt(event: Progress) -> None:
        if event.done == 4:  # the first step of epoch 2
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(dataset, "vit", replace(CONFIG, seed=5), output, options=OPTIONS, progress=interrupt)
    train(dataset, "vit", CONFIG, output, options=OPTIONS, progress=seen.append)
    assert seen[1].done == 1  # behind the note that there are few steps
    assert output.read_bytes() == trained.read_bytes()


def test_patience_ends_a_training_that_learns_no_more(dataset: Dataset, tmp_path: Path) -> None:
    config = TrainConfig(epochs=50, batch_size=16, learning_rate=1e-9, patience=2, ema_decay=0.0)
    card = train(dataset, "vit", config, tmp_path / "vit.keras", options=OPTIONS)
    accuracies = [row["validation_accuracy"] for row in card.training["history"]]
    assert accuracies == [accuracies[0]] * 3


def _tflconv(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tflconv", "train", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def _options(**more: object) -> list[str]:
    return [f"--option={name}={value}" for name, value in {**OPTIONS, **more}.items()]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["vti", "--dataset", "mnist-sample"], "unknown model 'vti'.\nDid you mean vit?"),
        (["vit", "--dataset", "mnist-sampel"], "Did you mean mnist-sample"),
        (["vit", "--dataset", "mnist-sample", "--option", "depth=deep"], "a whole number"),
        (["vit", "--dataset", "mnist-sample", "--option", "patch=5"], "do not divide a 28x28"),
        (["vit", "--dataset", "mnist-sample", "--epochs", "0"], "epochs must be at least 1"),
    ],
)
def test_bad_input_ends_with_one_message(arguments: list[str], message: str) -> None:
    out = _tflconv(*arguments)
    assert out.returncode == 2
    assert message in out.stderr
    assert "Traceback" not in out.stderr
    assert len(out.stderr.splitlines()) <= 2


def test_a_folder_that_cannot_be_written_fails_before_the_first_step(
    pictures: Path, tmp_path: Path
) -> None:
    (tmp_path / "blocker").write_text("")
    out = _tflconv(
        "vit", "--dataset", pictures, "--resolution", 8, *_options(),
        "-o", tmp_path / "blocker" / "vit.keras",
    )  # fmt: skip
    assert out.returncode == 1
    assert "cannot write" in out.stderr
    assert "epoch" not in out.stderr
    assert "Traceback" not in out.stderr


def test_a_full_disk_fails_before_the_first_step(
    pictures: Path, tmp_path: Path, require: Callable[[str, bool, str], None]
) -> None:
    mount = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    allowed = shutil.which("unshare") and not subprocess.run([*mount, "true"]).returncode
    require("namespaces", bool(allowed), "no user namespaces here")
    full = tmp_path / "full"
    full.mkdir()
    arguments = ["train", "vit", f"--dataset={pictures}", "--resolution=8", *_options(dim=64)]
    script = (
        'folder=$1; shift; mount -t tmpfs -o size=64k none "$folder" && "$0" -m tflconv "$@" '
        '-o "$folder/vit.keras"; code=$?; ls -A "$folder"; exit $code'
    )
    out = subprocess.run(
        [*mount, script, sys.executable, full, *arguments], capture_output=True, text=True
    )
    assert "The disk is full" in out.stderr
    assert "epoch" not in out.stderr
    assert (out.returncode, out.stdout) == (1, "")


def test_ctrl_c_says_how_to_go_on_and_the_same_command_does(pictures: Path, tmp_path: Path) -> None:
    output = tmp_path / "vit.keras"
    command = [
        sys.executable, "-m", "tflconv", "train", "vit", "--dataset", str(pictures),
        "--resolution", "8", *_options(), "--batch-size", "2", "-o", str(output), "--epochs", "40",
    ]  # fmt: skip
    first = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert first.stderr is not None
    said = []
    for line in first.stderr:
        said.append(line)
        if line.startswith("epoch 2 of 40:"):
            first.send_signal(signal.SIGINT)
    assert first.wait(timeout=60) == 130
    assert "Interrupted. The same command goes on from the last whole epoch." in said[-1]
    assert not any("Traceback" in line for line in said)
    assert os.listdir(tmp_path) == ["vit.keras.state"]

    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    epochs = [line for line in again.stderr.splitlines() if line.startswith("epoch")]
    assert not any(line.startswith("epoch 1 of") for line in epochs)
    assert epochs[-1].startswith("epoch 40 of 40:")
    assert os.listdir(tmp_path) == ["vit.keras"]
