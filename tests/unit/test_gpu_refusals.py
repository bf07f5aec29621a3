"""What the GPU delegate refuses, and when what a GPU gave is not believed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_graphs import INT32, Builder, dense

from tflconv import cli
from tflconv.benchmark.gpu import wrong_values
from tflconv.inspection import gpu
from tflconv.tflite import reading

CPU = np.array([0.1, 0.7, 0.2])


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([np.nan, 0.7, 0.2], "NaN or infinite"),
        ([np.inf, 0.7, 0.2], "NaN or infinite"),
        ([0.4, 0.4, 0.4], "one value for all 3 outputs"),
        ([0.1, 0.6, 0.2], "differ by up to 17 % of their range"),
    ],
)
def test_outputs_that_are_not_believed(values: list[float], told: str) -> None:
    assert told in str(wrong_values(np.array(values), CPU))


@pytest.mark.parametrize("values", [[0.1, 0.7, 0.2], [0.11, 0.69, 0.2]])
def test_outputs_that_are(values: list[float]) -> None:
    assert wrong_values(np.array(values), CPU) is None


def test_a_step_of_integers_is_no_difference_whatever_their_range() -> None:
    assert wrong_values(np.array([3.0, 4.0]), np.array([3.0, 5.0]), allowed=4) is None
    assert wrong_values(np.array([3.0, 10.0]), np.array([3.0, 5.0]), allowed=4) is not None


def refused(build: Builder, inputs: list[int], outputs: list[int]) -> dict[int, str]:
    model = reading.parse(build.content(inputs, outputs), Path("m.tflite"))
    return dict(gpu.refusals(model))


def test_each_reason_of_a_refusal_is_named() -> None:
    build = Builder()
    source = build.tensor((1, 8))
    hidden = dense(build, source, 8, 4)
    raised = build.tensor((1, 4))
    build.op("ATAN2", [hidden, hidden], [raised])
    deep = build.tensor((1, 1, 1, 2, 2))
    build.op("RESHAPE", [raised, build.tensor((5,), INT32, values=[1, 1, 1, 2, 2])], [deep])
    own = build.tensor((1, 4))
    build.op("MyOp", [raised], [own], b"")
    wide = build.tensor((1, 4), 9 - 2)  # INT16
    build.op("CAST", [own], [wide])
    assert refused(build, [source], [wide, deep]) == {
        1: "the GPU delegate has no such operator",
        2: "a tensor has 5 dimensions, and 4 are the most",
        3: "the GPU delegate has no such operator",
        4: "a tensor is int16",
    }


def test_inspect_names_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build = Builder()
    source = build.tensor((1, 8))
    raised = build.tensor((1, 8))
    build.op("ATAN2", [source, source], [raised])
    file = build.write(tmp_path / "m.tflite", [source], [raised])
    with pytest.raises(SystemExit):
        cli.main(["inspect", str(file), "--for", "gpu"])
    out = capsys.readouterr().out
    assert "GPU delegate: takes 0 of 1 operators by their kind" in out
    assert "1 x ATAN2: the GPU delegate has no such operator" in out
    with pytest.raises(SystemExit):
        cli.main(["inspect", str(file), "--for", "gpu", "--json"])
    (told,) = json.loads(capsys.readouterr().out)["gpu_refusals"]
    assert (told["index"], told["operator"]) == (0, "ATAN2")
