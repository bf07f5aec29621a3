"""How much memory the tensors of a graph take at the worst time, and who asks for too much."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_graphs import Builder

from tflconv.benchmark import BenchmarkConfig, runner
from tflconv.core import bounded
from tflconv.errors import TflconvError
from tflconv.inspection.inspect import arena, inspect
from tflconv.model.interpreter import Interpreter
from tflconv.tflite import reading
from tflconv.tflite.lifetimes import most_bytes

GOLDEN = Path(__file__).parents[1] / "golden" / "models"


def chain(path: Path, side: int) -> Path:
    """Two steps between three tensors of ``side * side`` floats, of which two live at a time."""
    builder = Builder()
    first, second, third = (builder.tensor((1, side, side, 1)) for _ in range(3))
    builder.op("RELU", [first], [second])
    builder.op("TANH", [second], [third])
    return builder.write(path, [first], [third])


def test_two_of_three_tensors_live_at_a_time(tmp_path: Path) -> None:
    assert most_bytes(reading.read(chain(tmp_path / "a.tflite", 32)).main) == 2 * 4 * 32 * 32


@pytest.mark.parametrize("path", sorted(GOLDEN.rglob("*.tflite")), ids=lambda path: path.stem)
def test_no_plan_takes_less(path: Path) -> None:
    graph = reading.read(path).main
    assert 0 < most_bytes(graph) <= arena(graph)


@pytest.mark.parametrize(
    "use", [Interpreter, lambda path: runner.check(path, BenchmarkConfig())], ids=["open", "bench"]
)
def test_a_small_file_may_not_ask_for_gigabytes(
    use: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = chain(tmp_path / "large.tflite", 8000)
    message = "large.tflite declares tensors of 488 MB at a time; a file of its size may have 384"
    with pytest.raises(TflconvError, match=message):
        use(path)
    assert inspect(path).arena == 2 * 4 * 8000 * 8000
    use(chain(tmp_path / "fits.tflite", 1000))
    monkeypatch.setenv(bounded.VARIABLE, "128")
    runner.check(path, BenchmarkConfig())
