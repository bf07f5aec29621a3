"""Where an app parts from a golden contract: each mistake, made on purpose, is named."""

from __future__ import annotations

import io
from pathlib import Path

import golden_app as app
import numpy as np
import pytest
from PIL import Image

import tflconv
from tflconv import cli
from tflconv.errors import TflconvError
from tflconv.model import golden
from tflconv.model.golden import Golden
from tflconv.verification import parting

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


def right(content: bytes) -> np.ndarray:
    return app.normalized(app.cropped(app.upright(content)))


def swapped(content: bytes) -> np.ndarray:
    return app.normalized(app.cropped(app.upright(content))[..., ::-1])


def unit(content: bytes) -> np.ndarray:
    return app.cropped(app.upright(content)).astype(np.float32) / np.float32(255)


def stretched(content: bytes) -> np.ndarray:
    image = app.upright(content).resize((app.SIDE, app.SIDE), Image.Resampling.BILINEAR)
    return app.normalized(np.asarray(image))


def bicubic(content: bytes) -> np.ndarray:
    return app.normalized(app.cropped(app.upright(content), Image.Resampling.BICUBIC))


def nearest(content: bytes) -> np.ndarray:
    """By the pixel at the centre, as ``createScaledBitmap`` without a filter takes it."""
    image = app.upright(content)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    place = np.rint((np.arange(app.SIDE) + 0.5) * side / app.SIDE - 0.5).astype(int)
    pixels = np.asarray(image)[top : top + side, left : left + side][place][:, place]
    return app.normalized(pixels)


def lying(content: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(content)).convert("RGB")  # EXIF is not looked at
    return app.normalized(app.cropped(image))


def turned(content: bytes) -> np.ndarray:
    return app.normalized(app.cropped(app.upright(content).rotate(180)))


def big_endian(content: bytes) -> np.ndarray:
    return right(content).astype(">f4").view("<f4")


def both(content: bytes) -> np.ndarray:
    image = app.upright(content).resize((app.SIDE, app.SIDE), Image.Resampling.BILINEAR)
    return app.normalized(np.asarray(image)[..., ::-1])


FLOAT_FAULTS = {
    "colour order": swapped, "normalization": unit, "crop": stretched, "resize": bicubic,
    "resize ": nearest, "rotation": lying, "rotation ": turned, "byte order": big_endian,
}  # fmt: skip


@pytest.mark.parametrize("stage", FLOAT_FAULTS)
def test_each_mistake_of_an_app_is_named_by_the_hash_of_its_input(
    stage: str, contracts: dict[str, Golden], files: dict[str, Path], tmp_path: Path
) -> None:
    found = searched("float32", FLOAT_FAULTS[stage], contracts, files, tmp_path)
    assert found.stages == (stage.strip(),), found
    assert found.evidence == "hash of the input"


QUANTIZATION = {
    "as they are": lambda content: app.cropped(app.upright(content)).astype(np.int8),
    "less 128": lambda content: (app.cropped(app.upright(content)).astype(int) - 128).astype(
        np.int8
    ),
    "rounded down": lambda content: np.clip(
        np.floor(right(content) / np.float32(app.SCALE) + app.ZERO), -128, 127
    ).astype(np.int8),
    "zero point": lambda content: np.clip(
        np.rint(right(content) / np.float32(app.SCALE)), -128, 127
    ).astype(np.int8),
    "are cast": lambda content: right(content).astype(np.int8),
}


@pytest.mark.parametrize("told", QUANTIZATION)
def test_each_mistake_of_quantization_is_named(
    told: str, contracts: dict[str, Golden], files: dict[str, Path], tmp_path: Path
) -> None:
    found = searched("int8", QUANTIZATION[told], contracts, files, tmp_path)
    assert found.stages == ("quantization",), found
    assert told in found.told[0]


def test_two_mistakes_at_once_are_both_named(
    contracts: dict[str, Golden], files: dict[str, Path], tmp_path: Path
) -> None:
    found = searched("float32", both, contracts, files, tmp_path)
    assert sorted(found.stages) == ["colour order", "crop"]
    assert found.evidence == "hash of the input"


@pytest.mark.parametrize("stage", ["colour order", "normalization", "crop", "rotation "])
def test_without_hashes_outputs_tell_the_mistake(
    stage: str, contracts: dict[str, Golden], files: dict[str, Path], tmp_path: Path
) -> None:
    make = FLOAT_FAULTS[stage]
    found = searched("float32", make, contracts, files, tmp_path, hashed=False)
    assert found.stages == (stage.strip(),), found
    assert found.evidence == "outputs"


def test_an_input_that_differs_in_rounding_only_is_no_mistake(
    contracts: dict[str, Golden], files: dict[str, Path], tmp_path: Path
) -> None:
    def nearly(content: bytes) -> np.ndarray:
        return right(content) * np.float32(1.000001)

    assert searched("float32", nearly, contracts, files, tmp_path).is_nothing


def test_another_model_in_the_app_is_told_from_another_input(
    contracts: dict[str, Golden], files: dict[str, Path], tmp_path: Path
) -> None:
    def other(outputs: np.ndarray) -> np.ndarray:
        return np.roll(outputs, 1)

    found = searched("float32", right, contracts, files, tmp_path, read=other)
    assert found.stages == ("model",)


READINGS = {
    "not dequantized": lambda outputs: np.rint(outputs / app.OUTPUT),
    "a softmax is applied": lambda outputs: (
        np.exp(outputs - outputs.max()) / np.exp(outputs - outputs.max()).sum()
    ),
    "sorted": lambda outputs: np.sort(outputs)[::-1],
    "wrong sign": lambda outputs: np.rint(outputs / app.OUTPUT) % 256,
}


@pytest.mark.parametrize("told", READINGS)
def test_outputs_that_are_misread_are_told(
    told: str, contracts: dict[str, Golden], files: dict[str, Path], tmp_path: Path
) -> None:
    def make(content: bytes) -> np.ndarray:
        return app.quantized(right(content))

    found = searched("int8", make, contracts, files, tmp_path, read=READINGS[told])
    assert found.stages == ("outputs",)
    assert told in found.told[0]


def test_outputs_that_are_no_numbers_are_far(
    contracts: dict[str, Golden], files: dict[str, Path], tmp_path: Path
) -> None:
    def nothing(outputs: np.ndarray) -> np.ndarray:
        return np.full_like(outputs, np.nan)

    found = searched("float32", right, contracts, files, tmp_path, read=nothing)
    assert found.stages == ("model",)


def test_what_is_none_of_the_mistakes_is_said_to_be_unknown(
    contracts: dict[str, Golden], files: dict[str, Path], tmp_path: Path
) -> None:
    def noise(content: bytes) -> np.ndarray:
        random = np.random.default_rng(len(content))
        return random.normal(size=(app.SIDE, app.SIDE, 3)).astype(np.float32)

    found = searched("float32", noise, contracts, files, tmp_path)
    assert found.stages == ("unknown",)


def searched(
    kind: str,
    make: app.Make,
    contracts: dict[str, Golden],
    files: dict[str, Path],
    folder: Path,
    **how: object,
) -> parting.Parting:
    """What ``verify`` finds of an app that makes its inputs by ``make``."""
    log = app.log(contracts[kind], files[kind], folder / "app.jsonl", make, **how)  # type: ignore[arg-type]
    source = golden.write(contracts[kind], folder / f"{kind}.golden.zip")
    found = tflconv.verify(None, files[kind], golden=source, app_log=log)
    assert found.parting is not None
    return found.parting


def test_the_command_names_the_stage_and_ends_with_4(
    contracts: dict[str, Golden],
    files: dict[str, Path],
    zips: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = app.log(contracts["float32"], files["float32"], tmp_path / "phone.jsonl", swapped)
    words = ["verify", str(files["float32"]), "--golden", str(zips["float32"])]
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, "--app-log", str(log)])
    out, err = capsys.readouterr()
    assert ended.value.code == 4
    assert "colour order: red and blue are swapped (known by the hash of the input)" in out
    assert "the app differs from it in colour order" in err
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the app logged nothing"),
        ("no json", "the log of the app is damaged"),
        ('{"picture": "pictures/9.png", "outputs": [1, 2, 3, 4]}', "is not a picture of"),
        ('{"picture": "pictures/0.png", "outputs": [1, 2]}', "has 2 outputs, and the model of"),
        ('{"picture": "pictures/0.png"}', "the log of the app is damaged"),
        ("[[[", "the log of the app is damaged"),
    ],
)
def test_a_log_that_is_none_is_refused_with_a_reason(
    text: str, told: str, files: dict[str, Path], zips: dict[str, Path], tmp_path: Path
) -> None:
    log = tmp_path / "app.jsonl"
    log.write_text(text)
    with pytest.raises(TflconvError, match=told):
        tflconv.verify(None, files["float32"], golden=zips["float32"], app_log=log)
