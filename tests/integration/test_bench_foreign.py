"""Accuracy on a device of a file that others made: what it does not say is said by options."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tflconv import cli, data, results
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
    assert bench(foreign, "--dataset", pictures, "--normalize", "0..1") == 2
    assert "--labels FILE" in capsys.readouterr().err


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
