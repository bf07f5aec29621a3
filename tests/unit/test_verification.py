"""Verification: counting, thresholds, reports, and the command."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import making_pictures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tflconv
from tflconv import cli, data, verification
from tflconv.cli import verify as printing
from tflconv.core.progress import Progress
from tflconv.data import Split
from tflconv.errors import TflconvError, UsageError, VerificationFailed
from tflconv.model import scoring
from tflconv.model.card import embed_card, require_card
from tflconv.model.interpreter import Interpreter
from tflconv.tflite import packing
from tflconv.verification import Verification, compare, parse_drop, parse_share

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


def test_the_worst_disagreements_are_printed_without_their_pictures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = example()
    assert all(entry.picture for entry in found.worst)
    printing._print(found)
    told = capsys.readouterr().out
    assert re.search(r"^id +label +reference +target +margin *$", told, re.MULTILINE)
    assert max(map(len, told.splitlines())) < 80


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
    assert found.check(max_drop=parse_drop("0.5pt")) is found


def test_a_verification_shows_its_figures_in_one_line() -> None:
    shown = "target on test: top-1 50.00%, reference 100.00%, agreement 75.00% of 4"
    assert repr(replace(example(), agreeing=3)) == f"Verification({shown})"


def test_names_of_any_length_leave_the_line_bounded() -> None:
    long = replace(example(), target="a\nb" * 500, dataset="d" * 500)
    assert len(repr(long)) < 200
    assert "\n" not in repr(long)


def test_what_a_benchmark_run_records() -> None:
    accuracy = example().to_accuracy()
    assert (accuracy.top1, accuracy.drop, accuracy.agreement) == (0.5, 0.5, 0.5)
    assert accuracy.per_class["two"] == (1, 2)


@pytest.mark.parametrize(
    ("text", "share"), [("0.5pt", 0.005), ("99%", 0.99), ("0.99", 0.99), ("2pp", 0.02)]
)
def test_shares_as_people_write_them(text: str, share: float) -> None:
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("5", "'5' is not a share.\nDid you mean 5%?"),
        ("500%", "'500%' is not a share.\nShares go from 0% to 100%"),
        ("-5%", "'-5%' is not a share.\nShares go"),
        ("-0.5", "'-0.5' is not a share.\nShares go"),
        ("nan", "'nan' is not like"),
        ("nanpt", "'nanpt' is not like"),
        ("x", "'x' is not like 0.5pt, 99% or 0.99"),
        ("1,5pt", "'1,5pt' is not like"),
        ("", "'' is not like"),
    ],
)
def test_what_is_no_share(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        parse_share(text)


@pytest.mark.parametrize(
    "text", ["0.5", "0", "5", "-0.01", "-1pt", "-0.1pp", "1%", "-1%", "101pt", "nanpt", "pt", ""]
)
def test_a_drop_that_is_no_number_of_points_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=f"'{text}' is not a drop .*\\nSay 0.5pt where") as raised:
        parse_drop(text)
    with pytest.raises(UsageError, match=re.escape(raised.value.message)):
        example().check(max_drop=text)


@pytest.mark.parametrize("asked", [{"max_drop": -0.01}, {"max_drop": 1.5}, {"min_agreement": 99}])
def test_a_limit_in_python_that_can_be_none_is_refused(asked: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(asked))} must be .* Received: "):
        example().check(**asked)


def test_limits_in_python_are_texts_too() -> None:
    assert example().check(max_drop="50pt", min_agreement="50%") == example()
    with pytest.raises(VerificationFailed, match=r"allowed are 0.50 points"):
        example().check(max_drop="0.5pt")


@pytest.mark.parametrize(("text", "share"), [("0.5pt", 0.005), ("2pp", 0.02), ("0pt", 0.0)])
def test_drops_as_people_write_them(text: str, share: float) -> None:
    assert parse_drop(text) == pytest.approx(share)


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
    code = verify(str(FLOAT), str(INT8), "--dataset", str(folder), "--export-json", str(target))
    assert code == 0
    written = json.loads(target.read_text())
    printed = capsys.readouterr().out
    assert f"{written['agreement']:.2%}" in printed
    assert written["total"] == 12
    dataset = data.load(str(folder), resolution=8, channels=1)
    assert written["accuracy"] == verification.verify(FLOAT, INT8, dataset).accuracy


def test_some_of_the_pictures_are_drawn_by_class(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = [
        str(FLOAT),
        str(INT8),
        "--dataset",
        str(folder),
        "--pictures",
        "6",
        "--export-json",
        "-",
    ]
    drawn = []
    for seed in ("1", "1", "2"):
        assert verify(*said, "--seed", seed) == 0
        written = json.loads(capsys.readouterr().out)
        assert (written["total"], written["subset"]) == (6, True)
        assert [count["total"] for count in written["per_class"].values()] == [2, 2, 2]
        drawn.append(written["digest"])
    assert drawn[0] == drawn[1] != drawn[2]
    assert verify(*said[:-4], "--pictures", "60", "--json") == 0
    assert json.loads(capsys.readouterr().out)["subset"] is False


def test_the_command_ends_with_4_where_a_threshold_is_missed(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = packing.unpack(FLOAT.read_bytes())
    graph = model.subgraphs[0]
    dense = next(op for op in reversed(graph.operators) if len(op.inputs) == 3)
    kernel = model.buffers[graph.tensors[dense.inputs[1]].buffer]
    codes = []
    for scores_of in ((0, 1, 2), (2, 1, 0)):  # files that answer one class, one of them another
        kernel.data = np.repeat(np.array(scores_of, np.float32), 4).view(np.uint8)
        (tmp_path / "one.tflite").write_bytes(packing.pack(model))
        said = [str(FLOAT), str(tmp_path / "one.tflite"), "--dataset", str(folder)]
        codes.append(verify(*said, "--normalize", "0..1", "--min-agreement", "99%"))
    assert 4 in codes
    assert "asked for 99.00%" in capsys.readouterr().err


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


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """The INT8 model as somebody else would have made it: no card and no metadata."""
    model = packing.unpack(INT8.read_bytes())
    model.metadata = []
    path = tmp_path / "foreign.tflite"
    path.write_bytes(packing.pack(model))
    return path


def test_a_file_of_others_is_asked_how_to_feed_it(
    folder: Path, foreign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(str(FLOAT), str(foreign), "--dataset", str(folder)) == 2
    assert "--normalize 0..1, -1..1" in capsys.readouterr().err


def test_without_a_dataset_it_is_the_one_of_the_training(
    folder: Path, foreign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(str(FLOAT), str(INT8)) == 2
    assert "--dataset NAME" in capsys.readouterr().err
    embed_card(foreign, replace(require_card(INT8), dataset=str(folder)))
    assert verify(str(FLOAT), str(foreign)) == 0
    assert "12 test pictures of pictures" in capsys.readouterr().out


def test_a_file_of_others_is_verified_once_it_is_said(
    folder: Path, foreign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(CLASSES))
    found = []
    for target, said in ((INT8, []), (foreign, ["--normalize", "0..1", "--labels", str(labels)])):
        assert verify(str(FLOAT), str(target), "--dataset", str(folder), "--json", *said) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[1] == found[0] | {"target": "foreign.tflite"}


def test_outputs_without_names_are_told_how_they_were_taken(
    folder: Path, foreign: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(str(FLOAT), str(foreign), "--normalize", "0..1", "--dataset", str(folder)) == 0
    assert (
        "taken to be one, two, zero in this order. Name them with --labels"
        in capsys.readouterr().err
    )


def test_labels_say_which_output_is_which(folder: Path, foreign: Path, tmp_path: Path) -> None:
    told = verification.resolve_card(foreign, normalize="0..1", labels=("two", "zero", "one"))
    dataset = data.load_for(told, str(folder))
    ordered = verification.resolve_card(foreign, normalize="0..1", labels=CLASSES)
    says = Interpreter(foreign, card=told).predict(dataset.test.images).argmax(axis=1)
    right = sum(
        told.labels[output] == CLASSES[label]
        for output, label in zip(says, dataset.test.labels, strict=True)
    )
    assert verification.verify(FLOAT, foreign, dataset, card=told).target_correct == right
    found = verification.verify(FLOAT, foreign, dataset, card=ordered)
    assert found.target_correct == (says == dataset.test.labels).sum()


def test_pictures_of_some_of_the_labels_are_enough(folder: Path, foreign: Path) -> None:
    for part in folder.iterdir():
        shutil.rmtree(part / "zero")
    card = verification.resolve_card(foreign, normalize="0..1", labels=CLASSES)
    found = verification.verify(foreign, foreign, data.load_for(card, str(folder)), card=card)
    assert (found.total, sorted(found.per_class)) == (8, ["one", "two"])
    says = Interpreter(foreign, card=card).predict(data.load_for(card, folder).test.images)
    assert found.target_correct == (says.argmax(axis=1) == [1] * 4 + [2] * 4).sum()


def test_labels_of_the_wrong_count_are_one_error(foreign: Path) -> None:
    with pytest.raises(UsageError, match=r"2 labels, but .* \[\[1, 3\]\]"):
        verification.resolve_card(foreign, normalize="0..1", labels=("a", "b"))


def test_copies_across_the_split_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(folder / "train" / "one" / "0.png", folder / "test" / "one" / "9.png")
    assert verify(str(FLOAT), str(INT8), "--dataset", str(folder)) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "same class" not in line]
    comparing, copies = told
    assert "of the test pictures have a copy in train (1 exact" in copies
    assert comparing == f"comparing {INT8.name}"


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("count", [1, scoring.CHUNK, 5 * scoring.CHUNK + 7])
def test_side_by_side_or_not_every_picture_has_the_scores_it_has_alone(
    threads: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 1), np.uint8)
    alone = np.concatenate([Interpreter(INT8).predict(each[np.newaxis]) for each in pictures])
    monkeypatch.setattr(scoring, "_WORTH_SECONDS", 0.0)
    monkeypatch.setattr(os, "cpu_count", lambda: threads)
    told: list[tuple[int, int]] = []
    found = scoring.scores(INT8, pictures, told=lambda *how_far: told.append(how_far))
    assert np.array_equal(found, alone)
    assert told == sorted(told)
    assert told[-1] == (count, count)


def test_progress_tells_the_pictures_that_are_done(folder: Path) -> None:
    events: list[Progress] = []
    tflconv.verify(FLOAT, INT8, dataset=str(folder), progress=events.append)
    done = [(event.subject, event.done, event.total) for event in events if event.done]
    assert done == [(FLOAT.name, 12, 12), (INT8.name, 12, 12)]
