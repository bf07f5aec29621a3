"""Golden contracts: what is in the zip, who takes it, and where an app parts from it."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import golden_app as app
import numpy as np
import pytest
from PIL import Image

import tflconv
from tflconv import cli, data
from tflconv.errors import TflconvError, UsageError, VerificationFailed
from tflconv.model import golden
from tflconv.model.golden import Golden
from tflconv.service.starting import golden_pictures

KINDS = ("float32", "int8")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {kind: app.model(folder / f"{kind}.tflite", kind) for kind in KINDS}


@pytest.fixture(scope="module")
def contracts(files: dict[str, Path]) -> dict[str, Golden]:
    return {kind: app.contract(file) for kind, file in files.items()}


@pytest.fixture
def zips(contracts: dict[str, Golden], tmp_path: Path) -> dict[str, Path]:
    return {k: golden.write(each, tmp_path / f"{k}.golden.zip") for k, each in contracts.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_contract_is_read_as_it_was_written(
    kind: str, contracts: dict[str, Golden], zips: dict[str, Path]
) -> None:
    read, made = golden.read(zips[kind]), contracts[kind]
    assert read.contract == made.contract
    assert read.files == made.files
    assert read.expected.tolist() == made.expected.tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_its_inputs_are_what_the_pictures_become_by_hand(
    kind: str, contracts: dict[str, Golden]
) -> None:
    for sample in contracts[kind].contract.samples:
        pixels = app.cropped(app.upright(contracts[kind].files[sample.picture]))
        values = app.normalized(pixels)
        expected = values if kind == "float32" else app.quantized(values)
        assert contracts[kind].files[sample.input] == expected.tobytes()


def test_equal_contracts_are_equal_bytes(contracts: dict[str, Golden], tmp_path: Path) -> None:
    first, second = (golden.write(contracts["int8"], tmp_path / f"{n}.golden.zip") for n in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_the_zip_needs_nothing_of_ours(zips: dict[str, Path]) -> None:
    with zipfile.ZipFile(zips["int8"]) as archive:
        told = json.loads(archive.read("golden.json"))
        assert archive.testzip() is None
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        kotlin = archive.read("GoldenCheck.kt").decode()
        sizes = {Image.open(io.BytesIO(archive.read(s["picture"]))).size for s in told["samples"]}
    assert sizes == {(52, 36)}, "the pictures are the original files"
    assert told["labels"] == ["a", "b", "c", "d"]
    assert (told["input"]["dtype"], told["output"]["scale"]) == ("int8", pytest.approx(app.OUTPUT))
    assert told["preprocessing"]["mean"] == [120.0, 115.0, 100.0]
    assert len(told["preprocessing"]["steps"]) == 4
    for key in ("picture", "input_sha256", "outputs", "golden_outputs"):  # as the log has them
        assert f'"{key}"' in kotlin


def test_the_tolerance_is_two_steps_or_a_fiftieth_of_the_range(
    contracts: dict[str, Golden],
) -> None:
    exact, quantized = contracts["float32"], contracts["int8"]
    assert exact.contract.tolerance == pytest.approx(0.02 * np.ptp(exact.expected), rel=1e-5)
    assert quantized.contract.tolerance >= 2 * app.OUTPUT


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_keeps_its_own_contract(
    kind: str, files: dict[str, Path], zips: dict[str, Path]
) -> None:
    found = tflconv.verify(None, files[kind], golden=zips[kind]).check()
    assert found.largest_difference == 0
    assert (found.total, found.agreement) == (3, 1.0)


def test_another_model_breaks_it(
    files: dict[str, Path], zips: dict[str, Path], tmp_path: Path
) -> None:
    content = files["float32"].read_bytes()
    weights = np.random.default_rng(24004).normal(size=96).astype(np.float32).tobytes()
    assert weights in content
    other = tmp_path / "other.tflite"
    other.write_bytes(content.replace(weights, weights[::-1][:0] + weights[4:] + weights[:4]))
    found = tflconv.verify(None, other, golden=zips["float32"])
    with pytest.raises(VerificationFailed, match=r"outputs differ from float32\.golden\.zip by up"):
        found.check()


def test_a_model_of_another_shape_is_no_version_of_it(zips: dict[str, Path]) -> None:
    tiny = Path(__file__).parents[1] / "golden" / "models" / "tiny_int8.tflite"
    with pytest.raises(UsageError, match="is not a version of int8"):
        tflconv.verify(None, tiny, golden=zips["int8"])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["{file}"], "there is nothing to compare with"),
        (["{file}", "{file}", "--golden", "{zip}"], "reference: the golden contract says it"),
        (["{file}", "--golden", "{zip}", "--pictures", "2"], "pictures: the golden contract says"),
        (["{file}", "{file}", "--app-log", "{zip}"], "a log of an app is about the pictures of a"),
        (["{file}", "--golden", "none.golden.zip"], "there is no golden contract at none"),
        (["{file}", "--golden", "{file}"], "the golden contract is damaged"),
    ],
)
def test_wrong_calls_say_what_to_do(
    words: list[str],
    told: str,
    files: dict[str, Path],
    zips: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = {"file": files["float32"], "zip": zips["float32"]}
    with pytest.raises(SystemExit) as ended:
        cli.main(["verify", *(word.format_map(names) for word in words)])
    assert ended.value.code in (1, 2)
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"version": 2}, "version must be 1"),
        ({"tolerance": -1.0}, "tolerance must be 0 or more"),
        ({"samples": []}, "samples must be 1 to 1000"),
        ({"labels": ["a"]}, "labels must be one per output"),
    ],
)
def test_a_contract_that_contradicts_itself_is_refused(
    change: dict[str, object], told: str, zips: dict[str, Path], tmp_path: Path
) -> None:
    other = changed(zips["int8"], tmp_path / "other.golden.zip", **change)
    with pytest.raises(TflconvError, match=told):
        golden.read(other)


def test_pictures_are_members_of_the_zip_and_no_paths(
    zips: dict[str, Path], tmp_path: Path
) -> None:
    with zipfile.ZipFile(zips["int8"]) as archive:
        samples = json.loads(archive.read("golden.json"))["samples"]
    samples[0]["picture"] = "pictures/../../etc/passwd"
    other = changed(zips["int8"], tmp_path / "other.golden.zip", samples=samples)
    with pytest.raises(TflconvError, match="picture must be pictures/0"):
        golden.read(other)


def test_an_input_that_was_changed_is_found(contracts: dict[str, Golden], tmp_path: Path) -> None:
    made = contracts["int8"]
    bad = replace(made, files={**made.files, "inputs/0.bin": bytes(16 * 16 * 3)})
    with pytest.raises(TflconvError, match=r"inputs/0\.bin is not what its contract hashed"):
        golden.read(golden.write(bad, tmp_path / "bad.golden.zip"))
    short = replace(made, files={**made.files, "inputs/0.bin": b"x"})
    with pytest.raises(TflconvError, match=r"inputs/0\.bin has 1 bytes, and the input has 768"):
        golden.read(golden.write(short, tmp_path / "short.golden.zip"))


def changed(source: Path, target: Path, **values: object) -> Path:
    """A copy of a contract with other ``values`` in its JSON."""
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w") as copy:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "golden.json":
                content = json.dumps(json.loads(content) | values).encode()
            copy.writestr(name, content)
    return target


def test_serve_takes_the_answers_of_a_contract(
    contracts: dict[str, Golden], zips: dict[str, Path]
) -> None:
    found = golden_pictures(zips["int8"])
    assert [label for label, _ in found] == list(contracts["int8"].answers)
    assert found[0][1] == app.picture(0)


def test_originals_are_the_files_of_a_dataset(tmp_path: Path) -> None:
    for label in "ab":
        (tmp_path / "shapes" / label).mkdir(parents=True)
        for number in range(5):
            (tmp_path / "shapes" / label / f"{number}.png").write_bytes(app.picture(number))
    dataset = data.load(tmp_path / "shapes", resolution=8)
    found = data.original_files(str(tmp_path / "shapes"), dataset.test.ids)
    assert set(found) == set(dataset.test.ids)
    assert set(found.values()) <= {app.picture(number) for number in range(5)}
    assert not data.original_files("mnist-sample", ("test/0",))
