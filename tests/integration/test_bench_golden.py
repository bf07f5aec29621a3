"""Devices held to a golden contract, starts with a weight cache, and half precision."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tflconv
from tflconv import cli, results
from tflconv.benchmark import BenchmarkConfig, bench
from tflconv.device.host import Host
from tflconv.errors import UsageError
from tflconv.model import golden, golden_making
from tflconv.model.card import require_card
from tflconv.model.golden_making import GoldenPicture, as_png
from tflconv.results import MeasuredModel, Start

MODELS = Path(__file__).parents[1] / "golden" / "models"
FILES = [MODELS / "tiny_float32.tflite", MODELS / "tiny_int8.tflite"]
QUICK = ["--num-runs", "2", "--min-secs", "0", "--rate-secs", "0", "--profile-runs", "0"]
IDENTITY = MeasuredModel(slug="tiny", name="tiny", recipe="fp32", sha256="0" * 64, bytes=1)
SHORT = BenchmarkConfig(
    num_runs=2, min_secs=0, warmup_min_secs=0, rate_hz=0, profile_runs=0, memory=False
)


def contract(file: Path, target: Path) -> Path:
    draw = np.random.default_rng(0)
    chosen = [
        GoldenPicture(name=f"{n}.png", content=as_png(draw.integers(0, 256, (8, 8, 1), np.uint8)))
        for n in range(2)
    ]
    return golden.write(golden_making.make(file, require_card(file), chosen), target)


def ended(*words: object) -> int:
    with pytest.raises(SystemExit) as end:
        cli.main(["bench", *map(str, words), *QUICK])
    return int(end.value.code or 0)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_device_that_keeps_the_contract_says_so(file: Path, tmp_path: Path) -> None:
    source = contract(file, tmp_path / "m.golden.zip")
    record = tmp_path / "results.json"
    assert ended(file, "--golden", source, "--export-json", record) == 0
    (run,) = results.load(record).runs
    found = run.conditions.golden
    assert found is not None
    assert (found.kept, found.total, found.contract) == (2, 2, "m.golden.zip")
    assert found.max_difference <= found.tolerance


def test_a_device_that_breaks_it_ends_with_4_and_the_run_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, record = contract(FILES[0], tmp_path / "m.golden.zip"), tmp_path / "results.json"
    made = golden.read(source)
    samples = tuple(
        replace(sample, expected=tuple(value + 1 for value in sample.expected))
        for sample in made.contract.samples
    )
    golden.write(replace(made, contract=replace(made.contract, samples=samples)), source)
    assert ended(FILES[0], "--golden", source, "--export-json", record) == 4
    assert "outputs for 2 of 2 golden pictures differ by up to 1" in capsys.readouterr().err
    (run,) = results.load(record).runs
    assert run.conditions.golden is not None
    assert run.conditions.golden.kept == 0


def test_a_contract_of_another_file_is_refused(tmp_path: Path) -> None:
    source = contract(FILES[0], tmp_path / "m.golden.zip")
    with pytest.raises(UsageError, match="does not take the input bytes of m"):
        tflconv.bench([FILES[1]], golden=source, num_runs=2, min_secs=0, profile_runs=0)


def test_starts_are_measured_with_a_weight_cache_and_without(tmp_path: Path) -> None:
    run = bench(FILES[0], Host(), replace(SHORT, weight_cache=True), identity=IDENTITY)
    starts = run.cold_start
    assert starts is not None
    assert (len(starts.without), len(starts.cached)) == (5, 5)
    everything = (*starts.without, *starts.cached, starts.writing)
    assert all(isinstance(s, Start) and s.init_ns and s.peak_bytes > 1 << 20 for s in everything)
    file = tmp_path / "results.json"
    results.Results(runs=(run,)).save(file)
    assert results.load(file).runs[0].cold_start == starts
    plain = bench(FILES[0], Host(), SHORT, identity=IDENTITY)
    results.Results(runs=(plain,)).save(file)
    assert "cold_start" not in json.loads(file.read_text())["runs"][0]


def test_a_weight_cache_is_written_and_then_used(tmp_path: Path) -> None:
    from tflconv.benchmark import Laboratory

    session = Laboratory().session(FILES[0], Host(), SHORT)
    cache = tmp_path / "cache"
    session.start(weight_cache=str(cache))
    written = cache.stat()
    assert written.st_size > 0
    session.start(weight_cache=str(cache))
    assert cache.stat().st_mtime_ns == written.st_mtime_ns
