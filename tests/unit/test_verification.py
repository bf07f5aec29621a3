"""Verification: counting, thresholds, reports, and the command."""

from __future__ import annotations

import json
from pathlib import Path

import making_pictures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflconv import cli, data, verification
from tflconv.data import Split
from tflconv.errors import TflconvError, UsageError, VerificationFailed
from tflconv.verification import Verification, compare, parse_share

MODELS = Path(__file__).parents[1] / "golden" / "models"
FLOAT, INT8 = MODELS / "tiny_float32.tflite", MODELS / "tiny_int8.tflite"
CLASSES = ("zero", "one", "two")


def split(labels: list[int]) -> Split:
    return Split(
        images=np.zeros((len(labels), 2, 2, 1), np.uint8),
        labels=np.array(labels, np.int64),
        ids=tuple(f"test/{index}" for index in range(len(labels))),
    )


def scores(answers: list[int], margin: float = 1.0) -> np.ndarray:
    return (np.eye(3, dtype=np.float32) * margin)[answers]


def example() -> Verification:
    reference = scores([0, 1, 2, 2])
    reference[3] = [0, 0, 5]
    return compare(reference, scores([0, 0, 2, 1]), split([0, 1, 2, 2]), classes=CLASSES)


def test_counts_accuracy_agreement_and_losses_by_class() -> None:
    found = example()
    assert (found.reference_correct, found.target_correct, found.agreeing) == (4, 2, 2)
    assert (found.accuracy, found.drop, found.agreement) == (0.5, 0.5, 0.5)
    assert {name: count.drop for name, count in found.per_class.items()} == {
        "zero": 0.0,
        "one": 1.0,
        "two": 0.5,
    }


def test_the_worst_disagreement_is_the_one_the_reference_was_surest_of() -> None:
    first, second = example().worst
    assert (first.id, first.reference, first.target, first.margin) == ("test/3", "two", "one", 5.0)
    assert (second.id, second.label, second.margin) == ("test/1", "one", 1.0)


ANSWERS = st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=40)


@given(ANSWERS)
def test_swapping_the_models_turns_the_drop_around_and_keeps_the_agreement(
    answers: list[tuple[int, int, int]],
) -> None:
    labels, says, said = (list(column) for column in zip(*answers, strict=True))
    there = compare(scores(says), scores(said), split(labels), classes=CLASSES)
    back = compare(scores(said), scores(says), split(labels), classes=CLASSES)
    assert there.drop == -back.drop
    assert there.agreement == back.agreement
    assert abs(there.reference_correct - there.target_correct) <= len(labels) - there.agreeing
    assert sum(count.total for count in there.per_class.values()) == len(labels)
    assert sum(c.target_correct for c in there.per_class.values()) == there.target_correct


@given(ANSWERS)
def test_json_holds_everything(answers: list[tuple[int, int, int]]) -> None:
    labels, says, said = (list(column) for column in zip(*answers, strict=True))
    found = compare(scores(says), scores(said), split(labels), classes=CLASSES)
    assert Verification.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_thresholds() -> None:
    found = example()
    assert found.check(max_drop=0.5, min_agreement=0.5) is found
    with pytest.raises(VerificationFailed, match=r"fell by 50.00 points, allowed are 10.00"):
        found.check(max_drop=0.1)
    with pytest.raises(VerificationFailed, match=r"agrees on 50.00%, asked for 51.00%"):
        found.check(min_agreement=0.51)


def test_a_drop_of_exactly_the_threshold_passes() -> None:
    labels = [0] * 1000
    target = scores([0] * 995 + [1] * 5)
    found = compare(scores(labels), target, split(labels), classes=CLASSES)
    assert found.check(max_drop=parse_share("0.5pt")) is found


def test_what_a_benchmark_run_records() -> None:
    accuracy = example().to_accuracy()
    assert (accuracy.top1, accuracy.drop, accuracy.agreement) == (0.5, 0.5, 0.5)
    assert accuracy.per_class["two"] == (1, 2)


@pytest.mark.parametrize(
    ("text", "share"), [("0.5pt", 0.005), ("99%", 0.99), ("0.99", 0.99), ("2pp", 0.02)]
)
def test_shares_as_people_write_them(text: str, share: float) -> None:
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["5", "x", "1,5pt", ""])
def test_what_is_no_share(text: str) -> None:
    with pytest.raises(UsageError):
        parse_share(text)


def test_scores_that_are_not_numbers_are_one_error() -> None:
    broken = scores([0])
    broken[0, 0] = np.nan
    with pytest.raises(TflconvError, match="NaN"):
        compare(scores([0]), broken, split([0]), classes=CLASSES)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures of three classes, split in train, val and test."""
    for number, part in enumerate(("train", "val", "test")):
        for label, name in enumerate(CLASSES):
            place = tmp_path / "pictures" / part / name
            place.mkdir(parents=True)
            for index in range(4):
                seed = 100 * number + 10 * label + index
                (place / f"{index}.png").write_bytes(making_pictures.png(seed))
    return tmp_path / "pictures"


def verify(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(["verify", *map(str, arguments)])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_the_command_reports_and_writes_json(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "found.json"
    code = verify(str(FLOAT), str(INT8), "--dataset", str(folder), "--json", str(target))
    assert code == 0
    written = json.loads(target.read_text())
    printed = capsys.readouterr().out
    assert f"{written['agreement']:.2%}" in printed
    assert written["total"] == 12
    dataset = data.load(str(folder), resolution=8, channels=1)
    assert written["accuracy"] == verification.verify(FLOAT, INT8, dataset).accuracy


def test_the_command_ends_with_4_where_a_threshold_is_missed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = verify(str(FLOAT), str(INT8), "--dataset", str(folder), "--max-drop", "-100pt")
    assert code == 4
    assert "allowed are -100.00 points" in capsys.readouterr().err


def test_the_command_ends_with_1_for_a_file_that_is_no_model(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = tmp_path / "foreign.tflite"
    foreign.write_bytes(b"hello" * 50)
    assert verify(str(foreign), str(INT8), "--dataset", str(folder)) == 1
    assert capsys.readouterr().err.count("Error") == 1


def test_another_number_of_classes_is_one_error(folder: Path) -> None:
    (folder / "train" / "three").mkdir()
    for part in ("train", "val", "test"):
        place = folder / part / "three"
        place.mkdir(exist_ok=True)
        (place / "x.png").write_bytes(making_pictures.png(999))
    assert verify(str(FLOAT), str(INT8), "--dataset", str(folder)) == 2
