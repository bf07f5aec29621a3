"""One bad file among several: the others are measured, and it is said what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from PIL import Image

from tflconv import cli, results
from tflconv.tflite import packing

GOLDEN = Path(__file__).parents[1] / "golden" / "models" / "ops" / "relu.tflite"

INT8 = Path(__file__).parents[1] / "golden" / "models" / "tiny_int8.tflite"
FLOAT = INT8.with_name("tiny_float32.tflite")
QUICK = ["--num-runs", "2", "--min-secs", "0", "--rate-secs", "0", "--profile-runs", "0"]


def single(path: Path, name: str, dtype: int | None = None) -> Path:
    """The golden model of one operator, which is made another one: custom if LiteRT has none."""
    model: Any = packing.unpack(GOLDEN.read_bytes())
    (graph,), (code,) = model.subgraphs, model.operatorCodes
    code.builtinCode = getattr(fb.BuiltinOperator, name, fb.BuiltinOperator.CUSTOM)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.customCode = name.encode() if code.builtinCode == fb.BuiltinOperator.CUSTOM else None
    graph.operators[0].builtinOptions, graph.operators[0].builtinOptionsType = None, 0
    for tensor in graph.tensors if dtype is not None else ():
        tensor.type = dtype
    path.write_bytes(packing.pack(model))
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two good files, and between them one each that is damaged, unsupported and deadly."""
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(single(tmp_path / "whole.tflite", "ABS").read_bytes()[:150])
    return [
        single(tmp_path / "first.tflite", "ABS"),
        damaged,
        single(tmp_path / "text.tflite", "ABS", fb.TensorType.STRING),
        single(tmp_path / "custom.tflite", "sinh"),
        single(tmp_path / "deadly.tflite", "aeq.hadamard_rotation"),
        single(tmp_path / "last.tflite", "NEG"),
    ]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    for part in ("train", "val", "test"):
        for name in ("zero", "one", "two"):
            place = tmp_path / "pictures" / part / name
            place.mkdir(parents=True)
            for index in range(4):
                pixels = draw.integers(0, 256, (8, 8), np.uint8)
                Image.fromarray(pixels).save(place / f"{index}.png")
    return tmp_path / "pictures"


def bench(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(["bench", *map(str, arguments), *QUICK])
    return int(ended.value.code or 0)


def test_bad_files_do_not_end_the_others(
    files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(*files, "--export-json", tmp_path / "runs.json") == 1
    runs = results.load(tmp_path / "runs.json").runs
    assert [run.model.slug for run in runs] == ["first", "last"]
    table, told = capsys.readouterr()
    assert ("first" in table, "last" in table, "custom" in table) == (True, True, False)
    assert "damaged.tflite is damaged or cut short" in told
    assert "text.tflite cannot run: its input 0 is text (a string)" in told
    assert "it needs the custom operator sinh, which LiteRT's CPU runtime lacks" in told
    assert "deadly.tflite on host: the harness was ended by SIG" in told


def test_what_only_litert_knows_stands_in_the_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(single(tmp_path / "m.tflite", "FLOOR", fb.TensorType.INT32)) == 1
    told = capsys.readouterr().err
    assert "m.tflite on host: cannot " in told
    assert "tflite/kernels/floor.cc" in told
    assert "(in FLOOR)" in told


def test_a_device_that_is_not_there_ends_with_3_and_files_with_1(files: list[Path]) -> None:
    assert bench(files[0], "-s", "nobody", "--adb", "/bin/false") == 3
    assert bench(files[3], "--device", "host") == 1


def test_a_lost_device_counts_more_than_a_bad_file_after_it(
    files: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    lost_first = ["--device", "adb:nobody", "--device", "host", "--adb", "/bin/false"]
    assert bench(files[4], *lost_first) == 3
    assert "the harness was ended by SIG" in capsys.readouterr().err


def test_a_damaged_file_does_not_end_the_others_where_pictures_are_evaluated(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(INT8.read_bytes()[:500])
    said = ["--dataset", pictures, "--normalize", "0..1", "--labels", labels(tmp_path)]
    assert bench(damaged, INT8, *said, "--export-json", tmp_path / "runs.json") == 1
    (run,) = results.load(tmp_path / "runs.json").runs
    assert (run.model.slug, run.accuracy is not None) == ("tiny_int8", True)
    assert "damaged" in capsys.readouterr().err


def test_a_file_that_takes_other_pictures_does_not_end_the_others(
    files: list[Path], pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ["--dataset", pictures, "--normalize", "0..1"]
    assert bench(files[0], FLOAT, *said, "--export-json", tmp_path / "runs.json") == 2
    (run,) = results.load(tmp_path / "runs.json").runs
    assert run.model.slug == "tiny_float32"
    capsys.readouterr()
    assert bench(files[0], files[-1], *said) == 2
    assert "..." not in capsys.readouterr().err  # nothing was measured


def test_an_accuracy_that_means_nothing_is_said_to(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Answers that are no numbers are those of no class, and one class for all was not learned."""
    strange = weighted(tmp_path / "strange.tflite", 0, np.nan, 0)
    constant = weighted(tmp_path / "constant.tflite", -1, 1, -1)
    said = ["--dataset", pictures, "--normalize", "0..1", "--labels", labels(tmp_path)]
    assert bench(strange, constant, *said, "--export-json", tmp_path / "runs.json") == 1
    (run,) = results.load(tmp_path / "runs.json").runs
    assert run.accuracy is not None
    assert (run.model.slug, run.accuracy.top1) == ("constant", 1 / 3)
    assert any("gives the same class to all 12 pictures" in each for each in run.warnings)
    told = capsys.readouterr().err
    assert "strange.tflite gives NaN or infinite scores for 12 of 12 samples" in told


def test_a_reference_that_cannot_run_is_said_before_anything_is_measured(
    files: list[Path], pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ["--dataset", pictures, "--normalize", "0..1", "--reference", files[3]]
    assert bench(FLOAT, *said) == 1
    told = capsys.readouterr().err
    assert "custom.tflite cannot run" in told
    assert "..." not in told


def weighted(path: Path, *scores: float) -> Path:
    """The tiny float model whose three scores are so many times the sum of its features."""
    model: Any = packing.unpack(FLOAT.read_bytes())
    graph, codes = model.subgraphs[0], [code.builtinCode for code in model.operatorCodes]
    (dense,) = (
        each
        for each in graph.operators
        if codes[each.opcodeIndex] == fb.BuiltinOperator.FULLY_CONNECTED
    )
    weights = graph.tensors[dense.inputs[1]]
    content = np.repeat(np.array(scores, np.float32), weights.shape[1]).view(np.uint8)
    model.buffers[weights.buffer].data = content
    path.write_bytes(packing.pack(model))
    return path


def labels(folder: Path) -> Path:
    """A file that names the outputs of the tiny models."""
    file = folder / "labels.txt"
    file.write_text("one\ntwo\nzero\n")
    return file
