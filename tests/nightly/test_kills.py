"""SIGKILL at any moment: the same command, given again, ends with the right answer."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from fakes import shades
from tflconv import results
from tflconv.tflite import reading

PLAN = """
name = "killed"
dataset = "{pictures}"
resolution = 8
recipes = ["fp32", "static_wi8_ai8"]
calibration = {{ count = 8 }}
bench = {{ num_runs = 3, min_secs = 0, warmup_min_secs = 0, rate_secs = 0.2, profile_runs = 1 }}

[[models]]
model = "vit"
options = {{ patch = 4, dim = 8, depth = 1, heads = 2 }}
training = {{ epochs = 8, batch_size = 4 }}
"""
TRAIN = [
    "train", "vit", "--dataset", "pictures", "--resolution", "8", "--epochs", "40",
    "--batch-size", "4", "--option", "patch=4", "--option", "dim=8", "--option", "depth=1",
    "--option", "heads=2", "-o", "vit.keras",
]  # fmt: skip
CASES = {"study": ["study", "plan.toml", "-o", "out"], "train": TRAIN}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shades.write(tmp_path_factory.mktemp("data") / "pictures")


@pytest.mark.parametrize("command", CASES)
def test_kills_change_nothing(
    command: str,
    pictures: Path,
    tmp_path: Path,
    count: Callable[[int], int],
    tell: Callable[[str, str], None],
) -> None:
    arguments, draw = CASES[command], random.Random(command)
    started = time.monotonic()
    expected = finish(arguments, prepared(tmp_path / "whole", pictures))
    whole = time.monotonic() - started
    kills = count(20)
    moments = [draw.uniform(0, whole) for _ in range(kills)]
    late = 0
    for number, seconds in enumerate(moments):
        folder = prepared(tmp_path / str(number), pictures)
        late += not kill(arguments, folder, after=seconds)
        assert finish(arguments, folder) == expected, f"killed after {seconds:.2f} s"
    tell(
        f"{kills} kills within the {whole:.0f} s of `tflconv {command}`",
        f"{kills} times the same files ({late} had ended before)",
    )


def prepared(folder: Path, pictures: Path) -> Path:
    """A folder with the pictures and the plan, in which nothing ran yet."""
    folder.mkdir()
    (folder / "pictures").symlink_to(pictures)
    (folder / "plan.toml").write_text(PLAN.format(pictures=pictures))
    return folder


def start(arguments: Sequence[str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tflconv", *arguments],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill(arguments: Sequence[str], folder: Path, *, after: float) -> bool:
    """Start the command, kill it and nothing else; whether it was still running."""
    run = start(arguments, folder)
    try:
        run.wait(after)
    except subprocess.TimeoutExpired:
        run.kill()
    run.communicate()
    return run.returncode < 0


def finish(arguments: Sequence[str], folder: Path) -> dict[str, str]:
    """Give the command again, to its end; return what it left that must not depend on kills."""
    run = start(arguments, folder)
    _, stderr = run.communicate(timeout=300)
    assert run.returncode == 0, stderr
    left = {path.name: digest(path.read_bytes()) for path in folder.glob("*.keras")}
    for path in folder.glob("out/models/*.tflite"):
        left[path.name] = digest(repr(unnamed(path)).encode())
    if (folder / "out").exists():
        runs = results.load(folder / "out" / "results.json").runs
        left["measured"] = " ".join(run.model.slug for run in runs if run.latency)
    return left


def unnamed(path: Path) -> list[object]:
    """What a model computes: the names of tensors tell how often the process traced a network."""
    graph = reading.read(path).main
    tensors = [(t.shape, t.dtype, t.data, t.quantization) for t in graph.tensors]
    return [tensors, graph.operators, graph.inputs, graph.outputs]


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()
