"""What ``tflconv.inspect`` says in Python: all that the command can."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tiny_graphs import two_layers

import tflconv
from tflconv.cli.inspect import command
from tflconv.inspection.inspect import Inspection, inspect, to_json
from tflconv.pipeline.inspecting import TracedDifference
from tflconv.results import BenchmarkRun, DeviceInfo, Graph, MeasuredModel, Op, Results


@pytest.fixture
def float_path(tmp_path: Path) -> Path:
    """A small float file."""
    return two_layers(tmp_path / "float.tflite")


def test_python_can_ask_what_the_command_can(tmp_path: Path, float_path: Path) -> None:
    measured = Results(runs=(profiled(inspect(float_path).sha256),))
    measured.save(tmp_path / "r.json")
    for given in (measured, tmp_path / "r.json", [str(tmp_path / "r.json"), measured]):
        found = tflconv.inspect(float_path, results=given, target="gpu")
        assert isinstance(found, Inspection)
        assert [run.device.id for run in found.measured] == ["arm64:x"]
        assert found.gpu_refusals == {}
        assert "CONV_2D" in found._repr_html_()
        assert "GPU delegate: takes" in found._repr_html_()
    with pytest.warns(UserWarning, match=f"no measured graph of {float_path.name}"):
        tflconv.inspect(float_path, results=Results())
    plain = tflconv.inspect(float_path)
    assert isinstance(plain, Inspection)
    assert (plain.measured, plain.gpu_refusals) == ((), None)


def test_a_difference_in_python_has_both_files_and_the_errors(
    tmp_path: Path, float_path: Path
) -> None:
    np.save(tmp_path / "own.npy", np.zeros((2, *input_sides(float_path)), np.float32))
    samples = tmp_path / "own.npy"
    found = tflconv.inspect(float_path, float_path, calibration=samples, target="gpu")
    assert isinstance(found, TracedDifference)
    assert found.errors is not None
    assert found.errors.samples == 2
    assert [each.gpu_refusals for each in found.models] == [{}, {}]
    told = json.loads(CliRunner().invoke(command, [*[str(float_path)] * 2, "--json"]).stdout)
    wanted = [set(to_json(each)) - {"gpu_refusals"} for each in found.models]
    assert [set(model) for model in told["models"]] == wanted


def input_sides(path: Path) -> tuple[int, ...]:
    graph = inspect(path).model.main
    return tuple(graph.tensors[graph.inputs[0]].shape[1:])


def profiled(sha256: str) -> BenchmarkRun:
    """A run of an emulated core that counted what each operator costs."""
    ops = (Op(name="a", kind="CONV_2D", delegate="XNNPACK", instructions=9000.0),)
    return BenchmarkRun(
        model=MeasuredModel(slug="m", name="m", recipe="fp32", sha256=sha256, bytes=1),
        device=DeviceInfo(id="arm64:x", kind="emulator", name="x", abi="x", os="y"),
        graph=Graph(nodes=3, delegated=3, partitions=1, ops=ops),
    )
