"""``convert --golden`` and a plan that says it: a contract beside each file, which keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import tflconv
from tflconv import cli
from tflconv.core.progress import Progress
from tflconv.errors import UsageError
from tflconv.model import golden
from tflconv.pipeline import plan, study

TINY = Path(__file__).parents[1] / "golden" / "models" / "tiny_float32.tflite"
CLASSES = ("one", "two", "zero")


@pytest.fixture
def shapes(tmp_path: Path) -> Path:
    """Pictures of the classes of the small model, larger than it takes them."""
    for number, name in enumerate(CLASSES):
        (tmp_path / "shapes" / name).mkdir(parents=True)
        for shade in range(6):
            image = Image.linear_gradient("L").rotate(90 * number).resize((20 + shade, 16))
            image.save(tmp_path / "shapes" / name / f"{shade}.png")
    return tmp_path / "shapes"


def test_convert_writes_a_contract_of_original_files_beside_each(
    shapes: Path, tmp_path: Path
) -> None:
    made = tflconv.convert(
        TINY, ["fp32", "static_wi8_ai8"], tmp_path / "a", dataset=str(shapes),
        calibration_count=6, golden=2,
    )  # fmt: skip
    originals = {file.read_bytes() for file in shapes.glob("*/*.png")}
    for file, contract in zip(made, made.golden, strict=True):
        assert contract == file.with_name(f"{file.stem}.golden.zip")
        read = golden.read(contract)
        assert {read.files[name] for name in read.names} <= originals
        assert {sample.label for sample in read.contract.samples} <= set(CLASSES)
        assert tflconv.verify(None, file, golden=contract).check().largest_difference == 0
    again = tflconv.convert(TINY, ["fp32"], tmp_path / "b", dataset=str(shapes), golden=2)
    assert again.golden[0].read_bytes() == made.golden[0].read_bytes()


def test_without_pictures_nothing_is_made(tmp_path: Path) -> None:
    told = list[Progress]()
    with pytest.raises(UsageError, match="there are no pictures for a golden contract"):
        tflconv.convert(TINY, ["fp32"], tmp_path / "a", golden=2, progress=told.append)
    assert not [each for each in told if "converting" in (each.message or "")]
    assert not (tmp_path / "a").exists()


def test_loose_pictures_of_a_calibration_will_do(shapes: Path, tmp_path: Path) -> None:
    loose = tmp_path / "loose"
    loose.mkdir()
    for number, file in enumerate(sorted(shapes.glob("*/*.png"))[:4]):
        file.rename(loose / f"{number}.png")
    (loose / "notes.txt").write_text("no picture")
    words = ["convert", str(TINY), "--recipe", "fp32", "--calibration", str(loose)]
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, "--golden", "3", "-o", str(tmp_path / "a")])
    assert ended.value.code == 0
    (contract,) = (tmp_path / "a").glob("*.golden.zip")
    read = golden.read(contract)
    assert len(read.contract.samples) == 3
    assert {sample.label for sample in read.contract.samples} == {None}


PLAN = """
name = "shapes"
dataset = "{shapes}"
recipes = ["fp32"]
golden = 2

[[models]]
model = "{model}"

[bench]
num_runs = 2
min_secs = 0.0
warmup_min_secs = 0.0
rate_hz = 0.0
profile_runs = 0
"""


def test_a_study_holds_devices_to_the_contracts_of_its_files(shapes: Path, tmp_path: Path) -> None:
    planned = plan.parse(PLAN.format(shapes=shapes, model=TINY))
    outcome = study.run(planned, tmp_path / "run")
    assert not outcome.failures, outcome.failures
    (run,) = outcome.results.runs
    assert run.conditions.golden is not None
    assert (run.conditions.golden.kept, run.conditions.golden.total) == (2, 2)
    (file,) = (tmp_path / "run" / "models").glob("*.golden.zip")
    assert golden.read(file).contract.model_sha256 == run.model.sha256
