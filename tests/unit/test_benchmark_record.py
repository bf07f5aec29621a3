"""A rerun takes what was measured alike from the file, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tflconv.benchmark import BenchmarkConfig, recorded_settings
from tflconv.benchmark.record import FinishedRuns
from tflconv.cli import main
from tflconv.errors import TflconvError
from tflconv.results import BenchmarkRun, DeviceInfo, Latency, MeasuredModel, Software

GOLDEN = Path(__file__).parents[1] / "golden" / "models"
CONFIG = recorded_settings(BenchmarkConfig())


def software(digit: str) -> Software:
    return Software(name="part", version="1", sha256=digit * 64)


RUN = BenchmarkRun(
    model=MeasuredModel(slug="m", name="m", recipe="fp32", sha256="a" * 64, bytes=1),
    device=DeviceInfo(id="adb:1", kind="phone", name="p", abi="arm64", os="Android", build="b1"),
    harness=software("1"),
    runtime=software("2"),
    config=CONFIG,
    started="then",
    latency=Latency(samples_ns=(1, 2, 3)),
)
OUTLINE = replace(RUN, latency=None, started="now")


def resumed(file: Path, *devices: str, config: dict[str, object] = CONFIG) -> FinishedRuns:
    record = FinishedRuns(file)
    record.resume(devices or ["adb:1"], [(RUN.model.sha256, config)])
    return record


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """What a command left that was cut after its first run."""
    FinishedRuns(tmp_path / "results.json").add(RUN)
    return tmp_path / "results.json"


def test_what_was_measured_is_found(file: Path) -> None:
    assert resumed(file).find(OUTLINE) == RUN


def test_a_file_that_was_renamed_is_found_by_its_content(file: Path) -> None:
    renamed = replace(RUN.model, slug="n", baseline="o")
    run = resumed(file).find(replace(OUTLINE, model=renamed))
    assert run == replace(RUN, model=renamed)


@pytest.mark.parametrize(
    "other",
    [
        replace(OUTLINE, model=replace(RUN.model, sha256="b" * 64)),
        replace(OUTLINE, device=replace(RUN.device, build="b2")),
        replace(OUTLINE, harness=software("3")),
        replace(OUTLINE, runtime=software("3")),
        replace(OUTLINE, config={**CONFIG, "num_threads": 2}),
        replace(OUTLINE, config={**CONFIG, "test_set_sha256": "0" * 16}),
    ],
    ids=["model", "Android update", "harness", "runtime", "threads", "pictures"],
)
def test_what_differs_in_anything_is_measured_anew(file: Path, other: BenchmarkRun) -> None:
    assert resumed(file).find(other) is None


def test_a_longer_timeout_changes_no_figure(file: Path) -> None:
    longer = {**CONFIG, "timeout": 999.0}
    assert resumed(file, config=longer).find(replace(OUTLINE, config=longer)) == RUN


def test_the_file_holds_what_this_command_asks_for(file: Path) -> None:
    assert resumed(file, "adb:").results.runs == (RUN,)
    assert resumed(file, "host").results.runs == ()
    assert resumed(file, config={**CONFIG, "num_runs": 7}).results.runs == ()


def test_without_a_file_nothing_was_measured(tmp_path: Path) -> None:
    assert resumed(tmp_path / "none.json").find(OUTLINE) is None
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_results_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "thesis.json").write_text("{}")
    with pytest.raises(TflconvError, match=r"thesis\.json is not a tflconv results file"):
        resumed(tmp_path / "thesis.json")
    assert (tmp_path / "thesis.json").read_text() == "{}"


def test_an_input_file_counts_by_its_content(tmp_path: Path) -> None:
    numbers = tmp_path / "numbers"
    settings = []
    for content in (b"1", b"2"):
        numbers.write_bytes(content)
        settings.append(recorded_settings(BenchmarkConfig(input_file=str(numbers))))
    assert settings[0] != settings[1]


def test_the_same_command_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results.json"
    quick = ["--num-runs=2", "--min-secs=0", "--warmup-min-secs=0", "--rate-hz=0"]
    command = [*quick, "--profile-runs=0", "--export-json", str(results)]
    one, two = str(GOLDEN / "tiny_int8.tflite"), str(GOLDEN / "tiny_float32.tflite")

    def bench(*arguments: str) -> list[dict[str, object]]:
        with pytest.raises(SystemExit) as ended:
            main(["bench", *arguments, *command])
        assert ended.value.code == 0
        runs: list[dict[str, object]] = json.loads(results.read_text())["runs"]
        return runs

    (first,) = bench(one)
    kept, _ = bench(one, two)
    assert kept == first
    assert "tiny_int8.tflite on host measured before" in capsys.readouterr().err
    anew, _ = bench(one, two, "--again")
    assert anew["latency"] != first["latency"]
    assert "measured before" not in capsys.readouterr().err
