"""Data of one's own in every form: the same samples give the same figures, the rest one error."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tflconv
from tflconv import cli
from tflconv.data.arrays import read_arrays
from tflconv.data.own import read
from tflconv.data.samples import Samples
from tflconv.errors import TflconvError, UsageError

MODELS = Path(__file__).parents[1] / "golden" / "models"
FLOAT, INT8 = MODELS / "tiny_float32.tflite", MODELS / "tiny_int8.tflite"
RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (60, 8, 8, 1), np.uint8)
LABELS = np.arange(60) % 3
NAMES = np.array(["zero", "one", "two"])[LABELS]


class TfData:
    """What a ``tf.data.Dataset`` shows of itself here: it is iterable, and knows its length."""

    def __init__(self, *elements: Any, length: int = 60) -> None:
        self.elements, self.length = elements, length

    def __iter__(self) -> Iterator[Any]:
        return iter(self.elements)

    def cardinality(self) -> int:
        return self.length


class Numbered:
    """Batches as ``keras.utils.PyDataset`` has them: a number too large is an empty batch."""

    def __init__(self, *arrays: np.ndarray) -> None:
        self.arrays = arrays

    def __len__(self) -> int:
        return 4

    def __getitem__(self, number: int) -> tuple[np.ndarray, ...]:
        return tuple(array[15 * number : 15 * number + 15] for array in self.arrays)


def npz(folder: Path, **arrays: Any) -> Path:
    np.savez_compressed(folder / "own.npz", **arrays)
    return folder / "own.npz"


FORMS: dict[str, Callable[[Path], Any]] = {
    "arrays": lambda _: (PIXELS, LABELS),
    "lists": lambda _: (PIXELS.tolist(), LABELS.tolist()),
    "pictures in a list": lambda _: (list(PIXELS), LABELS),
    "columns of labels": lambda _: (PIXELS, LABELS[:, np.newaxis]),
    "one-hot labels": lambda _: (PIXELS, np.eye(3)[LABELS]),
    "names of classes": lambda _: (PIXELS, NAMES),
    "no axis of channels": lambda _: (PIXELS[..., 0], LABELS),
    "mapping": lambda _: {"image": PIXELS, "label": LABELS},
    "x and y in a file": lambda folder: npz(folder, x=PIXELS, y=LABELS),
    "path as text": lambda folder: str(npz(folder, images=PIXELS, labels=NAMES)),
    "as in mnist.npz": lambda folder: npz(
        folder, x_train=PIXELS[:9], y_train=LABELS[:9], x_test=PIXELS, y_test=LABELS
    ),
    "as in MedMNIST": lambda folder: npz(
        folder, train_images=PIXELS[:1], test_images=PIXELS, test_labels=LABELS[:, np.newaxis]
    ),
    "batches": lambda _: TfData((PIXELS[:32], LABELS[:32]), (PIXELS[32:], LABELS[32:])),
    "weighted batches": lambda _: [(PIXELS, LABELS, np.ones(60))],
    "samples": lambda _: TfData(*zip(PIXELS, LABELS, strict=True)),
    "a Keras sequence of batches": lambda _: Numbered(PIXELS, LABELS),
    "labels as Keras gives them": lambda _: (PIXELS, LABELS.astype(np.float32)[:, np.newaxis]),
    "names as pandas gives them": lambda _: (PIXELS, NAMES.astype(object)),
    "names as TensorFlow gives them": lambda _: (PIXELS, np.char.encode(NAMES)),
    "a generator": lambda _: ((x, y) for x, y in zip(PIXELS, LABELS, strict=True)),
    "samples by name": lambda _: [
        {"image": x, "label": y} for x, y in zip(PIXELS, LABELS, strict=True)
    ],
}


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    return figures(tflconv.verify(FLOAT, INT8, (PIXELS, LABELS), normalize="0..1"))


def figures(found: tflconv.verification.Verification) -> dict[str, Any]:
    unlike = ("dataset", "digest", "pictures", "worst", "distance")  # they tell names of samples
    return {key: value for key, value in found.to_json().items() if key not in unlike}


@pytest.mark.filterwarnings("ignore:.*same class to all")
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_figures(
    form: str, tmp_path: Path, expected: dict[str, Any]
) -> None:
    found = tflconv.verify(FLOAT, INT8, FORMS[form](tmp_path), normalize="0..1")
    assert figures(found) == expected
    assert found.total == 60
    assert set(found.per_class) == {"zero", "one", "two"}


@pytest.mark.filterwarnings("ignore:.*same class to all")
def test_floats_are_inputs_and_pixels_are_normalized(expected: dict[str, Any]) -> None:
    found = tflconv.verify(FLOAT, INT8, (PIXELS / 255, LABELS))
    assert found.target_correct == expected["target_correct"]


def test_without_labels_the_distance_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    found = tflconv.verify(FLOAT, INT8, PIXELS / 255)
    assert (found.has_classes, found.metric, found.doubts, found.harmed) == (False, None, (), ())
    assert found.agreeing is not None
    assert found.distance is not None
    assert 20 < found.distance.sqnr < 60
    assert 0.99 < found.distance.least_cosine <= found.distance.cosine <= 1
    far = found.distance.farthest
    assert len(far) == 20
    assert list(far) == sorted(far, key=lambda each: each.sqnr)
    assert far[0].id.startswith("arrays/")
    assert "SQNR" in repr(found) or "agreement" in repr(found)
    for ask in (lambda: found.accuracy, lambda: found.drop, lambda: found.check(max_drop=0.1)):
        with pytest.raises(UsageError, match=r"no labels of classes.*\nGive \(x, y\)"):
            ask()
    assert json.dumps(found.to_json())


def test_equal_outputs_are_told_apart_by_nothing() -> None:
    found = tflconv.verify(FLOAT, FLOAT, PIXELS / 255)
    assert found.distance is not None
    assert (found.distance.sqnr, found.distance.least_cosine) == (200.0, 1.0)
    assert found.distance.farthest == ()


def test_a_metric_of_ones_own() -> None:
    seen = []

    def half(outputs: np.ndarray, labels: np.ndarray) -> float:
        seen.append((outputs.shape, labels.shape))
        return float(len(seen))

    found = tflconv.verify(FLOAT, INT8, (PIXELS / 255, RANDOM.random((60, 2))), metric=half)
    assert seen == [((60, 3), (60, 2))] * 2
    assert found.metric is not None
    assert (found.metric.name, found.metric.reference, found.metric.target) == ("half", 1.0, 2.0)
    assert found.drop == -1.0


def test_regression_by_mean_absolute_error() -> None:
    values = RANDOM.random((60, 3)).astype(np.float32)
    found = tflconv.verify(FLOAT, INT8, (PIXELS / 255, values), metric="mae")
    assert found.metric is not None
    assert (found.has_classes, found.agreeing) == (False, None)
    assert 0 < found.metric.target < 1
    assert found.metric.drop == pytest.approx(found.metric.target - found.metric.reference)


def test_the_command_line_takes_files_and_metrics(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = npz(tmp_path, x=PIXELS / 255, y=(RANDOM.random((60, 3)) < 0.4).astype(np.uint8))
    arguments = ["verify", FLOAT, INT8, "--dataset", own, "--metric", "map", "--json"]
    with pytest.raises(SystemExit, match="0"):
        cli.main(list(map(str, arguments)))
    written = json.loads(capsys.readouterr().out)
    assert written["metric"]["name"] == "map"
    assert written["accuracy"] is None
    assert written["distance"]["sqnr"] > 20


WRONG: dict[str, tuple[Any, str]] = {
    "nothing": ([], "there are no samples"),
    "no rows": ((PIXELS[:0], LABELS[:0]), "equally many samples, at least one"),
    "not as many labels": ((PIXELS, LABELS[:3]), r"Received: \[60, 3\]"),
    "another shape": ((RANDOM.random((5, 9, 9, 1)), LABELS[:5]), r"takes .*\[8, 8, 1\]"),
    "two inputs": (((PIXELS / 255, PIXELS / 255),), "does not fit the model"),
    "ragged": (([[1, 2], [3]], [0, 1]), "these are not samples"),
    "a number": (7, "these are not samples: int"),
    "objects": ((np.array([{"a": 1}]), [0]), "inputs are numbers"),
    "text": (np.array(["a", "b"]), "inputs are numbers"),
    "a class too many": ((PIXELS / 255, LABELS + 1), "labels go from 1 to 3"),
    "labels that are objects": ((PIXELS / 255, np.array([{}] * 60)), "labels are numbers or names"),
    "an unknown name": ((PIXELS / 255, np.array(["one", "two", "cat"] * 20)), "'cat' is none"),
    "without end": (TfData((PIXELS, LABELS), length=-1), r"repeat without end.\nAdd \.take"),
    "labels here and there": ([(PIXELS / 255, LABELS), PIXELS / 255], "others have none"),
    "NaN": (np.full((3, 8, 8, 1), np.nan), "NaN"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_data_is_one_error(case: str) -> None:
    source, why = WRONG[case]
    with pytest.raises(TflconvError, match=why):
        tflconv.verify(FLOAT, INT8, source, normalize="0..1")


def test_pixels_need_to_be_normalized_as_the_model_was_trained(tmp_path: Path) -> None:
    bare = tmp_path / "bare.tflite"
    bare.write_bytes(FLOAT.read_bytes().partition(b"PK\x03\x04")[0])
    with pytest.raises(UsageError, match=r'normalize="0\.\.1"'):
        tflconv.verify(bare, bare, (PIXELS, LABELS))


def test_a_metric_without_labels_says_so() -> None:
    with pytest.raises(UsageError, match="the metric top5 needs labels"):
        tflconv.verify(FLOAT, INT8, PIXELS / 255, metric="top5")
    with pytest.raises(UsageError, match=r"unknown metric 'top-1'.\nDid you mean top1"):
        tflconv.verify(FLOAT, INT8, PIXELS / 255, metric="top-1")  # type: ignore[arg-type]


def test_the_part_that_is_meant_is_taken(tmp_path: Path) -> None:
    both = npz(tmp_path, x_train=PIXELS[:9], y_train=LABELS[:9], x_test=PIXELS, y_test=LABELS)
    test, train = read(both), read(both, use="train")
    assert test is not None
    assert train is not None
    assert (len(test), len(train)) == (60, 9)
    only = npz(tmp_path, x_train=PIXELS[:9])
    with pytest.raises(UsageError, match="has no x_test or test_images") as no:
        read(only)
    assert "name them x" in (no.value.hint or "")


def test_arrays_that_numpy_named_are_inputs_and_then_labels(tmp_path: Path) -> None:
    file = tmp_path / "pair.npz"
    np.savez(file, PIXELS, LABELS)
    one, two = read(file, ranks=[4]), read(file, ranks=[4, 1])
    assert one is not None
    assert two is not None
    assert one.labels is not None
    np.testing.assert_array_equal(one.labels, LABELS)
    assert (len(one.inputs), len(two.inputs), two.labels) == (1, 2, None)


@pytest.mark.parametrize("labels", [np.eye(4)[LABELS], LABELS + 0.5])
def test_labels_that_are_no_classes_are_said_not_to_be_used(labels: np.ndarray) -> None:
    with pytest.warns(UserWarning, match=r"the labels of arrays are not used"):
        found = tflconv.verify(FLOAT, INT8, (PIXELS, labels), normalize="0..1")
    assert not found.has_classes


def test_a_model_of_two_inputs_takes_both_arrays(tmp_path: Path) -> None:
    pair = npz(tmp_path, x=np.zeros((5, 4)), y=np.ones((5, 4)))
    one, two = read(pair, ranks=[2]), read(pair, ranks=[2, 2])
    assert one is not None
    assert two is not None
    assert (len(one.inputs), one.labels is None) == (1, False)
    assert (two.names, two.labels) == (("x", "y"), None)


@pytest.mark.parametrize("form", [list, tuple])
def test_batches_for_several_inputs_come_in_their_order(form: Any) -> None:
    first, second = np.zeros((5, 3, 4)), np.ones((5, 2))
    found = read(form([first, second]), ranks=(3, 2))
    assert found is not None
    assert [each.tolist() for each in found.inputs] == [first.tolist(), second.tolist()]
    assert found.labels is None


def test_classes_in_a_file_name_the_outputs(tmp_path: Path) -> None:
    samples = read(npz(tmp_path, x=PIXELS, y=LABELS, classes=np.array(["a", "b", "c"])))
    assert samples is not None
    assert samples.classes == ("a", "b", "c")


def test_drawing_is_seeded_and_keeps_the_order() -> None:
    samples = Samples(name="s", inputs=(np.arange(100)[:, np.newaxis],), labels=np.arange(100))
    first, again, other = (samples.drawn(10, seed) for seed in (1, 1, 2))
    assert first.labels is not None
    assert first.digest == again.digest != other.digest
    assert sorted(first.labels) == first.labels.tolist()
    assert (first.inputs[0][:, 0] == first.labels).all()
    assert samples.drawn(1000) is samples


@pytest.mark.parametrize("form", ["numbers", "column", "floats", "names", "one of each"])
def test_a_draw_keeps_the_shares_of_classes_and_the_names_of_samples(form: str) -> None:
    numbers = np.array([0] * 80 + [1] * 16 + [2] * 4)
    labels = {
        "numbers": numbers,
        "column": numbers[:, np.newaxis],
        "floats": numbers.astype(np.float64),
        "names": np.array(["a", "b", "c"])[numbers],
        "one of each": np.eye(3)[numbers],
    }[form]
    samples = Samples(name="s", inputs=(np.arange(100)[:, np.newaxis],), labels=labels)
    drawn = samples.drawn(25)
    places = drawn.inputs[0][:, 0].tolist()
    assert np.bincount(numbers[places]).tolist() == [20, 4, 1]
    assert drawn.ids == tuple(f"s/{place}" for place in places)
    again = drawn.drawn(5)
    assert again.ids == tuple(f"s/{place}" for place in again.inputs[0][:, 0])
    whole = samples.split(numbers).stratified(25)  # as bench draws them
    assert whole.ids == drawn.ids


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    for name in ("own.npy", "own.npz"):
        save = np.save if name.endswith("npy") else np.savez
        save(tmp_path / name, np.array([{"a": 1}], object), allow_pickle=True)
        with pytest.raises(TflconvError, match=f"{name}.* damaged .*[Oo]bject"):
            read(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", b"no array", b"PK\x03\x04 x"])
@pytest.mark.parametrize("name", ["own.npy", "own.npz"])
def test_a_damaged_file_says_so(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TflconvError, match=name):
        read(tmp_path / name)


def test_a_file_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", x=np.zeros((40, 1 << 16), np.uint8))
    monkeypatch.setenv("TFLCONV_MAX_MEMBER_MB", "1")
    with pytest.raises(TflconvError, match=r"unpacks to more than 1 MB"):
        read_arrays(tmp_path / "bomb.npz")


def test_a_header_that_promises_more_than_there_is(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.save(stream, np.zeros((4, 4)))
    whole = stream.getvalue()
    huge = whole.replace(b"(4, 4), }          ", b"(1099511627776,), }")
    torn = whole.replace(b"(4, 4), }", b"(4, 4   )")
    for broken in (whole[:-8], huge, torn):
        with zipfile.ZipFile(tmp_path / "own.npz", "w") as archive:
            archive.writestr("x.npy", broken)
        with pytest.raises(TflconvError, match=r"own\.npz"):
            read(tmp_path / "own.npz")
