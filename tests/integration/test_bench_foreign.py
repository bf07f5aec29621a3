"""Accuracy on a device of a file that others made: what it does not say is said by options."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tflconv
from tflconv import cli, data, results
from tflconv.errors import UsageError
from tflconv.model.card import require_card
from tflconv.model.interpreter import Interpreter
from tflconv.tflite import packing

INT8 = Path(__file__).parents[1] / "golden" / "models" / "tiny_int8.tflite"
CLASSES = ("zero", "one", "two")
QUICK = ["--num-runs", "2", "--min-secs", "0", "--rate-secs", "0", "--profile-runs", "0"]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    for part in ("train", "val", "test"):
        for name in CLASSES:
            place = tmp_path / "pictures" / part / name
            place.mkdir(parents=True)
            for index in range(4):
                pixels = draw.integers(0, 256, (8, 8), np.uint8)
                Image.fromarray(pixels).save(place / f"{index}.png")
    return tmp_path / "pictures"


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    model = packing.unpack(INT8.read_bytes())
    model.metadata = []
    path = tmp_path / "foreign.tflite"
    path.write_bytes(packing.pack(model))
    return path


def bench(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(["bench", *map(str, arguments), *QUICK])
    return int(ended.value.code or 0)


def test_it_is_asked_for_what_the_file_does_not_say(
    foreign: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(foreign, "--dataset", pictures) == 2
    assert "--normalize" in capsys.readouterr().err
    assert bench(foreign, "--dataset", pictures, "--normalize", "0..1") == 0
    assert "taken to be one, two, zero in this order" in capsys.readouterr().err
    other = pictures.with_name("labels.txt")
    other.write_text("a\nb\nc\n")
    said = ["--dataset", pictures, "--normalize", "0..1", "--labels", other]
    assert bench(foreign, *said) == 2
    assert "other classes than those of pictures: it knows a, b, c" in capsys.readouterr().err


def test_once_said_the_device_counts_what_python_counts(
    foreign: Path, pictures: Path, tmp_path: Path
) -> None:
    card = require_card(INT8)
    test = data.load_for(card, pictures).test
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(sorted(CLASSES)))
    said = ["--normalize", "0..1", "--labels", labels, "--export-json", tmp_path / "found.json"]
    assert bench(foreign, "--dataset", pictures, *said) == 0
    (run,) = results.load(tmp_path / "found.json").runs
    says = Interpreter(foreign, card=card).predict(test.images).argmax(axis=1)
    assert run.accuracy is not None
    assert (run.accuracy.correct, run.accuracy.total) == ((says == test.labels).sum(), 12)


def test_the_one_rule_for_labels_is_that_of_verify(
    foreign: Path, pictures: Path, tmp_path: Path
) -> None:
    """Labels in an order of their own, and pictures of some of the classes only."""
    labels = tmp_path / "labels.txt"
    labels.write_text("two\nzero\none\n")
    (pictures / "test" / "two").rename(tmp_path / "gone")
    (pictures / "val" / "two").rename(tmp_path / "gone-too")
    (pictures / "train" / "two").rename(tmp_path / "gone-three")
    said = ["--dataset", pictures, "--normalize", "0..1", "--labels", labels]
    assert bench(foreign, *said, "--export-json", tmp_path / "found.json") == 0
    (run,) = results.load(tmp_path / "found.json").runs
    with pytest.raises(SystemExit, match="0"):
        cli.main(
            [
                "verify",
                *map(str, [foreign, foreign, *said, "--export-json", tmp_path / "verified.json"]),
            ]
        )
    verified = json.loads((tmp_path / "verified.json").read_text())
    assert run.accuracy is not None
    assert (run.accuracy.correct, run.accuracy.total) == (verified["target_correct"], 8)


def test_arrays_are_evaluated_on_the_device(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    pixels, labels = draw.integers(0, 256, (90, 8, 8), np.uint8), np.arange(90) % 3
    np.savez(tmp_path / "own.npz", x=pixels, y=labels)
    quick = {"num_runs": 2, "min_secs": 0.0, "rate_secs": 0.0, "profile_runs": 0}
    says = Interpreter(INT8).predict(pixels[..., np.newaxis]).argmax(axis=1)
    for source in ((pixels, labels), str(tmp_path / "own.npz"), zip(pixels, labels, strict=True)):
        (run,) = tflconv.bench([INT8], dataset=source, **quick).runs  # type: ignore[arg-type]
        assert run.accuracy is not None
        assert (run.accuracy.correct, run.accuracy.total) == ((says == labels).sum(), 90)
    (few,) = tflconv.bench([INT8], dataset=(pixels, labels), pictures=30, **quick).runs  # type: ignore[arg-type]
    assert few.accuracy is not None
    assert (few.accuracy.total, few.accuracy.subset) == (30, True)
    with pytest.raises(UsageError, match=r"a device evaluates pixels .*\n.*reference=MODEL"):
        tflconv.bench([INT8], dataset=(pixels / 255, labels), **quick)  # type: ignore[arg-type]
    (beside,) = tflconv.bench(
        [INT8],
        dataset=(pixels / 255, labels),
        reference=INT8,
        pictures=30,
        **quick,  # type: ignore[arg-type]
    ).runs
    assert beside.accuracy is not None
    assert (beside.accuracy.agreement, beside.accuracy.total) == (1.0, 30)


def test_pictures_are_drawn_by_class_and_by_seed(pictures: Path, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (90, 8, 8), np.uint8)
    labels = np.sort(np.arange(90) % 3)  # a prefix would be of one class
    drawn = []
    for seed in ("1", "1", "2"):
        file = tmp_path / f"{len(drawn)}.json"
        np.savez(tmp_path / "own.npz", x=pixels, y=labels)
        said = ["--dataset", tmp_path / "own.npz", "--pictures", 30, "--seed", seed]
        assert bench(INT8, *said, "--export-json", file) == 0
        (run,) = results.load(file).runs
        assert run.accuracy is not None
        assert {total for _, total in run.accuracy.per_class.values()} == {10}
        drawn.append(run.conditions.pictures_digest)
    assert drawn[0] == drawn[1] != drawn[2]
