"""Whatever is in a ``.tflite`` file, inspecting it ends with an answer or a ``TflconvError``."""

from __future__ import annotations

from pathlib import Path

import pytest
from random_graphs import RandomGraph

from fakes.inspecting import inspect_whole
from fakes.mutants import disordered, mutant
from tflconv.errors import TflconvError

GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "models").rglob("*.tflite"))


@pytest.mark.parametrize("part", range(4))
def test_damaged_files_are_inspected_or_refused(part: int, tmp_path: Path) -> None:
    path, refused = tmp_path / "mutant.tflite", 0
    for number in range(50 * part, 50 * (part + 1)):
        path.write_bytes(mutant(GOLDEN[number % len(GOLDEN)].read_bytes(), number))
        try:
            inspect_whole(path)
        except TflconvError:
            refused += 1
    assert 10 < refused < 50


def test_disordered_graphs_are_inspected_or_refused(tmp_path: Path) -> None:
    path, refused = tmp_path / "disordered.tflite", 0
    for number in range(200):
        path.write_bytes(disordered(RandomGraph(number).content(), number))
        try:
            inspect_whole(path)
        except TflconvError:
            refused += 1
    assert 20 < refused < 180


def test_random_graphs_are_inspected(tmp_path: Path) -> None:
    path = tmp_path / "random.tflite"
    for seed in range(40):
        path.write_bytes(RandomGraph(seed).content())
        inspect_whole(path)
