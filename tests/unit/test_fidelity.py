"""The file of every recipe is held against the float model it was made of."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tiny_graphs import Builder

import tflconv
from tflconv import cli, recipe
from tflconv.conversion import Calibration, Rewrite
from tflconv.conversion.calibration import measure, measure_with_answers
from tflconv.data import Split
from tflconv.errors import TflconvError, UsageError, VerificationFailed
from tflconv.pipeline import answers, plan
from tflconv.pipeline.answers import Reference, Sample, TfliteFile
from tflconv.pipeline.fidelity import Fidelity, compare
from tflconv.tflite import packing
from tflconv.verification import comparing

GOLDEN = Path(__file__).parents[1] / "golden" / "models" / "tiny_float32.tflite"
SCORES = hnp.arrays(np.float32, (6, 5), elements=st.floats(0.125, 1, width=32))


def told(expected: object, received: object) -> Fidelity:
    pair = (np.asarray(values, np.float32) for values in (expected, received))
    return compare(*({"scores": values} for values in pair), source="photos")


def test_the_least_cosine_is_that_of_the_worst_sample() -> None:
    found = told([[1, 0], [3, 4]], [[5, 0], [4, 3]])
    assert found.cosine == pytest.approx(24 / 25)
    assert found.agreement == 0.5


def test_outputs_of_one_value_are_one_direction_of_all_samples() -> None:
    assert told([[3], [4]], [[4], [3]]).cosine == pytest.approx(24 / 25)
    assert told([[3], [4]], [[-3], [-4]]).cosine == -1
    assert told([[3], [4]], [[4], [3]]).agreement is None


def test_an_answer_of_nothing_has_no_direction() -> None:
    assert told([[100, 0], [0, 1e-3]], [[100, 0], [0, 0]]).cosine == 1
    assert told([[0, 0], [0, 0]], [[0, 0], [0, 0]]).cosine == 1
    assert told([[100, 0], [0, 50]], [[100, 0], [0, 0]]).cosine == 0


def test_an_answer_that_is_no_number_is_wrong_unless_the_model_gives_it() -> None:
    assert told([[1, 2]], [[1, np.nan]]).cosine == 0
    assert told([[1, np.inf]], [[1, np.inf]]).cosine == 1


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 6), min_size=1, max_size=8))
def test_of_equal_scores_the_first_is_the_choice_as_in_verify(rows: list[tuple[int, ...]]) -> None:
    scores = np.array(rows, np.float32).reshape(-1, 2, 3)
    reference, target = scores[:, 0], scores[:, 1]
    numbers = np.zeros(len(rows), np.int64)
    pictures = np.zeros((len(rows), 1, 1, 1), np.uint8)
    split = Split(images=pictures, labels=numbers, ids=tuple(map(str, numbers)))
    verified = comparing.compare(reference, target, split, classes=("a", "b", "c"))
    assert told(reference, target).agreement == verified.agreement


def test_the_worst_output_counts() -> None:
    good, bad = np.eye(3, dtype=np.float32), -np.eye(3, dtype=np.float32)
    found = compare({"a": good, "b": good}, {"a": good, "b": bad}, "photos")
    assert (found.cosine, found.agreement) == (-1, 0)


@given(scores=SCORES, factor=st.floats(0.5, 2))
def test_a_scaled_answer_is_close_and_a_shifted_output_is_not(
    scores: np.ndarray, factor: float
) -> None:
    assert told(scores, scores * factor).cosine == pytest.approx(1, abs=1e-6)
    turned = np.roll(scores, 1, axis=1)
    assert (told(scores, turned).cosine or 0) <= 1
    alone = np.eye(5, dtype=np.float32)
    assert told(alone, np.roll(alone, 1, axis=1)).cosine == 0


def test_it_comes_back_from_json() -> None:
    for found in (told([[1, 2]], [[1, 2]]), Fidelity(samples=16, source="noise", trouble="why")):
        assert Fidelity.from_json(found.to_json()) == found


@pytest.mark.parametrize("name", recipe.SCHEMES)
def test_a_file_made_of_a_file_is_held_against_it(name: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    given_ = str(tmp_path / "pixels.npy")
    made = tflconv.convert(GOLDEN, [name], tmp_path, calibration=given_)
    (found,) = made.fidelity
    assert found.cosine is not None
    assert 0.99 <= found.cosine <= 1
    assert (found.samples, found.source) == (16, "pixels.npy")
    assert found.agreement == 1


def test_noise_stands_in_for_samples(tmp_path: Path) -> None:
    (found,) = tflconv.convert(GOLDEN, ["fp16"], tmp_path).fidelity
    assert (found.samples, found.source) == (16, "noise")
    assert found.cosine == pytest.approx(1, abs=1e-4)


def test_a_file_without_names_is_compared_too(tmp_path: Path) -> None:
    model = packing.unpack(GOLDEN.read_bytes())
    model.signatureDefs = None
    for tensor in model.subgraphs[0].tensors:
        tensor.name = None
    (tmp_path / "bare.tflite").write_bytes(packing.pack(model))
    (found,) = tflconv.convert(tmp_path / "bare.tflite", ["fp32"], tmp_path / "made").fidelity
    assert found.cosine == pytest.approx(1)


@pytest.fixture
def ruined(tmp_path: Path) -> Path:
    """A model whose int8 weights lose everything to one that no sample uses."""
    weights = np.random.default_rng(0).normal(size=(32, 32))
    weights[:, 0] = 1e4
    builder = Builder()
    source = builder.tensor((1, 32))
    kernel = builder.tensor((32, 32), values=weights)
    bias, scores = builder.tensor((32,), values=np.zeros(32)), builder.tensor((1, 32))
    builder.op("FULLY_CONNECTED", [source, kernel, bias], [scores])
    samples = np.random.default_rng(1).normal(size=(20, 32)).astype(np.float32)
    samples[:, 0] = 0
    np.save(tmp_path / "samples.npy", samples)
    return builder.write(tmp_path / "ruined.tflite", [source], [scores])


def command(model: Path, folder: Path, *arguments: str) -> int:
    samples = str(model.with_name("samples.npy"))
    given_ = ["--recipe", "dynamic_wi8_afp32", "--calibration", samples, *arguments]
    with pytest.raises(SystemExit) as ended:
        cli.main(["convert", str(model), "-o", str(folder), *given_])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_file_that_is_not_close_is_told(
    ruined: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(ruined, tmp_path / "made", "--json") == 0
    said = capsys.readouterr()
    (row,) = json.loads(said.out)
    assert row["cosine"] < 0.99
    assert row["agreement"] < 1
    assert row["compared on"] == "16 of samples.npy"
    assert "Warning: ruined-dynamic_wi8_afp32.tflite: the file is not close" in said.err


@pytest.mark.parametrize("least", ["0.9", "90%"])
def test_a_file_below_the_least_cosine_is_refused_and_none_is_written(
    least: str, ruined: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--recipe", "fp32", "--min-cosine", least)
    assert command(ruined, tmp_path / "made", *arguments) == 4
    assert "asked for 0.9" in capsys.readouterr().err
    assert not (tmp_path / "made").exists()
    with pytest.raises(VerificationFailed, match=r"asked for 0\.9"):
        tflconv.convert(
            ruined,
            ["dynamic_wi8_afp32"],
            tmp_path / "made",
            calibration=str(ruined.with_name("samples.npy")),
            min_cosine=0.9,
        )
    assert command(ruined, tmp_path / "made", "--min-cosine", "-1pt") == 2


def test_a_plan_says_the_least_cosine() -> None:
    text = 'name="a"\ndataset="mnist"\nrecipes=["fp32"]\nmin_cosine="{}"\n[[models]]\nmodel="vit"\n'
    assert plan.parse(text.format("0.99")).min_cosine == "0.99"
    with pytest.raises(UsageError, match="not a share"):
        plan.parse(text.format("99"))


def test_a_model_that_gave_no_answer_fails_a_limit() -> None:
    silent = Fidelity(samples=16, source="noise", trouble="TensorFlow cannot run it")
    silent.check(None, "a.tflite")
    with pytest.raises(VerificationFailed, match="could not be compared"):
        silent.check(0.5, "a.tflite")


def multiplied(by: str, path: Path) -> Path:
    """A file that multiplies its input with a function of it."""
    build = Builder()
    source, factor = build.tensor((1, 4), name="x"), build.tensor((1, 4))
    build.op(by, [source], [factor])
    product = build.tensor((1, 4), name="y")
    build.op("MUL", [source, factor], [product])
    return build.write(path, [source], [product])


def test_a_file_that_breaks_on_zeros_is_told(tmp_path: Path) -> None:
    sound, broken = multiplied("EXP", tmp_path / "a"), multiplied("RSQRT", tmp_path / "b")
    found = Reference(sound).measure(broken, calibration=None, card=None, seed=0)
    assert found.breaks_on_zeros
    assert "answers an input of zeros with NaN or infinity" in str(found.warning)
    for each in (sound, broken):  # a model that breaks itself is not blamed on the file
        found = Reference(each).measure(each, calibration=None, card=None, seed=0)
        assert not found.breaks_on_zeros


class Counted(TfliteFile):
    """A model that counts its answers."""

    asked = 0

    def answer(self, sample: Sample) -> Sample:
        self.asked += 1
        return super().answer(sample)


class Counting(TfliteFile):
    """A file that counts the answers of all of its kind."""

    answers = 0

    def answer(self, sample: Sample) -> Sample:
        Counting.answers += 1
        return super().answer(sample)


@pytest.mark.parametrize(("target", "runs"), [("EXP", 1), ("TANH", 17)])
def test_a_file_that_was_asked_already_is_not_run_again(
    target: str, runs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more run is that of zeros."""
    lowered, file = multiplied("EXP", tmp_path / "a"), multiplied(target, tmp_path / "b")
    monkeypatch.setattr(answers, "TfliteFile", Counting)
    reference = Reference(lowered, lowered.read_bytes())
    first = reference.measure(lowered, calibration=None, card=None, seed=0)
    Counting.answers = 0
    again = reference.measure(file, calibration=None, card=None, seed=0)
    assert Counting.answers == runs
    assert (again == first) == (target == "EXP")


@pytest.mark.parametrize(("lowered", "asked"), [("EXP", 4), ("ABS", 16), (None, 16)])
def test_the_float_file_answers_for_a_model_that_it_gives_the_answers_of(
    lowered: str | None, asked: int, tmp_path: Path
) -> None:
    model, target = multiplied("EXP", tmp_path / "model"), multiplied("TANH", tmp_path / "target")
    content = multiplied(lowered, tmp_path / "lowered").read_bytes() if lowered else None
    counted = Counted(model)
    reference = Reference(counted, content)  # type: ignore[arg-type]
    told = reference.measure(target, calibration=None, card=None, seed=0)
    assert counted.asked == asked
    alone = Reference(model).measure(target, calibration=None, card=None, seed=0)
    assert told.cosine == pytest.approx(alone.cosine)
    assert told.agreement == alone.agreement


@pytest.mark.parametrize(("factor", "runs"), [(1, 4 + 1), (1.01, 16 + 1)])
def test_answers_seen_while_ranges_were_measured_count_if_they_are_right(
    factor: float, runs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more run is that of zeros."""
    lowered, other = multiplied("EXP", tmp_path / "a"), multiplied("TANH", tmp_path / "b")
    content = lowered.read_bytes()
    samples = Calibration.of_values("drawn", np.random.default_rng(0).uniform(-1, 1, (40, 4)))
    _, seen = measure_with_answers(content, samples)
    told = [{name: factor * values for name, values in one.items()} for one in seen or ()]
    monkeypatch.setattr(answers, "TfliteFile", Counting)
    reference = Reference(TfliteFile(lowered), content, lambda _: told)  # type: ignore[arg-type]
    Counting.answers = 0
    found = reference.measure(lowered, calibration=samples, card=None, seed=0)
    assert (Counting.answers, found.cosine) == (runs, pytest.approx(1, abs=1e-6))
    Counting.answers = 0
    wrong = reference.measure(other, calibration=samples, card=None, seed=0)
    alone = Reference(lowered).measure(other, calibration=samples, card=None, seed=0)
    assert wrong.cosine == pytest.approx(alone.cosine)
    assert (wrong.cosine or 0) < 0.99


def test_answers_come_with_the_ranges_by_name_for_the_samples_that_are_compared() -> None:
    draws = np.random.default_rng(0).uniform(size=(40, 8, 8, 1))
    samples = Calibration.of_values("drawn", draws)
    ranges, seen = measure_with_answers(GOLDEN.read_bytes(), samples)
    file = TfliteFile(GOLDEN)
    (name,) = file.inputs
    assert seen is not None
    assert len(seen) == 16
    for place, answer in zip(samples.few, seen, strict=True):
        wanted = file.answer({name: draws[[place]].astype(np.float32)})
        assert list(answer) == list(wanted)
        for output, values in wanted.items():
            np.testing.assert_allclose(answer[output], values, atol=1e-5)
    assert ranges.keys() == measure(GOLDEN.read_bytes(), samples).keys()


@pytest.mark.parametrize("rewrite", ["auto", "as-is"])
def test_a_file_that_does_not_run_is_called_as_it_would_be(
    rewrite: Rewrite, tmp_path: Path
) -> None:
    """LiteRT divides 16-bit integers by nothing that was rounded to 0."""
    build = Builder()
    source, quotient = build.tensor((1, 2), name="x"), build.tensor((1, 2), name="y")
    build.op("DIV", [build.tensor((1, 2), values=np.ones((1, 2))), source], [quotient])
    file = build.write(tmp_path / "mine.tflite", [source], [quotient])
    values = np.array([[1e-6, 1000.0]] * 4, np.float32)
    with pytest.raises(TflconvError, match=r"cannot run mine-static_wi8_ai16\.tflite: ") as no:
        tflconv.convert(file, ["static_wi8_ai16"], tmp_path, calibration=values, rewrite=rewrite)
    assert str(no.value.hint).startswith("No runtime would take this file.")


def test_a_model_that_answers_nothing_but_nan_is_close_to_nothing() -> None:
    nan = {"y": np.full((4, 3), np.nan, np.float32)}
    found = compare(nan, nan, "noise")
    assert (found.cosine, found.agreement) == (None, None)
    assert "the model itself answers with NaN" in str(found.warning)
